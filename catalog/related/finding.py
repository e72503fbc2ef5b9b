"""Finding the stones that are near one, or that match it: a box of conditions around it, counted, and the nearest in it.

The box is as large as its stones can be compared one by one. All stones within it are compared, so of its stones the
answer is exact; where stones lie so dense that the smallest box holds too many, it is of those nearest in price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nsmallest
from typing import Any
from uuid import UUID

from catalog.certificates import folded
from catalog.models import Availability
from catalog.related import nearness, pairs
from catalog.searching import pages
from catalog.searching.conditions import AnyOf, Asked
from catalog.searching.hits import Hits
from catalog.searching.sorts import SORTS
from catalog.searching.standing import standing

#: Stones that are compared one by one.
MAX_COMPARED = 600
#: Boxes around a stone (steps of `nearness`), tried from the smallest on.
STEPS = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Boxes around a stone that is to be matched (mm).
APART_MM = (Decimal("0.01"), Decimal("0.03"), pairs.MAX_APART_MM)

Stone = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Near:
    """Stones near one, the nearest first, each with its distance; `version` of the catalogue they were found in."""

    stones: Sequence[tuple[UUID, float]]
    version: int
    found_by: str


def nearest(stone: Stone, view: Asked, limit: int) -> Near:
    """The available stones of its kind that are the fewest steps away, by `nearness.distance`."""
    boxes = [{**nearness.of_its_kind(stone), **nearness.within(stone, steps)} for steps in STEPS]
    reaches = dict(enumerate(STEPS))
    return _find(stone, view, boxes, nearness.COLUMNS, nearness.distance, limit, reaches)


def matches(stone: Stone, view: Asked, limit: int) -> Near | None:
    """The available stones that match it, the closest first; None if nothing can be said to match it."""
    if not pairs.can_be_matched(stone):
        return None
    boxes = [pairs.matching(stone, apart) for apart in APART_MM]
    return _find(stone, view, boxes, pairs.COLUMNS, pairs.distance, limit, {})


def _find(
    stone: Stone,
    view: Asked,
    boxes: Sequence[Asked],
    columns: Sequence[str],
    distance: Callable[[Stone, Stone], float],
    limit: int,
    reaches: Mapping[int, float],
) -> Near:
    for_sale = {"related.availability": AnyOf("availability", (Availability.AVAILABLE.value,))}
    asked: list[Asked] = [{**view, **for_sale, **box} for box in boxes]

    def use(hits: Hits) -> Near:
        best: list[tuple[float, UUID]] = []
        for number, box in enumerate(asked):
            inside = hits.of(box)
            count = inside.count()
            if number and (count.number > MAX_COMPARED or not count.exact):
                break
            ids = [identity for identity in _around(inside, stone) if identity != stone["id"]]
            best = nsmallest(limit, _compared(stone, ids, box, columns, distance))
            reach = reaches.get(number)
            if reach is not None and len(best) == limit and best[-1][0] <= reach:
                # Whatever is outside of the box is further away.
                break
        return Near([(identity, steps) for steps, identity in best], hits.version, hits.found_by)

    return pages.with_hits(asked[-1], use)


def _around(hits: Hits, stone: Stone) -> Iterator[UUID]:
    """All hits, or half as many as can be compared on each side of the stone's price."""
    place = (stone["price_cents"], stone["id"])
    most = MAX_COMPARED if hits.count().number <= MAX_COMPARED else MAX_COMPARED // 2
    for name in ("price", "-price"):
        yield from (identity for _, identity in hits.page(SORTS[name], place, most))


def _compared(
    stone: Stone, ids: Sequence[UUID], asked: Asked, columns: Sequence[str], distance: Callable[[Stone, Stone], float]
) -> Iterator[tuple[float, UUID]]:
    """The stones of these ids as they are now, with their distance; not the same stone as another supplier offers it."""
    certificate = folded(stone["certificate_number"])
    for identity, values in standing(ids, asked, columns[1:]).items():
        other = {"id": identity, **dict(zip(columns[1:], values, strict=True))}
        if certificate is None or folded(other["certificate_number"]) != certificate:
            yield distance(stone, other), identity
