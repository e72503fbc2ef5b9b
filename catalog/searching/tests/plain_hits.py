"""Hits in plain Python over a list of stones as they once were: what any evaluator of an old version may give."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.certificates import proving
from catalog.models import Diamond
from catalog.searching.conditions import All, Asked, holds
from catalog.searching.hits import Count, Facet, Spread, ratio_edges
from catalog.searching.sorts import Place, Sort


def meets(stone: Diamond, asked: Asked) -> bool:
    """Whether a stone meets all that is asked."""
    return holds(All(tuple(asked.values())), lambda column: getattr(stone, column))


class PlainHits:
    """The hits of a search among some stones."""

    found_by = "index"

    def __init__(self, version: int, stones: Sequence[Diamond], asked: Asked) -> None:
        self.version = version
        self._all, self._asked = stones, asked
        self.stones = [stone for stone in stones if meets(stone, asked)]

    def of(self, asked: Asked) -> PlainHits:
        return PlainHits(self.version, self._all, asked)

    def count(self) -> Count:
        return Count(len(self.stones))

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        return page_of(self.stones, sort, after, limit)

    def spread(self, across: int, up: int) -> Spread:
        weighed = [
            (stone.lab_grown, int(stone.carats * 1000), stone.price_cents) for stone in self.stones if stone.carats
        ]
        if not weighed:
            return Spread([], [], {})
        _, weights, prices = zip(*weighed, strict=True)
        carats, cents = (
            ratio_edges(min(numbers), max(numbers), steps) for numbers, steps in ((weights, across), (prices, up))
        )
        return Spread(
            carats,
            cents,
            Counter(
                (is_lab, bisect_right(carats[:-1], weight) - 1, bisect_right(cents[:-1], price) - 1)
                for is_lab, weight, price in weighed
            ),
        )

    def facet(self, attribute: str, column: str, *, edges: Sequence[Any] | None = None) -> Facet:
        others = self.of({name: condition for name, condition in self._asked.items() if name != attribute}).stones
        values = [getattr(stone, column) for stone in others]
        if edges is None:
            return Facet(Counter(values))
        known = [value for value in values if value is not None]
        counts: Counter[Any] = Counter(edges[bisect_right(edges, value) - 1] for value in known)
        if lacking := len(values) - len(known):
            counts[None] = lacking
        return Facet(counts, min(known, default=None), max(known, default=None))

    def by_certificate(self) -> PlainCertified:
        return PlainCertified(self.version, self.stones, stone_of_each(self._all))


class PlainCertified:
    """The cheapest stone of each certificate among some stones."""

    found_by = "index"

    def __init__(self, version: int, stones: Sequence[Diamond], stone_of: Mapping[UUID, Any]) -> None:
        self.version = version
        self._stone_of = stone_of
        self._offers = Counter(stone_of[stone.pk] for stone in stones)
        cheapest: dict[Any, Diamond] = {}
        for stone in sorted(stones, key=lambda stone: (stone.price_cents, stone.pk)):
            cheapest.setdefault(stone_of[stone.pk], stone)
        self._stones = {stone.pk: stone for stone in cheapest.values()}

    def count(self) -> Count:
        return Count(len(self._stones))

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        return page_of(list(self._stones.values()), sort, after, limit)

    def offers(self, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        return {identity: self._offers[self._stone_of[identity]] for identity in ids}


def page_of(stones: Sequence[Diamond], sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
    """The places behind one, in an order: stones without the value last, ties by id, both the way of the sort."""
    places = [(getattr(stone, sort.column), stone.pk) for stone in stones]
    known = sorted((place for place in places if place[0] is not None), reverse=sort.descending)
    unknown = sorted((place for place in places if place[0] is None), reverse=sort.descending)
    in_order = known + unknown
    return [place for place in in_order if after is None or _is_behind(place, after, sort)][:limit]


def _is_behind(place: Place, after: Place, sort: Sort) -> bool:
    if (place[0] is None) != (after[0] is None):
        return place[0] is None
    key, other = (place, after) if place[0] is not None else (place[1:], after[1:])
    return key < other if sort.descending else key > other


def stone_of_each(offers: Sequence[Diamond]) -> dict[UUID, Any]:
    """By the ids of all offers what those of one stone share; one that has no certificate that proves anything is alone."""
    by_certificate: dict[Any, list[Diamond]] = {}
    for offer in offers:
        number = proving(offer.certificate_number)
        key = (number, offer.lab, offer.lab_grown, offer.shape) if number else offer.pk
        by_certificate.setdefault(key, []).append(offer)
    stone_of = {}
    for key, alike in by_certificate.items():
        last, part = None, 0
        for offer in sorted(alike, key=lambda offer: offer.carats or 0):
            carats = offer.carats or Decimal(0)
            part += last is not None and carats > last * Decimal("1.01")
            stone_of[offer.pk] = (key, part)
            last = carats
    return stone_of
