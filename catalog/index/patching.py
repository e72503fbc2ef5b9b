"""A version of the index with the rows of changed stones replaced: what the next version is made from when few changed.

Rows lie in the order of the price, so a stone that was repriced moves, and a new one pushes all behind it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from catalog.index.snapshot import Stones, missing

Array = NDArray[Any]


def patched(base: Stones, changed: Stones, ids: Sequence[UUID], *, by_id: Array) -> Stones:
    """The stones of `base`, which are in the order of the price, without those of `ids` and with `changed` instead.

    `changed` are what there is of `ids` now, `by_id` the rows of `base` in the order of their ids. The result is in the
    order of the price, its words are those of both, and it knows the order of its ids. Arrays of `base` are only read.
    """
    is_kept = np.ones(len(base), np.bool_)
    is_kept[_rows(base, ids, by_id)] = False
    kept = np.flatnonzero(is_kept)
    new = changed.in_order()
    rows_of_new = _places(base, kept, new) + np.arange(len(new))
    rows_of_kept = _others(rows_of_new, len(kept) + len(new))
    # Where each row comes from: the rows of `base` first, the new ones behind them.
    sources = np.empty(len(kept) + len(new), np.int64)
    sources[rows_of_kept] = kept
    sources[rows_of_new] = len(base) + np.arange(len(new))
    words, translated = _words(base, new)
    columns = {
        name: _joined(numbers, translated.get(name, new.columns[name]), sources)
        for name, numbers in base.columns.items()
    }
    moved = np.zeros(len(base), np.uint32)
    moved[kept] = rows_of_kept
    return Stones(
        _joined(base.id_high, new.id_high, sources),
        _joined(base.id_low, new.id_low, sources),
        columns,
        words,
        _in_order_of_ids(base, by_id, is_kept, moved, new, rows_of_new),
    )


def _others(places: Array, total: int) -> Array:
    """The places among `total` that are none of these."""
    is_other = np.ones(total, np.bool_)
    is_other[places] = False
    return np.flatnonzero(is_other)


def _joined(numbers: Array, new: Array, sources: Array) -> Array:
    """The rows of these sources, in a type that holds both."""
    dtype = np.promote_types(numbers.dtype, new.dtype)
    # The mode spares numpy a copy: no source is out of bounds.
    return np.concatenate([widened(numbers, dtype), widened(new, dtype)]).take(sources, mode="clip")


def _in_order_of_ids(
    base: Stones, by_id: Array, is_kept: Array, moved: Array, new: Stones, rows_of_new: Array
) -> NDArray[np.uint32]:
    """The rows of the result in the order of their ids; `moved` are those of the rows of `base` that are kept."""
    order = np.lexsort((new.id_low, new.id_high))
    high, low = new.id_high[order], new.id_low[order]
    first, behind = _ends(base, by_id, high)
    for candidates, near in _sharing_a_half(by_id, first.copy(), behind):
        first[near] += base.id_low[candidates] < low[near]
    stays = is_kept[by_id]
    among_kept = first - np.searchsorted(np.flatnonzero(~stays), first)
    places = among_kept + np.arange(len(new))
    kept = moved[by_id[stays]]
    made = np.empty(len(kept) + len(new), np.uint32)
    made[_others(places, len(made))] = kept
    made[places] = rows_of_new[order]
    return made


def _rows(base: Stones, ids: Sequence[UUID], by_id: Array) -> Array:
    """The rows of those ids that there are."""
    high = np.array([identity.int >> 64 for identity in ids], np.uint64)
    low = np.array([identity.int & 2**64 - 1 for identity in ids], np.uint64)
    first, behind = _ends(base, by_id, high)
    rows = [
        candidates[base.id_low[candidates] == low[near]] for candidates, near in _sharing_a_half(by_id, first, behind)
    ]
    return np.concatenate(rows) if rows else np.empty(0, np.int64)


def _ends(base: Stones, by_id: Array, high: Array) -> tuple[Array, Array]:
    """Where the ids with these first halves begin and end in the order of ids."""
    first, behind = (np.searchsorted(base.id_high, high, side, sorter=by_id) for side in ("left", "right"))
    return first, behind


def _sharing_a_half(by_id: Array, first: Array, behind: Array) -> Iterator[tuple[Array, Array]]:
    """The rows between two places in the order of ids, the first of each pair, then the second, with which pairs have one.

    Halves may be shared, whole ids are not.
    """
    for step in range(int((behind - first).max(initial=0))):
        near = first + step < behind
        yield by_id[(first + step)[near]], near


def _places(base: Stones, kept: Array, new: Stones) -> Array:
    """Before which of the kept rows each new one belongs; both are in the order of the price and then of the id."""
    prices = base.columns["price_cents"][kept].astype(np.int64)
    wanted = new.columns["price_cents"].astype(np.int64)
    first, behind = np.searchsorted(prices, wanted, "left"), np.searchsorted(prices, wanted, "right")
    # Of those that cost the same, a search by halves for all at once.
    while (is_open := first < behind).any():
        middle = (first + behind) // 2
        rows = kept[np.minimum(middle, len(kept) - 1)]
        high, low = base.id_high[rows], base.id_low[rows]
        is_less = (high < new.id_high) | ((high == new.id_high) & (low < new.id_low))
        first = np.where(is_open & is_less, middle + 1, first)
        behind = np.where(is_open & ~is_less, middle, behind)
    return first


def widened(numbers: Array, dtype: np.dtype[Any]) -> Array:
    """The same numbers in another type that holds them."""
    if numbers.dtype == dtype:
        return numbers
    wide = numbers.astype(dtype)
    wide[numbers == missing(numbers.dtype)] = missing(dtype)
    return wide


def _words(base: Stones, new: Stones) -> tuple[Mapping[str, Sequence[str]], Mapping[str, Array]]:
    """The words of both, with the new stones' numbers in terms of them."""
    words: dict[str, Sequence[str]] = {}
    translated = {}
    for name, known in base.words.items():
        places = {word: place for place, word in enumerate(known)}
        numbers = new.columns[name]
        means = np.array([places.setdefault(word, len(places)) for word in new.words[name]], np.int32)
        lacking = numbers == missing(numbers.dtype)
        places_of_new = np.full(len(numbers), missing(np.int32), np.int32)
        places_of_new[~lacking] = means[numbers[~lacking]]
        words[name], translated[name] = list(places), places_of_new
    return words, translated
