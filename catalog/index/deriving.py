"""What a version of the index has besides the stones' columns: bitmaps of values, buckets and orders, made from them.

Columns of few values get a bitmap for each value, and one for what lacks it. Numbers that many stones have each their own
get an order and bitmaps of buckets of about as many stones each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import offers
from catalog.columns import COLUMNS
from catalog.facets.edges import LADDERS
from catalog.index import bits
from catalog.index.attributes import CERTIFICATE, Moment, Scaled, Whole, forms
from diamondhub.access.scopes import Scope

#: Columns of more values have no bitmap for each.
MAX_BITMAPS = 96
#: Columns of no more bitmaps, that of what is lacking among them, are kept as these alone.
MAX_ALONE = 8
#: Buckets of an order that no ladder of edges cuts: what walks pass over at once.
BUCKETS = 8

_TYPES = (np.int8, np.int16, np.int32, np.int64)

Array = NDArray[Any]


@dataclass(frozen=True)
class Bitmaps:
    """Sets of rows by value (None: those that lack it), or by the lower edge of a bucket, rising, None last.

    Every row is in one of them.
    """

    values: tuple[int | None, ...]
    words: NDArray[np.uint64]
    #: How many rows each set has.
    sizes: tuple[int, ...]

    @property
    def has_edges(self) -> bool:
        """Whether there is any besides that of what is lacking."""
        return len(self.values) > 1

    def numbers(self, rows: int) -> Array:
        """The column of which these are the values, of so many rows."""
        numbers = np.full(rows, np.iinfo(self._dtype).min, self._dtype)
        for value, words in zip(self.values[:-1], self.words, strict=False):
            assert value is not None
            np.putmask(numbers, bits.unpack(words, rows), value)
        return numbers

    def numbers_at(self, rows: NDArray[np.integer]) -> list[int | None]:
        """The values in some rows."""
        numbers: list[int | None] = [None] * len(rows)
        for value, words in zip(self.values[:-1], self.words, strict=False):
            for place in np.flatnonzero(bits.has(words, rows)).tolist():
                numbers[place] = value
        return numbers

    @property
    def _dtype(self) -> Any:
        known = [value for value in self.values if value is not None]
        return smallest_type(min(known, default=0), max(known, default=0))


@dataclass
class Derived:
    """The arrays by their names in the file, and what belongs to them."""

    arrays: dict[str, Array] = field(default_factory=dict)
    values: dict[str, list[int | None]] = field(default_factory=dict)
    edges: dict[str, list[int | None]] = field(default_factory=dict)
    #: How many rows each bitmap has, by the array's name.
    sizes: dict[str, list[int]] = field(default_factory=dict)
    certificates: int = 0

    def add(self, name: str, words: NDArray[np.uint64]) -> None:
        """Add an array of bitmaps."""
        self.arrays[name] = words
        self.sizes[name] = [bits.count(bitmap) for bitmap in words]


def smallest_type(low: int, high: int) -> Any:
    """The smallest type that holds such numbers, and a lesser one for what is lacking."""
    return next(kind for kind in _TYPES if np.iinfo(kind).min < low and high <= np.iinfo(kind).max)


def extent(numbers: Array) -> tuple[int, int]:
    """The least and the greatest number that is known; twice 0 if none is."""
    if not len(numbers):
        return 0, 0
    # One less, the smallest number, which stands for what is lacking, becomes the greatest.
    low, high = int((numbers - 1).min()) + 1, int(numbers.max())
    return (low, high) if low <= high else (0, 0)


def derive(
    columns: Mapping[str, Array],
    id_high: NDArray[np.uint64],
    id_low: NDArray[np.uint64],
    by_id: NDArray[np.uint32] | None = None,
) -> Derived:
    """Everything that follows from the columns of stones in the order of their price.

    `by_id` are the rows in the order of their ids, if they are known already. Columns that few clients may sort by get no
    order of their own.
    """
    derived = Derived()
    if by_id is None:
        by_id = _by_id(id_high, id_low)
    rank = _ranks(by_id)
    derived.arrays["order/id"] = by_id
    derived.arrays["rank/id"] = rank
    sortable = {column.source for column in COLUMNS if column.sortable and column.scope is Scope.CATALOG_READ}
    for name, form in forms().items():
        numbers = columns[name]
        values = _values(numbers)
        if values is not None:
            _bitmaps(derived, name, numbers, values)
        elif isinstance(form, Whole | Scaled | Moment) and name != "price_cents":
            order = _order(numbers, by_id, rank) if name in sortable else None
            if order is not None:
                derived.arrays[f"order/{name}"] = order
            _buckets(derived, name, numbers, order)
    _certificates(derived, columns)
    return derived


def _by_id(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.uint32]:
    order = np.argsort(high)
    ordered = high[order]
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort((low, high))
    return order.astype(np.uint32)


def _ranks(by_id: NDArray[np.uint32]) -> NDArray[np.uint32]:
    ranks = np.empty_like(by_id)
    ranks[by_id] = np.arange(len(by_id), dtype=np.uint32)
    return ranks


def _order(numbers: Array, by_id: NDArray[np.uint32], rank: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The rows in the order of their numbers and then of their ids, with what is lacking behind all others.

    Numbers and ranks are sorted as one number each, which is several times as fast as a stable sort of rows.
    """
    # One less, the smallest number becomes the greatest.
    numbers = numbers - 1
    if numbers.itemsize > 4:
        order = np.argsort(numbers)
        ordered = numbers[order]
        runs = np.zeros(len(numbers), np.uint64)
        np.cumsum(ordered[1:] != ordered[:-1], out=runs[1:])
        keys = (runs << np.uint64(32)) | rank[order]
    else:
        keys = ((numbers.astype(np.int64) + 2**31).astype(np.uint64) << np.uint64(32)) | rank
    keys.sort()
    return by_id[keys.astype(np.uint32)]


def _values(numbers: Array) -> list[int] | None:
    """The known values of a column, rising; None if there are too many for bitmaps."""
    least = np.iinfo(numbers.dtype).min
    if len(np.unique(numbers[:: max(1, len(numbers) // 10_000)])) > MAX_BITMAPS + 1:
        return None
    if numbers.itemsize <= 2:
        kind = np.uint8 if numbers.itemsize == 1 else np.uint16
        present = np.sort(np.flatnonzero(np.bincount(numbers.view(kind))).astype(kind).view(numbers.dtype))
    else:
        present = np.unique(numbers)
    values = [int(value) for value in present if value != least]
    return values if len(values) <= MAX_BITMAPS else None


def _bitmaps(derived: Derived, name: str, numbers: Array, values: list[int]) -> None:
    wanted = [*values, int(np.iinfo(numbers.dtype).min)]
    words = np.zeros((len(wanted), bits.words_for(len(numbers))), np.uint64)
    for place, value in enumerate(wanted):
        words[place] = bits.pack(numbers == value)
    derived.add(f"bits/{name}", words)
    derived.values[name] = [*values, None]


def _buckets(derived: Derived, name: str, numbers: Array, order: NDArray[np.uint32] | None) -> None:
    """Bitmaps of buckets from their edge up to, but not including, the next one; last, of what lacks the value.

    Without an order and a ladder of edges there is nothing that needs more than the last.
    """
    lacking = numbers == np.iinfo(numbers.dtype).min
    edges = _edges(name, numbers, lacking, ordered=order is not None)
    bucket = np.zeros(len(numbers), np.uint8)
    if order is not None:
        known = order[: len(numbers) - np.count_nonzero(lacking)]
        borders = [_below(numbers, known, edge) for edge in edges] + [len(known)]
        for place, (begin, end) in enumerate(pairwise(borders), start=1):
            bucket[known[begin:end]] = place
    elif edges:
        bucket = np.searchsorted(np.array(edges, numbers.dtype), numbers, "right").astype(np.uint8)
    # Bucket 0 is what lacks the value; it comes last.
    places = [*range(1, len(edges) + 1), 0]
    words = np.zeros((len(places), bits.words_for(len(numbers))), np.uint64)
    for place, code in enumerate(places):
        words[place] = bits.pack(bucket == code if edges else lacking)
    derived.add(f"buckets/{name}", words)
    derived.edges[name] = [*edges, None]


def _below(numbers: Array, order: NDArray[np.uint32], edge: int) -> int:
    """How many of the rows in their order have a lesser number."""
    first, last = 0, len(order)
    while first < last:
        middle = (first + last) // 2
        if numbers[order[middle]] < edge:
            first = middle + 1
        else:
            last = middle
    return first


def _edges(name: str, numbers: Array, lacking: NDArray[np.bool_], *, ordered: bool) -> list[int]:
    """The lower edges of a column's buckets, the first its least number."""
    if lacking.all():
        return []
    low, high = extent(numbers)
    ladder = _ladder(name, low, high)
    if ladder is None:
        if not ordered:
            return []
        known = numbers[~lacking]
        sample = np.sort(known[:: max(1, len(known) // 50_000)])
        ladder = sample[np.linspace(0, len(sample) - 1, BUCKETS + 1).astype(np.int64)[1:-1]].tolist()
    return sorted({low, *ladder})


def _ladder(name: str, low: int, high: int) -> list[int] | None:
    """The edges at which a column's histograms are cut anyway, of those between its least and greatest number."""
    form = forms()[name]
    ladder = next(
        (LADDERS[column.asked] for column in COLUMNS if column.source == name and column.asked in LADDERS), None
    )
    if ladder is None or not isinstance(form, Whole | Scaled):
        return None
    return [number for edge in ladder if low < (number := form.number(edge)) <= high]


def _certificates(derived: Derived, columns: Mapping[str, Array]) -> None:
    """Numbers for the stones that have several offers, as `catalog.offers` tells them apart."""
    digests = columns[CERTIFICATE]
    order = np.argsort(digests)
    order = order[digests[order] != np.iinfo(digests.dtype).min]
    ordered = digests[order]
    same = ordered[1:] == ordered[:-1]
    # What else tells stones apart is looked at where numbers are the same: these are few.
    alike = order[np.append(same, False) | np.append(False, same)] if len(order) else order
    carats = np.maximum(columns["carats"][alike].astype(np.int64), 0)
    facts = [columns[name][alike] for name in (*offers.SAME, CERTIFICATE)]
    sorting = np.lexsort((carats, *facts))
    alike, carats = alike[sorting], carats[sorting]
    same = 100 * carats[1:] <= (100 + offers.TOLERATED_PERCENT) * carats[:-1]
    for numbers in facts:
        same &= numbers[sorting][1:] == numbers[sorting][:-1]
    several = np.zeros(len(alike), np.bool_)
    several[1:] |= same
    several[:-1] |= same
    begins = several.copy()
    begins[1:] &= ~same
    shared = alike[several]
    group = (np.cumsum(begins) - 1)[several]
    by_row = np.argsort(shared)
    derived.arrays["shared/rows"] = shared[by_row].astype(np.uint32)
    derived.arrays["shared/certificate"] = group[by_row].astype(np.int32)
    single = np.ones(len(digests), np.bool_)
    single[shared] = False
    derived.arrays["single"] = bits.pack(single)
    derived.certificates = int(begins.sum())
