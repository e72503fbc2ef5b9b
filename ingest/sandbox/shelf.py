"""The stones of one feed in order of dollars per carat, so that a count takes a binary search and a scan of one slice.

The hot conditions (carats, time of change, being available) lie beside the prices in the same order. A stone that
changes is taken off the shelf and checked by itself, until so many are loose that the shelf is sorted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.sandbox import trade
from ingest.sandbox.inventory import Inventory

Span = tuple[float, float]
Stones = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Number of loose stones above which the shelf is sorted again, which takes some 100 ms for a million stones.
TOO_MANY_LOOSE = 4_000
#: Tolerance of ranges of carats, which come as binary fractions: 0.29 * 100 is not quite 29.
_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Conditions:
    """The hot conditions of a query; `None` leaves one out.

    `dollars` per carat, `updated` in microseconds since 1970, `sizes` any of several ranges of hundredths (exact:
    thousandths) of a carat. All ranges are inclusive.
    """

    dollars: Span | None = None
    updated: Span | None = None
    sizes: tuple[Span, ...] | None = None
    only_available: bool = False


class Shelf:
    """The stones of one feed. With `exact`, exact dollars per carat and carats are compared instead of whole ones."""

    def __init__(self, inventory: Inventory, *, labgrown: bool, exact: bool) -> None:
        self._inventory = inventory
        self._labgrown = labgrown
        self._exact = exact
        inventory.on_change.append(self._loosen)
        self._put_in_order()

    def count(self, conditions: Conditions) -> int:
        """The number of stones that meet all conditions."""
        fits = self._fits_on_shelf(self._piece(conditions), conditions)
        return int(np.count_nonzero(fits)) + len(self._loose_ones(conditions))

    def find(self, conditions: Conditions) -> Stones:
        """The stones that meet all conditions, unordered."""
        piece = self._piece(conditions)
        on_shelf = self._stones[piece][self._fits_on_shelf(piece, conditions)]
        return np.concatenate([on_shelf.astype(np.int64), self._loose_ones(conditions)])

    def _piece(self, conditions: Conditions) -> slice:
        if conditions.dollars is None:
            return slice(0, len(self._stones))
        low, high = conditions.dollars
        return slice(
            int(np.searchsorted(self._dollars, low, side="left")),
            int(np.searchsorted(self._dollars, high, side="right")),
        )

    def _fits_on_shelf(self, piece: slice, conditions: Conditions) -> Mask:
        shown = self._available[piece] if conditions.only_available else self._there[piece]
        updated = conditions.updated
        if updated is not None and updated[0] <= self._first_update and updated[1] >= self._last_update:
            updated = None
        if updated is None and conditions.sizes is None:
            return shown
        return shown & _fits_moment_and_size(self._updated[piece], self._sizes[piece], updated, conditions.sizes)

    def _loose_ones(self, conditions: Conditions) -> Stones:
        loose = np.fromiter(self._loose, dtype=np.int64, count=len(self._loose))
        return among(self._inventory, loose, conditions, exact=self._exact)

    def _loosen(self, stones: list[int]) -> None:
        labgrown = self._inventory.columns["labgrown"]
        for stone in stones:
            if bool(labgrown[stone]) is self._labgrown:
                if stone < len(self._place) and self._place[stone] >= 0:
                    self._there[self._place[stone]] = self._available[self._place[stone]] = False
                self._loose.add(stone)
        if len(self._loose) > TOO_MANY_LOOSE:
            self._put_in_order()

    def _put_in_order(self) -> None:
        columns, size = self._inventory.columns, self._inventory.size
        stones = np.flatnonzero((columns["labgrown"][:size] == self._labgrown) & ~columns["gone"][:size])
        dollars = _dollars_of(self._inventory, stones, self._exact)
        order = np.argsort(dollars, kind="stable")
        self._dollars = dollars[order]
        stones = stones[order]
        self._stones = stones.astype(np.int32)
        self._updated = columns["updated"][stones]
        self._sizes = _sizes_of(self._inventory, stones, self._exact)
        self._available = columns["availability"][stones] == trade.AVAILABLE
        self._there = np.ones(len(stones), dtype=np.bool_)
        self._place = np.full(size, -1, dtype=np.int32)
        self._place[stones] = np.arange(len(stones), dtype=np.int32)
        self._loose: set[int] = set()
        self._first_update = float(self._updated.min()) if len(stones) else np.inf
        self._last_update = float(self._updated.max()) if len(stones) else -np.inf


def among(inventory: Inventory, stones: Stones, conditions: Conditions, *, exact: bool) -> Stones:
    """Those of `stones`, of any feed, that have not vanished and meet all conditions."""
    columns = inventory.columns
    fits: Mask = ~columns["gone"][stones]
    if conditions.dollars is not None:
        dollars = _dollars_of(inventory, stones, exact)
        fits &= (dollars >= conditions.dollars[0]) & (dollars <= conditions.dollars[1])
    sizes = _sizes_of(inventory, stones, exact)
    fits &= _fits_moment_and_size(columns["updated"][stones], sizes, conditions.updated, conditions.sizes)
    if conditions.only_available:
        fits &= columns["availability"][stones] == trade.AVAILABLE
    meeting: Stones = stones[fits]
    return meeting


def _dollars_of(inventory: Inventory, stones: Stones, exact: bool) -> NDArray[np.float64]:
    price, weight = inventory.columns["price"][stones], inventory.columns["weight"][stones]
    dollars = np.where(weight > 0, price * 10.0 / np.maximum(1, weight), 0.0)
    compared: NDArray[np.float64] = dollars if exact else np.floor(dollars)
    return compared


def _sizes_of(inventory: Inventory, stones: Stones, exact: bool) -> NDArray[np.int32]:
    weight: NDArray[np.int32] = inventory.columns["weight"][stones]
    return weight if exact else weight // 10


def _fits_moment_and_size(
    moments: NDArray[np.int64], weights: NDArray[np.int32], updated: Span | None, sizes: Sequence[Span] | None
) -> Mask:
    fits = np.ones(len(moments), dtype=np.bool_)
    if updated is not None:
        # Infinite ends become the widest integers: comparing integers with floats would copy the column.
        low, high = (int(np.clip(end, -(2.0**62), 2.0**62)) for end in updated)
        fits &= (moments >= low) & (moments <= high)
    if sizes is not None:
        fits &= np.any([(weights >= low - _HAIR) & (weights <= high + _HAIR) for low, high in sizes], axis=0)
    return fits
