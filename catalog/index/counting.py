"""Hits by the values of one column: the few are counted one by one, many by the words that they share with each bitmap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.index import bits
from catalog.index.attributes import Digest, Presence, Word
from catalog.index.bits import Rows, Words
from catalog.index.deriving import Bitmaps
from catalog.index.evaluating import NotIndexed, exact, form_of, numeric_form_of
from catalog.index.snapshot import Snapshot, missing
from catalog.searching.hits import Facet

#: What it costs to count one hit by itself, in words of a bitmap that are counted meanwhile: by value, and into buckets.
_COST_OF_A_ROW = 3
_COST_IN_A_HISTOGRAM = 12
#: What it costs to find the stones of a word: once for one facet, or for all facets of attributes that nothing is asked of.
_COST_OF_FINDING = 20
_COST_OF_FINDING_FOR_MANY = 8
#: Numbers that are worth a table of all values between the least and the greatest.
_MANY = 4096
#: Rows that are looked at together.
_PIECE = 65_536


class Base:
    """The stones among which values are counted; `shared` if those of several facets."""

    def __init__(self, words: Words, *, shared: bool = False) -> None:
        self.words = words
        self._finding = _COST_OF_FINDING_FOR_MANY if shared else _COST_OF_FINDING

    @cached_property
    def number(self) -> int:
        return bits.count(self.words)

    @cached_property
    def rows(self) -> Rows:
        return bits.rows_of(self.words)

    def is_counted_by(self, bitmaps: Bitmaps, cost_of_a_row: int) -> bool:
        """Whether it is quicker to count what it shares with each of the bitmaps than stone by stone."""
        finding = 0 if "rows" in self.__dict__ else self._finding * len(self.words)
        return finding + self.number * cost_of_a_row > bitmaps.words.size


def facet(snapshot: Snapshot, base: Base, column: str, edges: Sequence[Any] | None) -> Facet:
    """The facet of a column among stones; with edges its histogram. Raises `NotIndexed`."""
    form = form_of(snapshot, column)
    if isinstance(form, Digest | Presence):
        raise NotIndexed(f"the index does not keep the texts of {column}")
    if edges is not None:
        return _histogram(snapshot, base, column, edges)
    value = snapshot.words[column].__getitem__ if isinstance(form, Word) else form.value
    return Facet({None if n is None else value(n): count for n, count in _by_number(snapshot, base, column).items()})


def _by_number(snapshot: Snapshot, base: Base, column: str) -> Mapping[int | None, int]:
    if (bitmaps := snapshot.bitmaps.get(column)) is not None:
        is_kept = snapshot.is_kept(column)
        counts: list[int] | None = None
        if base.is_counted_by(bitmaps, _COST_OF_A_ROW if is_kept else _COST_OF_A_ROW * len(bitmaps.values)):
            counts = _shared(base, bitmaps)
        elif not is_kept:
            counts = [int(np.count_nonzero(bits.has(words, base.rows))) for words in bitmaps.words]
        if counts is not None:
            return {value: count for value, count in zip(bitmaps.values, counts, strict=True) if count}
    numbers = snapshot.numbers(column)
    lacking = missing(numbers.dtype)
    if numbers.itemsize <= 2:
        return {None if n == lacking else n: count for n, count in _tallied(snapshot, column, base)}
    occurring, times = np.unique(numbers[base.rows], return_counts=True)
    return {None if n == lacking else n: m for n, m in zip(occurring.tolist(), times.tolist(), strict=True)}


def _tallied(snapshot: Snapshot, column: str, base: Base) -> Iterator[tuple[int, int]]:
    """The short numbers that occur, each with how often it does."""
    numbers = snapshot.numbers(column)
    places = numbers.view(np.uint8 if numbers.itemsize == 1 else np.uint16)
    if base.number * 2 > len(numbers):
        # The others are fewer.
        tally = snapshot.tally(column) - _bincount(places, bits.rows_of(snapshot.everything & ~base.words))
    else:
        tally = _bincount(places, base.rows)
    occurring = np.flatnonzero(tally)
    return zip(occurring.astype(places.dtype).view(numbers.dtype).tolist(), tally[occurring].tolist(), strict=True)


def _bincount(places: NDArray[Any], rows: Rows) -> NDArray[np.int64]:
    """How often each number from 0 on is that of one of the rows; a piece at a time, so that no column is copied."""
    tally = np.zeros(np.iinfo(places.dtype).max + 1, np.int64)
    for begin in range(0, len(rows), _PIECE):
        part = np.bincount(places[rows[begin : begin + _PIECE]])
        tally[: len(part)] += part
    return tally


def _shared(base: Base, bitmaps: Bitmaps) -> list[int]:
    """How many of the stones each bitmap has, which together have every stone once."""
    counts = bits.shared(base.words, bitmaps.words[:-1], bitmaps.sizes[:-1])
    return [*counts, base.number - sum(counts)]


@dataclass(frozen=True)
class _Tally:
    """Stones by bucket, those that lack the value, and the least and the greatest number."""

    counts: list[int]
    lacking: int
    low: int | None
    high: int | None


def _histogram(snapshot: Snapshot, base: Base, column: str, edges: Sequence[Any]) -> Facet:
    form = numeric_form_of(snapshot, column)
    # A value is at or above an edge if its number is at or above the next whole one.
    borders = np.array([exact(form, edge).__ceil__() for edge in edges], np.int64)
    if column == "price_cents":
        tally = _along_the_rows(snapshot.numbers(column), base, borders)
    elif column in snapshot.bitmaps:
        tally = _of_values(_by_number(snapshot, base, column), borders)
    elif (
        (buckets := snapshot.buckets.get(column))
        and buckets.has_edges
        and base.is_counted_by(buckets, _COST_IN_A_HISTOGRAM)
    ):
        tally = _by_buckets(snapshot, base, column, borders)
    else:
        tally = _one_by_one(snapshot.numbers(column)[base.rows], borders)
    counts: dict[Any, int] = {edge: count for edge, count in zip(edges, tally.counts, strict=True) if count}
    if tally.lacking:
        counts[None] = tally.lacking
    low, high = (None if end is None else form.value(end) for end in (tally.low, tally.high))
    return Facet(counts, low, high)


def _of_values(counts: Mapping[int | None, int], borders: NDArray[np.int64]) -> _Tally:
    known = sorted((number, count) for number, count in counts.items() if number is not None)
    tally = np.zeros(len(borders), np.int64)
    for number, count in known:
        tally[np.searchsorted(borders, number, "right") - 1] += count
    low, high = (known[0][0], known[-1][0]) if known else (None, None)
    return _Tally(tally.tolist(), counts.get(None, 0), low, high)


def _along_the_rows(prices: NDArray[Any], base: Base, borders: NDArray[np.int64]) -> _Tally:
    """A histogram of the column in whose order the rows lie: words are counted once, and cut where an edge is."""
    filled = np.flatnonzero(base.words)
    if not len(filled):
        return _Tally([0] * len(borders), 0, None, None)
    before = np.zeros(len(base.words) + 1, np.int64)
    np.cumsum(np.bitwise_count(base.words), out=before[1:])
    kept = np.iinfo(prices.dtype)
    rows = np.searchsorted(prices, np.clip(borders, kept.min, kept.max).astype(prices.dtype))
    rows[borders > kept.max] = len(prices)
    words, rests = rows >> 6, (rows & 63).astype(np.uint64)
    cut = np.append(base.words, np.uint64(0))[words] & ((np.uint64(1) << rests) - np.uint64(1))
    below = before[words] + np.bitwise_count(cut)
    first, last = bits.rows_of(base.words[filled[:1]])[0] & 63, bits.rows_of(base.words[filled[-1:]])[-1] & 63
    low, high = prices[filled[0] * 64 + first], prices[filled[-1] * 64 + last]
    return _Tally(np.diff(below, append=before[-1]).tolist(), 0, int(low), int(high))


def _by_buckets(snapshot: Snapshot, base: Base, column: str, borders: NDArray[np.int64]) -> _Tally:
    """A histogram from the file's buckets; rows are looked at only in those in which an edge lies, and at both ends."""
    numbers, buckets = snapshot.numbers(column), snapshot.buckets[column]
    begins = np.array(buckets.values[:-1], np.int64)
    held = _shared(base, buckets)
    into = np.searchsorted(borders, begins, "right") - 1
    # The last number of a bucket is below the next one's edge; of the last bucket nothing is known.
    ends = np.append(begins[1:] - 1, np.iinfo(np.int64).max)
    whole = into == np.searchsorted(borders, ends, "right") - 1
    filled = [place for place in range(len(begins)) if held[place]]
    if not filled:
        return _Tally([0] * len(borders), held[-1], None, None)
    counts = np.zeros(len(borders), np.int64)
    order, starts = snapshot.orders.get(column), snapshot.starts(column)
    low: int | None = None
    high: int | None = None
    for place in filled:
        is_end = place in (filled[0], filled[-1])
        if not whole[place] or (is_end and order is None):
            part = _one_by_one(numbers[bits.rows_of(base.words & buckets.words[place])], borders)
            counts += part.counts
            low, high = part.low if low is None else low, part.high
            continue
        counts[into[place]] += held[place]
        if is_end and order is not None:
            along = order[starts[place] : starts[place + 1]]
            low = int(numbers[bits.first_of(base.words, along)]) if low is None else low
            high = int(numbers[bits.first_of(base.words, along[::-1])])
    return _Tally(counts.tolist(), held[-1], low, high)


def _one_by_one(numbers: NDArray[Any], borders: NDArray[np.int64]) -> _Tally:
    known = numbers[numbers != missing(numbers.dtype)].astype(np.int64)
    lacking = len(numbers) - len(known)
    if not len(known):
        return _Tally([0] * len(borders), lacking, None, None)
    low, high = int(known.min()), int(known.max())
    if high - low < max(_MANY, len(known)):
        before = np.append(0, np.cumsum(np.bincount(known - low)))
        below = before[np.clip(borders - low, 0, len(before) - 1)]
    else:
        below = np.searchsorted(np.sort(known), borders)
    return _Tally(np.diff(below, append=len(known)).tolist(), lacking, low, high)
