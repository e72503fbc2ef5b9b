"""The meaning of a `DiamondQuery`: the stones that it finds, and their number.

Dollars per carat are the price in cents / 100 / carats; a stone whose weight is unknown (carats 0, no certificate) costs 0
dollars per carat. By default whole dollars and whole hundredths of a carat are compared, so every stone falls into exactly
one whole dollar; with `exact` the exact values are compared, and stones fall between the ranges.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.sandbox import dirt, trade
from ingest.sandbox.inventory import Inventory
from ingest.sandbox.rendering import has_image, has_v360
from ingest.sandbox.rows import CLARITIES, COLORS, CUTS, real_rows
from ingest.sandbox.shelf import Conditions, Shelf, Span, among

Stones = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Stone numbers that are kept of recent queries in total: a walk asks for the same slice again and again.
REMEMBERED_STONES = 6_000_000
REMEMBERED_COUNTS = 50_000


class WrongQuery(ValueError):
    """A query has a value that the supplier does not understand."""


@dataclass(frozen=True, slots=True)
class Query:
    """A `DiamondQuery`, checked and hashable. `None` leaves a condition out; ranges are inclusive at both ends."""

    labgrown: bool | None = None
    dollar_per_carat: Span | None = None
    dollar_value: Span | None = None
    #: Any of several ranges of carats.
    sizes: tuple[Span, ...] | None = None
    #: Microseconds since 1970.
    updated: Span | None = None
    availability: tuple[int, ...] | None = None
    shapes: frozenset[str] | None = None
    color: frozenset[str] | None = None
    clarity: frozenset[str] | None = None
    cut: frozenset[str] | None = None
    has_image: bool | None = None
    has_v360: bool | None = None
    hide_memo: bool = False
    without_fair_and_poor: bool = False
    ids: tuple[str, ...] | None = None
    certificate_numbers: tuple[str, ...] | None = None


def read_query(fields: dict[str, Any]) -> Query:
    """A query from the coerced value of the GraphQL input. Raises `WrongQuery`."""

    def words(name: str) -> frozenset[str] | None:
        given = fields.get(name)
        return frozenset(str(word).strip().upper() for word in given) if given else None

    def texts(name: str) -> tuple[str, ...] | None:
        given = fields.get(name)
        return None if given is None else tuple(dict.fromkeys(given))

    # An empty list of sizes, availabilities or words is no condition; an empty list of ids finds nothing.
    sizes, availability = fields.get("sizes"), fields.get("availability")
    return Query(
        labgrown=fields.get("labgrown"),
        dollar_per_carat=_span(fields.get("dollar_per_carat")),
        dollar_value=_span(fields.get("dollar_value")),
        sizes=tuple(span for size in sizes if (span := _span(size)) is not None) if sizes else None,
        updated=_moments(fields.get("updated")),
        availability=tuple(sorted(set(availability))) if availability else None,
        shapes=words("shapes"),
        color=words("color"),
        clarity=words("clarity"),
        cut=words("cut"),
        has_image=fields.get("has_image"),
        has_v360=fields.get("has_v360"),
        hide_memo=bool(fields.get("hide_memo")),
        without_fair_and_poor=bool(fields.get("excludeFairPoorCuts")),
        ids=texts("ids"),
        certificate_numbers=texts("certificate_numbers"),
    )


def _span(given: dict[str, Any] | None) -> Span | None:
    if given is None:
        return None
    low, high = given.get("from"), given.get("to")
    return (-np.inf if low is None else float(low), np.inf if high is None else float(high))


def _moments(given: dict[str, Any] | None) -> Span | None:
    if given is None:
        return None
    low, high = given.get("from"), given.get("to")
    return (-np.inf if low is None else _microseconds(low), np.inf if high is None else _microseconds(high))


def _microseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongQuery(f"updated: {text[:60]!r} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


class Finder:
    """Answers queries over one inventory; remembers answers until the inventory changes."""

    def __init__(self, inventory: Inventory, *, exact: bool = False) -> None:
        self._inventory = inventory
        self._exact = exact
        self._shelves = {grown: Shelf(inventory, labgrown=grown, exact=exact) for grown in (False, True)}
        self._counts: dict[Query, int] = {}
        self._found: OrderedDict[tuple[Query, str, bool], NDArray[np.int32]] = OrderedDict()
        self._found_stones = 0
        self._version = inventory.version

    def count(self, query: Query) -> int:
        """The number of stones that a query finds."""
        self._forget_if_changed()
        if query not in self._counts:
            if len(self._counts) >= REMEMBERED_COUNTS:
                self._counts.clear()
            self._counts[query] = self._count(query)
        return self._counts[query]

    def find(self, query: Query, order: str = "createdAt", *, descending: bool = False) -> NDArray[np.int32]:
        """The numbers of all stones that a query finds, in the order asked for; ties by stone number."""
        self._forget_if_changed()
        key = (query, order, descending)
        stones = self._found.get(key)
        if stones is None:
            stones = self._sorted(self._find(query), order, descending).astype(np.int32)
            self._found[key] = stones
            self._found_stones += len(stones)
            while self._found_stones > REMEMBERED_STONES and len(self._found) > 1:
                self._found_stones -= len(self._found.popitem(last=False)[1])
        self._found.move_to_end(key)
        return stones

    def _forget_if_changed(self) -> None:
        if self._version != self._inventory.version:
            self._version = self._inventory.version
            self._counts.clear()
            self._found.clear()
            self._found_stones = 0

    def _count(self, query: Query) -> int:
        named = self._named(query)
        if named is not None:
            return len(named)
        shelves = [shelf for grown, shelf in self._shelves.items() if query.labgrown in (None, grown)]
        if not _needs_columns(query):
            return sum(shelf.count(self._conditions(query)) for shelf in shelves)
        return len(self._find(query))

    def _find(self, query: Query) -> Stones:
        named = self._named(query)
        if named is not None:
            return named
        conditions = self._conditions(query)
        stones = np.concatenate(
            [shelf.find(conditions) for grown, shelf in self._shelves.items() if query.labgrown in (None, grown)]
        )
        return stones[self._fits(stones, query)] if _needs_columns(query) else stones

    def _named(self, query: Query) -> Stones | None:
        """The stones that a query names by id or certificate and that meet its other conditions; None if it names none."""
        if query.ids is None and query.certificate_numbers is None:
            return None
        inventory, identity = self._inventory, self._inventory.identity
        sets = []
        if query.ids is not None:
            sets.append({identity.stone_of(text) for text in query.ids})
        if query.certificate_numbers is not None:
            sets.append({identity.stone_certified(text) for text in query.certificate_numbers})
        numbers = [number for number in set.intersection(*sets) if number is not None and number < inventory.size]
        stones = np.array(sorted(numbers), dtype=np.int64)
        if query.certificate_numbers is not None:
            unnamed = np.uint64(dirt.UNCERTIFIED | dirt.bit("no_certNumber"))
            stones = stones[(inventory.columns["dirt"][stones] & unnamed) == 0]
        if query.labgrown is not None:
            stones = stones[inventory.columns["labgrown"][stones] == query.labgrown]
        meeting = among(inventory, stones, self._conditions(query), exact=self._exact)
        return meeting[self._fits(meeting, query)]

    def _conditions(self, query: Query) -> Conditions:
        parts = 1_000 if self._exact else 100
        sizes = query.sizes and tuple((low * parts, high * parts) for low, high in query.sizes)
        return Conditions(query.dollar_per_carat, query.updated, sizes, query.availability == (trade.AVAILABLE,))

    def _fits(self, stones: Stones, query: Query) -> Mask:
        """A mask of the stones that meet the conditions that shelves do not know."""
        columns = {name: column[stones] for name, column in self._inventory.columns.items()}
        fits = np.ones(len(stones), dtype=np.bool_)
        if query.availability is not None:
            fits &= np.isin(columns["availability"], query.availability)
        if query.hide_memo:
            fits &= columns["availability"] != trade.MEMO
        if query.dollar_value is not None:
            low, high = query.dollar_value
            dollars = columns["price"] / 100.0 if self._exact else columns["price"] // 100
            fits &= (dollars >= low) & (dollars <= high)
        if query.has_image is not None:
            fits &= has_image(self._inventory, stones) == query.has_image
        if query.has_v360 is not None:
            fits &= has_v360(self._inventory, stones) == query.has_v360
        return fits & self._fits_certificate(columns, query)

    @staticmethod
    def _fits_certificate(columns: dict[str, NDArray[Any]], query: Query) -> Mask:
        real, row, carried = real_rows(), columns["row"], columns["dirt"]
        fits = np.ones(len(row), dtype=np.bool_)
        certified = (carried & np.uint64(dirt.UNCERTIFIED)) == 0

        def among(words: frozenset[str], names: tuple[str, ...], places: NDArray[np.uint8], blank: str) -> Mask:
            chosen = [place for place, name in enumerate(names) if name in words]
            graded: Mask = certified & ((carried & np.uint64(dirt.bit(blank))) == 0)
            return np.isin(places, chosen) & graded

        if query.shapes is not None:
            fits &= among(query.shapes, trade.SHAPE_NAMES, columns["shape"], "no_shape")
        if query.color is not None:
            colors = np.where(columns["fancy"] > 0, len(COLORS), real.color[row])
            fits &= among(query.color, (*COLORS, "FANCY"), colors, "no_color")
        if query.clarity is not None:
            fits &= among(query.clarity, CLARITIES, real.clarity[row], "no_clarity")
        if query.cut is not None:
            fits &= (columns["shape"] == trade.ROUND) & among(query.cut, CUTS, real.cut[row], "no_cut")
        if query.without_fair_and_poor:
            fits &= (columns["shape"] != trade.ROUND) | (real.cut[row] != CUTS.index("F"))
        return fits

    def _sorted(self, stones: Stones, order: str, descending: bool) -> Stones:
        columns = self._inventory.columns
        rows = columns["row"][stones]
        real = real_rows()
        if order == "createdAt":
            keys = columns["created"][stones]
        elif order == "price":
            keys = columns["price"][stones]
        elif order == "price_per_carat":
            keys = columns["price"][stones] / np.maximum(1, columns["weight"][stones])
        elif order == "size":
            keys = columns["weight"][stones]
        elif order in ("color", "clarity", "cut"):
            keys = getattr(real, order)[rows]
        elif order == "discount":
            keys = -(columns["price"][stones].astype(np.int64) % 6_000)
        else:
            # The orders none, insert and popular are that of the stones' numbers.
            keys = stones
        keys = keys.astype(np.float64)
        return stones[np.lexsort((stones, -keys if descending else keys))]


def _needs_columns(query: Query) -> bool:
    """Whether a query has conditions beyond price per carat, carats, time and being available."""
    return (
        query.availability not in (None, (trade.AVAILABLE,))
        or query.hide_memo
        or query.without_fair_and_poor
        or any(
            condition is not None
            for condition in (
                query.dollar_value,
                query.shapes,
                query.color,
                query.clarity,
                query.cut,
                query.has_image,
                query.has_v360,
            )
        )
    )
