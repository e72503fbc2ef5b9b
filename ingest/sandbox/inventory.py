"""The sandbox's stones as numpy columns, made once from a seed, then changed by holds, faults and the control interface.

A stone is a number, its place in every column; its other fields are drawn again when it is rendered. Nothing is ever
removed: a vanished stone is hidden from every query. Callers hold `Inventory.lock` for as long as columns must agree.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.sandbox import chance, dirt, prices, trade
from ingest.sandbox.identity import Identity
from ingest.sandbox.rows import real_rows, spread

Numbers = NDArray[np.int64]

#: Share of natural stones: 437,849 natural to 900,000 lab-grown ones.
NATURAL_SHARE = 0.327
#: Additional stones on hold, on memo or sold, as a share of the available ones.
UNAVAILABLE_SHARE = 0.03
#: Share of stones whose weight is known to three decimals.
THOUSANDTHS_SHARE = 0.08
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
#: Greatest age of a listing; greatest and least age of a change (microseconds).
OLDEST, CHANGED_WITHIN, UNCHANGED_FOR = 900 * _DAY, 120 * _DAY, 3_600 * _SECOND

#: Every column with its type: row in the real stones, cents, thousandths of a carat (0: unknown), indexes into
#: `ingest.sandbox.trade` and `ingest.sandbox.rows`, microseconds since 1970, bits of `ingest.sandbox.dirt`.
COLUMNS: dict[str, type[np.generic]] = {
    "row": np.uint16,
    "price": np.int32,
    "weight": np.int32,
    "labgrown": np.bool_,
    "shape": np.uint8,
    "fancy": np.uint8,
    "availability": np.uint8,
    "gone": np.bool_,
    "created": np.int64,
    "updated": np.int64,
    "dirt": np.uint64,
}


class Inventory:
    """All stones of the sandbox. Indexes subscribe with `on_change`, which is called with the stones that changed."""

    def __init__(self, stones: int, seed: int, now: int) -> None:
        """Make `stones` available stones, and some others, as of `now` (microseconds since 1970)."""
        if not 0 <= stones <= 5_000_000:
            raise ValueError(f"the sandbox holds between 0 and 5,000,000 stones, not {stones:,}")
        self.seed = seed
        self.lock = threading.RLock()
        self.version = 0
        self.on_change: list[Callable[[list[int]], None]] = []
        self.hold_ids: dict[int, str] = {}
        natural = round(stones * NATURAL_SHARE)
        self.available = {"natural": natural, "labgrown": stones - natural}
        shown = (natural, stones - natural)
        totals = [number + round(number * UNAVAILABLE_SHARE) for number in shown]
        self.size = sum(totals)
        self._capacity = self.size + 1_024
        self.identity = Identity(seed)
        self.columns: dict[str, NDArray[Any]] = {
            name: np.zeros(self._capacity, dtype=kind) for name, kind in COLUMNS.items()
        }
        first = 0
        for labgrown, (available, total) in enumerate(zip(shown, totals, strict=True)):
            self._make_feed(np.arange(first, first + total, dtype=np.int64), available, bool(labgrown), now)
            first += total

    def _make_feed(self, stones: Numbers, available: int, labgrown: bool, now: int) -> None:
        self._make_columns(stones, spread(len(stones)), labgrown)
        feed = slice(int(stones[0]), int(stones[-1]) + 1) if len(stones) else slice(0, 0)
        self._make_prices(feed, stones, labgrown)
        self._make_moments(feed, stones, now)
        hidden = np.argsort(chance.bits(self.seed, "hidden", stones), kind="stable")[: len(stones) - available]
        kinds = chance.choose(np.array([0.35, 0.25, 0.25, 0.15]), chance.uniform(self.seed, "kind", stones[hidden]))
        self.columns["availability"][stones[hidden]] = kinds + 1

    def _make_columns(self, stones: Numbers, rows: Numbers, labgrown: bool) -> None:
        seed, columns = self.seed, self.columns
        carried = dirt.draw(seed, stones)
        carats = real_rows().carats[rows].copy()
        finer = chance.uniform(seed, "thousandths", stones) < THOUSANDTHS_SHARE
        carats += finer * (1 + chance.bits(seed, "thousandth", stones) % np.uint64(9)).astype(np.int32)
        columns["row"][stones] = rows
        columns["labgrown"][stones] = labgrown
        columns["dirt"][stones] = carried
        columns["weight"][stones] = np.where(carried & np.uint64(dirt.WEIGHTLESS), 0, carats)
        columns["shape"][stones] = chance.choose(trade.SHAPE_SHARES, chance.uniform(seed, "shape", stones))
        share = trade.FANCY_LABGROWN if labgrown else trade.FANCY_NATURAL
        names = chance.choose(trade.FANCY_SHARES, chance.uniform(seed, "fancy color", stones))
        columns["fancy"][stones] = names * (chance.uniform(seed, "fancy", stones) < share)

    def _make_prices(self, feed: slice, stones: Numbers, labgrown: bool) -> None:
        rows, weight = self.columns["row"][feed], self.columns["weight"][feed]
        real, known = real_rows(), weight > 0
        price = real.price[rows] * 100
        if labgrown:
            dealt = known
            dollars = prices.labgrown_dollars(int(dealt.sum()), self.seed)
        else:
            first_pass = np.arange(len(stones)) < len(real)
            dealt = known & ~first_pass
            existing = np.where(known, price * 10.0 / np.maximum(1, weight), 0.0)[~dealt]
            dollars = prices.natural_dollars(int(dealt.sum()), existing, self.seed)
        worth = real.price[rows[dealt]] * 1000.0 / real.carats[rows[dealt]]
        luck = chance.uniform(self.seed, "price", stones[dealt])
        price[dealt] = prices.cents_of(prices.deal(dollars, worth, luck), weight[dealt])
        self.columns["price"][feed] = price

    def _make_moments(self, feed: slice, stones: Numbers, now: int) -> None:
        # Suppliers upload lists: a few uploads bring thousands of stones, most bring a handful.
        uploads = max(1, len(stones) // 40)
        upload = (uploads * chance.uniform(self.seed, "upload", stones) ** 3).astype(np.int64)
        listed = CHANGED_WITHIN + (OLDEST - CHANGED_WITHIN) * chance.uniform(self.seed, "listed", upload)
        changed = chance.uniform(self.seed, "changed", stones) ** 2
        ago = UNCHANGED_FOR + (CHANGED_WITHIN - UNCHANGED_FOR) * changed
        self.columns["created"][feed] = _whole_milliseconds(now - listed)
        self.columns["updated"][feed] = _whole_milliseconds(now - ago)

    # Changes. Every one ends in `_changed`, which tells the indexes.

    def pick(self, number: int, labgrown: bool | None, noise: np.random.Generator) -> list[int]:
        """Up to `number` different stones, chosen by chance among the available ones of a feed (None: of both)."""
        # A few stones are found faster by random trials than by scanning all, since most stones fit.
        tried = np.unique(noise.integers(self.size, size=8 * number + 16)) if number * 100 < self.size else None
        places = self._fitting(np.arange(self.size) if tried is None else tried, labgrown)
        if tried is not None and len(places) < number:
            places = self._fitting(np.arange(self.size), labgrown)
        chosen: list[int] = noise.choice(places, size=min(number, len(places)), replace=False).tolist()
        return chosen

    def _fitting(self, stones: Numbers, labgrown: bool | None) -> Numbers:
        fits = (self.columns["availability"][stones] == trade.AVAILABLE) & ~self.columns["gone"][stones]
        if labgrown is not None:
            fits &= self.columns["labgrown"][stones] == labgrown
        fitting: Numbers = stones[fits]
        return fitting

    def change_prices(self, stones: list[int], moment: int, noise: np.random.Generator) -> None:
        """Change the prices of stones, by at most ten per cent, as of `moment`."""
        for stone in stones:
            price = int(self.columns["price"][stone])
            other = max(1, round(price * (1 + noise.uniform(-0.1, 0.1))))
            low, high = -(-price * 9 // 10), price * 11 // 10
            other = min(max(other, low), high)
            if other == price:
                other = price + 1 if price + 1 <= high or price == 1 else price - 1
            self.columns["price"][stone] = min(other, np.iinfo(np.int32).max)
        self._changed(stones, moment)

    def add(self, number: int, labgrown: bool | None, moment: int, noise: np.random.Generator) -> list[int]:
        """List `number` new stones as of `moment`, priced like others of the feed (None: of both feeds by their share)."""
        grown = int(noise.binomial(number, 1 - NATURAL_SHARE)) if labgrown is None else number * labgrown
        self._reserve(number)
        first = self.size
        for group, is_grown in ((number - grown, False), (grown, True)):
            stones = np.arange(self.size, self.size + group, dtype=np.int64)
            rows = noise.integers(len(real_rows()), size=group)
            self._make_columns(stones, rows, is_grown)
            carats, weight = real_rows().carats[rows], self.columns["weight"][stones]
            dollars = noise.uniform(80, 240, size=group) if is_grown else real_rows().price[rows] * 1000.0 / carats
            self.columns["price"][stones] = prices.cents_of(dollars, np.where(weight, weight, carats))
            self.columns["created"][stones] = _whole_milliseconds(np.full(group, moment))
            self.size += group
        added = list(range(first, self.size))
        self._changed(added, moment)
        return added

    def vanish(self, stones: list[int]) -> None:
        """Hide stones from every query for ever."""
        self.columns["gone"][stones] = True
        self._changed(stones, None)

    def set_availability(self, stones: list[int], availability: int, moment: int) -> None:
        """Move stones to another availability (an index into `trade.AVAILABILITIES`)."""
        self.columns["availability"][stones] = availability
        self._changed(stones, moment)

    def _changed(self, stones: list[int], moment: int | None) -> None:
        if not stones:
            return
        if moment is not None:
            self.columns["updated"][stones] = moment // 1_000 * 1_000
        self.version += 1
        for tell in self.on_change:
            tell(stones)

    def _reserve(self, number: int) -> None:
        if self.size + number <= self._capacity:
            return
        self._capacity = self.size + number + max(4_096, self.size // 20)
        for name, column in self.columns.items():
            grown = np.zeros(self._capacity, dtype=column.dtype)
            grown[: len(column)] = column
            self.columns[name] = grown


def _whole_milliseconds(moments: NDArray[Any]) -> Numbers:
    return moments.astype(np.int64) // 1_000 * 1_000
