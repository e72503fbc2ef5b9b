"""Sets of rows as packed bits: row r is bit r % 64 of word r // 64; the bits past the last row are zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import simsimd
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

#: Rows that are looked at first along a way.
FIRST_LOOK = 1024
_ONE = np.uint64(1)
_ALL = ~np.uint64(0)


def words_for(rows: int) -> int:
    """How many words hold so many rows."""
    return (rows + 63) // 64


def pack(chosen: NDArray[np.bool_]) -> Words:
    """The set of the rows that are true."""
    packed = np.zeros(words_for(len(chosen)) * 8, np.uint8)
    bits = np.packbits(chosen, bitorder="little")
    packed[: len(bits)] = bits
    return packed.view(np.uint64)


def unpack(words: Words, total: int) -> NDArray[np.bool_]:
    """Which of `total` rows the set has."""
    return np.unpackbits(words.view(np.uint8), count=total, bitorder="little").view(np.bool_)


def of_rows(rows: NDArray[np.integer], total: int) -> Words:
    """The set of these rows, of `total`."""
    chosen = np.zeros(total, np.bool_)
    chosen[rows] = True
    return pack(chosen)


def span(low: int, high: int, total: int) -> Words:
    """The set of the rows from `low` up to, but not including, `high`."""
    words = np.zeros(words_for(total), np.uint64)
    if low >= high:
        return words
    first, last = low >> 6, (high - 1) >> 6
    words[first : last + 1] = _ALL
    words[first] &= _ALL << np.uint64(low & 63)
    words[last] &= _ALL >> np.uint64(63 - ((high - 1) & 63))
    return words


def count(words: Words) -> int:
    """How many rows the set has."""
    return int(np.bitwise_count(words).sum(dtype=np.uint32))


def shared(words: Words, sets: NDArray[np.uint64], sizes: Sequence[int]) -> list[int]:
    """How many rows a set has in common with each of others, which have `sizes` rows."""
    if not sets.size:
        return [0] * len(sizes)
    # What two sets have not in common is counted in one pass over both, and without a word of it being kept.
    apart: Any = simsimd.cdist(words.view(np.uint8)[np.newaxis], sets.view(np.uint8), metric="hamming", dtype="bin8")
    number = count(words)
    return [
        (number + size - int(differing)) // 2 for size, differing in zip(sizes, np.ravel(apart).tolist(), strict=True)
    ]


def rows_of(words: Words, first_word: int = 0) -> Rows:
    """The rows of the set in their order; `first_word` is the place of its first word."""
    filled = np.flatnonzero(words)
    if len(filled) * 16 < len(words):
        # Few of the words have any row: only these are unpacked.
        places = _set_bits(words[filled])
        rows: Rows = (filled[places >> 6] << 6) + (places & 63) + (first_word << 6)
        return rows
    rows = _set_bits(words)
    rows += first_word << 6
    return rows


def _set_bits(words: Words) -> Rows:
    # Places of what is true are found five times as fast as those of what is not 0.
    return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_))


def has(words: Words, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which of the rows the set has."""
    return np.asarray(words[rows >> 6] >> (rows & 63).astype(np.uint64) & _ONE, np.bool_)


def along(words: Words, way: NDArray[np.integer]) -> Iterator[Rows]:
    """Those rows along a way that the set has, in looks of which each is four times as long as the one before."""
    at, look = 0, FIRST_LOOK
    while at < len(way):
        rows = way[at : at + look].astype(np.int64)
        yield rows[has(words, rows)]
        at, look = at + look, look << 2


def first_of(words: Words, way: NDArray[np.integer]) -> int:
    """The first row along a way that the set has; it has one."""
    return next(int(rows[0]) for rows in along(words, way) if len(rows))
