"""A version of the index with the rows of changed stones replaced: what the next version is made from when few changed.

Rows lie in the order of the price, so a stone that was repriced moves, and a new one pushes all behind it on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from catalog.index.snapshot import Stones, missing

Array = NDArray[Any]


def patched(base: Stones, changed: Stones, ids: Sequence[UUID], *, by_id: Array) -> Stones:
    """The stones of `base`, which are in the order of the price, without those of `ids` and with `changed` instead.

    `changed` are what there is of `ids` now, `by_id` the rows of `base` in the order of their ids. The result is in the
    order of the price, and its words are those of both. Arrays of `base` are only read.
    """
    is_kept = np.ones(len(base), np.bool_)
    is_kept[_rows(base, ids, by_id)] = False
    kept = np.flatnonzero(is_kept)
    new = changed.in_order()
    places = _places(base, kept, new)
    words, translated = _words(base, new)
    columns = {
        name: _inserted(numbers, kept, places, translated.get(name, new.columns[name]))
        for name, numbers in base.columns.items()
    }
    return Stones(
        _inserted(base.id_high, kept, places, new.id_high),
        _inserted(base.id_low, kept, places, new.id_low),
        columns,
        words,
    )


def _rows(base: Stones, ids: Sequence[UUID], by_id: Array) -> Array:
    """The rows of those ids that there are."""
    high = np.array([identity.int >> 64 for identity in ids], np.uint64)
    low = np.array([identity.int & 2**64 - 1 for identity in ids], np.uint64)
    first = np.searchsorted(base.id_high, high, "left", sorter=by_id)
    behind = np.searchsorted(base.id_high, high, "right", sorter=by_id)
    rows = []
    # Halves may be shared, whole ids are not.
    for step in range(int((behind - first).max(initial=0))):
        near = first + step < behind
        candidates = by_id[(first + step)[near]]
        rows.append(candidates[base.id_low[candidates] == low[near]])
    return np.concatenate(rows) if rows else np.empty(0, np.int64)


def _places(base: Stones, kept: Array, new: Stones) -> Array:
    """Before which of the kept rows each new one belongs; both are in the order of the price and then of the id."""
    prices = base.columns["price_cents"][kept].astype(np.int64)
    wanted = new.columns["price_cents"].astype(np.int64)
    places, behind = np.searchsorted(prices, wanted, "left"), np.searchsorted(prices, wanted, "right")
    for number in np.flatnonzero(places < behind).tolist():
        tied = kept[places[number] : behind[number]]
        high, low = base.id_high[tied], base.id_low[tied]
        less = (high < new.id_high[number]) | ((high == new.id_high[number]) & (low < new.id_low[number]))
        places[number] += int(less.sum())
    return places


def _inserted(numbers: Array, kept: Array, places: Array, new: Array) -> Array:
    """The kept numbers with new ones before `places`, in a type that holds both."""
    dtype = np.promote_types(numbers.dtype, new.dtype)
    return np.insert(widened(numbers[kept], dtype), places, widened(new, dtype))


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
