"""How the prices of hits lie over their carats, counted in cells: a picture of a million stones is made of some hundred."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from catalog.index import bits
from catalog.index.bits import Rows, Words
from catalog.index.snapshot import Snapshot
from catalog.searching.hits import Spread, ratio_edges

#: Weights up to here (thousandths) are looked up in a table instead of searched for.
_MAX_TABLE = 1 << 18


def spread(snapshot: Snapshot, words: Words, across: int, up: int) -> Spread:
    """The prices over the carats of these rows, in at most so many steps of each."""
    prices, carats = snapshot.columns["price_cents"], snapshot.columns["carats"]
    kinds = {is_lab: _weighed(words & _of_kind(snapshot, is_lab), carats) for is_lab in (False, True)}
    known = [(rows, weights) for rows, weights in kinds.values() if len(rows)]
    if not known:
        return Spread([], [], {})
    carat_edges = ratio_edges(
        min(int(weights.min()) for _, weights in known), max(int(weights.max()) for _, weights in known), across
    )
    # The rows lie in the order of the price.
    cent_edges = ratio_edges(
        int(prices[min(rows[0] for rows, _ in known)]), int(prices[max(rows[-1] for rows, _ in known)]), up
    )
    borders = np.searchsorted(prices, np.array(cent_edges[:-1], prices.dtype))
    counts: dict[tuple[bool, int, int], int] = {}
    for is_lab, (rows, weights) in kinds.items():
        places = _places(weights, carat_edges)
        cuts = [*np.searchsorted(rows, borders).tolist(), len(rows)]
        for row, (begin, end) in enumerate(pairwise(cuts)):
            for place, number in enumerate(np.bincount(places[begin:end]).tolist()):
                if number:
                    counts[is_lab, place, row] = number
    return Spread(carat_edges, cent_edges, counts)


def _of_kind(snapshot: Snapshot, is_lab: bool) -> Words:
    bitmaps = snapshot.bitmaps["lab_grown"]
    for value, words in zip(bitmaps.values, bitmaps.words, strict=True):
        if value == int(is_lab):
            kind: Words = words
            return kind
    return bits.span(0, 0, len(snapshot))


def _weighed(words: Words, carats: NDArray[np.integer]) -> tuple[Rows, NDArray[np.integer]]:
    """The rows of stones whose weight is known and more than nothing, and these weights."""
    rows = bits.rows_of(words)
    weights = carats[rows]
    known = weights > 0
    return (rows, weights) if known.all() else (rows[known], weights[known])


def _places(weights: NDArray[np.integer], edges: list[int]) -> NDArray[np.integer]:
    starts = np.array(edges[:-1], np.int64)
    if edges[-1] >= _MAX_TABLE:
        found: NDArray[np.integer] = np.searchsorted(starts, weights, "right") - 1
        return found
    table = np.searchsorted(starts, np.arange(edges[-1] + 1), "right") - 1
    places: NDArray[np.integer] = table.astype(np.uint8 if len(starts) < 256 else np.int64)[weights]
    return places
