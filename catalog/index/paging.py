"""Pages of hits in any order: the first rows behind a place, found without sorting all hits.

Few hits are read and sorted. Many are met soon by a walk of the rows in the order: of the price, which is how rows lie; of
the file's order of a column; or, value by value, of the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.index import bits
from catalog.index.bits import Rows, Words
from catalog.index.evaluating import exact, numeric_form_of, rank_range
from catalog.index.snapshot import Snapshot, ids_at, missing
from catalog.searching.sorts import Place, Sort

#: Hits up to here are sorted; more are met by walking.
FEW = 4096
#: Rows after which a walk asks which buckets of the order have any hit.
_PATIENCE = 16_384


def page_of(snapshot: Snapshot, hits: Words, number: int, sort: Sort, after: Place | None, limit: int) -> list[Place]:
    """The places of the first `limit` of so many hits behind a place. Raises `NotIndexed`."""
    form = numeric_form_of(snapshot, sort.column)
    walk = _Walk(snapshot, hits, number, sort, after)
    if sort.column == "price_cents":
        rows = walk.by_price(limit)
    elif sort.column in snapshot.bitmaps:
        rows = walk.by_values(limit)
    else:
        rows = walk.by_order(limit)
    keys = (None if number is None else form.value(number) for number in snapshot.numbers_at(sort.column, rows))
    return list(zip(keys, ids_at(snapshot.stones, rows), strict=True))


class _Walk:
    def __init__(self, snapshot: Snapshot, hits: Words, number: int, sort: Sort, after: Place | None) -> None:
        self._snapshot = snapshot
        self._hits = hits
        self._number = number
        self._column = sort.column
        self._down = sort.descending
        #: The number of the key behind which the page begins; None where that lacks the value.
        self._key: Any = None
        #: Stones of that key belong to the page from this rank on, or below it in a falling order.
        self._rank = len(snapshot) if self._down else 0
        self._begins = after is None
        if after is not None:
            key, identity = after
            self._key = None if key is None else exact(numeric_form_of(snapshot, sort.column), key)
            self._rank = rank_range(snapshot, identity)[0 if self._down else 1]

    def by_price(self, limit: int) -> Rows:
        prices = self._snapshot.columns["price_cents"]
        total = len(prices)
        if not self._begins and self._key is None:
            return _NONE
        border = total if self._down else 0
        if not self._begins:
            border = _first(
                total, lambda row: (int(prices[row]), int(self._snapshot.rank[row])) >= (self._key, self._rank)
            )
        looks = self._words_below(border) if self._down else self._words_from(border)
        return _gathered(looks, limit)

    def _words_from(self, row: int) -> Iterator[Rows]:
        """The hits from a row on, look by look."""
        word, look = row >> 6, bits.FIRST_LOOK >> 2
        while word < len(self._hits):
            rows = bits.rows_of(self._hits[word : word + look], word)
            yield rows[rows >= row]
            word, look = word + look, look << 2

    def _words_below(self, row: int) -> Iterator[Rows]:
        """The hits below a row, from the last on, look by look."""
        word, look = (row + 63) >> 6, bits.FIRST_LOOK >> 2
        while word > 0:
            first = max(0, word - look)
            rows = bits.rows_of(self._hits[first:word], first)
            yield rows[rows < row][::-1]
            word, look = first, look << 2

    def by_values(self, limit: int) -> Rows:
        """Value after value; those of one value in the order of the ids."""
        bitmaps = self._snapshot.bitmaps[self._column]
        known = range(len(bitmaps.values) - 1)
        looks = []
        wanted = limit
        for place in [*(reversed(known) if self._down else known), len(known)]:
            value = bitmaps.values[place]
            if self._is_passed(value):
                continue
            bound = self._rank if not self._begins and value == self._key else None
            hits = self._hits & bitmaps.words[place]
            rows = self._by_rank(hits, bound, wanted)
            looks.append(rows)
            wanted -= len(rows)
            if wanted <= 0:
                break
        return np.concatenate(looks) if looks else _NONE

    def _is_passed(self, value: int | None) -> bool:
        """Whether all stones of a value come before the place where the page begins."""
        if self._begins or value is None:
            return False
        return self._key is None or (value > self._key if self._down else value < self._key)

    def _by_rank(self, hits: Words, bound: int | None, limit: int) -> Rows:
        number = bits.count(hits)
        if not number:
            return _NONE
        if number <= FEW:
            rows = bits.rows_of(hits)
            ranks = self._snapshot.rank[rows]
            if bound is not None:
                kept = ranks < bound if self._down else ranks >= bound
                rows, ranks = rows[kept], ranks[kept]
            order = np.argsort(ranks)
            return rows[(order[::-1] if self._down else order)[:limit]]
        by_id = self._snapshot.by_id
        way = by_id[:bound][::-1] if self._down else by_id[bound or 0 :]
        return _gathered(bits.along(hits, way), limit)

    def by_order(self, limit: int) -> Rows:
        """Along the file's order of the column; the few, and those of columns without an order, are sorted instead."""
        if self._number <= FEW or self._column not in self._snapshot.orders:
            return self._sorted(limit)
        rows = _gathered(self._along(limit), limit)
        if len(rows) < limit:
            unknown = self._hits & self._snapshot.buckets[self._column].words[-1]
            bound = self._rank if not self._begins and self._key is None else None
            rows = np.concatenate([rows, self._by_rank(unknown, bound, limit - len(rows))])
        return rows

    def _sorted(self, limit: int) -> Rows:
        numbers, rank = self._snapshot.numbers(self._column), self._snapshot.rank
        rows = bits.rows_of(self._hits)
        keys, ranks = numbers[rows].astype(np.int64), rank[rows].astype(np.int64)
        lacking = keys == missing(numbers.dtype)
        if not self._begins:
            kept = self._follows(keys, ranks, lacking)
            rows, keys, ranks, lacking = rows[kept], keys[kept], ranks[kept], lacking[kept]
        if self._down:
            keys, ranks = -keys, -ranks
        keys = np.where(lacking, np.iinfo(np.int64).max, keys)
        if len(rows) > max(FEW, limit):
            # Those that are behind so many others need not be sorted.
            among = np.flatnonzero(keys <= np.partition(keys, limit - 1)[limit - 1])
            rows, keys, ranks = rows[among], keys[among], ranks[among]
        return rows[np.lexsort((ranks, keys))[:limit]]

    def _follows(self, keys: NDArray[np.int64], ranks: NDArray[np.int64], lacking: NDArray[np.bool_]) -> Any:
        beyond = ranks < self._rank if self._down else ranks >= self._rank
        if self._key is None:
            return lacking & beyond
        least, most = _around(self._key)
        further = keys < least if self._down else keys > most
        return lacking | further | ((keys == least) & (keys == most) & beyond)

    def _along(self, limit: int) -> Iterator[Rows]:
        """Hits with a value, in looks along the order from the place on; buckets without any are passed over at once."""
        snapshot, numbers = self._snapshot, self._snapshot.numbers(self._column)
        order, rank = snapshot.orders[self._column], snapshot.rank
        known = snapshot.starts(self._column)[-1]
        if not self._begins and self._key is None:
            return
        border = known if self._down else 0
        if not self._begins:
            place = (self._key, self._rank)
            border = _first(known, lambda at: (int(numbers[order[at]]), int(rank[order[at]])) >= place)
        low, high = (0, border) if self._down else (border, known)
        patience = max(low, high - _PATIENCE) if self._down else min(high, low + _PATIENCE)
        near, far = ((patience, high), (low, patience)) if self._down else ((low, patience), (patience, high))
        for begin, end in (near, *self._filled(*far)):
            way = order[begin:end]
            yield from bits.along(self._hits, way[::-1] if self._down else way)

    def _filled(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The parts of a stretch of the order in which there are hits, in the direction of the walk."""
        buckets, starts = self._snapshot.buckets[self._column].words, self._snapshot.starts(self._column)
        places = range(len(buckets) - 1)
        for place in reversed(places) if self._down else places:
            begin, end = max(low, starts[place]), min(high, starts[place + 1])
            if begin < end and (self._hits & buckets[place]).any():
                yield begin, end


_NONE: Rows = np.empty(0, np.int64)


def _around(key: Any) -> tuple[int, int]:
    """The whole numbers that stand for a key: twice itself, or the next ones where it lies between two."""
    floor = key.__floor__()
    return (floor, floor) if floor == key else (floor + 1, floor)


def _first(length: int, is_behind: Callable[[int], bool]) -> int:
    """The first of so many places that is behind a border, all of whose followers are."""
    first, last = 0, length
    while first < last:
        middle = (first + last) // 2
        if is_behind(middle):
            last = middle
        else:
            first = middle + 1
    return first


def _gathered(looks: Iterator[Rows], limit: int) -> Rows:
    """The first `limit` rows of all looks."""
    rows, number = [_NONE], 0
    for look in looks:
        rows.append(look)
        number += len(look)
        if number >= limit:
            break
    return np.concatenate(rows)[:limit]
