"""The prices of the sandbox's stones: the distribution of dollars per carat of the real inventory.

Natural stones follow the counts per range of one real day; lab-grown ones crowd below 250 dollars per carat, thousands of
stones to a whole dollar. `ingest.sandbox.inventory` uses it once, when the inventory is made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.sandbox import chance

Dollars = NDArray[np.float64]

#: Natural stones of one day in 2026: first whole dollar per carat of a range, stones in it. The last range is open-ended.
NATURAL_RANGES = (
    (0, 29_999),
    (500, 103_412),
    (1_000, 96_907),
    (1_500, 58_818),
    (2_000, 36_719),
    (2_500, 23_955),
    (3_000, 16_690),
    (3_500, 12_599),
    (4_000, 9_190),
    (4_500, 7_350),
    (5_000, 10_671),
    (6_000, 7_347),
    (7_000, 5_014),
    (8_000, 6_853),
    (10_000, 7_334),
    (15_000, 2_270),
    (20_000, 837),
    (25_000, 454),
    (30_000, 550),
    (50_000, 208),
    (100_000, 670),
)
#: Bounds of dollars per carat; the upper one keeps a stone's price in cents within a GraphQL Int.
CHEAPEST_NATURAL, DEAREST = 180.0, 2_000_000.0
#: Share of lab-grown stones below this many dollars per carat.
LABGROWN_CROWD, CROWD_BELOW = 770 / 900, 250.0
CHEAPEST_LABGROWN, DEAREST_LABGROWN = 38.0, 20_000.0

_STARTS = np.array([start for start, _ in NATURAL_RANGES], dtype=np.float64)
_STONES = np.array([stones for _, stones in NATURAL_RANGES], dtype=np.float64)


def natural_ranges(dollars_per_carat: Dollars) -> NDArray[np.int64]:
    """The number of these dollars per carat in each of `NATURAL_RANGES`."""
    places = np.searchsorted(_STARTS, dollars_per_carat, side="right") - 1
    stones: NDArray[np.int64] = np.bincount(places, minlength=len(_STARTS))
    return stones


def apportion(number: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Divide `number` in proportion to `weights` by largest remainder."""
    exact = number * weights / weights.sum()
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    left = number - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:left]] += 1
    return whole


def natural_dollars(number: int, existing: Dollars, seed: int) -> Dollars:
    """Ascending dollars per carat for `number` natural stones which, with the `existing` ones, follow the real table."""
    targets = apportion(number + len(existing), _STONES)
    lacking = np.maximum(0, targets - natural_ranges(existing))
    per_range = apportion(number, lacking.astype(np.float64)) if number else lacking * 0
    pieces = [
        _in_range(place, int(stones), chance.uniform(seed, f"natural {place}", np.arange(stones)))
        for place, stones in enumerate(per_range)
    ]
    return np.sort(np.concatenate(pieces))


def _in_range(place: int, number: int, drawn: NDArray[np.float64]) -> Dollars:
    low = max(float(_STARTS[place]), CHEAPEST_NATURAL)
    if place == len(_STARTS) - 1:
        # A long tail: most of these stones cost a little over the last edge, a few ten times as much.
        return np.minimum(DEAREST, low * np.exp(-0.8 * np.log1p(-drawn)))
    high = float(_STARTS[place + 1])
    if place == 0:
        # The range climbs towards its crowded neighbour.
        return low + (high - low) * np.sqrt(drawn)
    return low * (high / low) ** drawn


def labgrown_dollars(number: int, seed: int) -> Dollars:
    """Ascending dollars per carat for `number` lab-grown stones."""
    # One draw from each of `number` equal shares of the distribution, so that the shares hold at every size.
    quantiles = (np.arange(number) + chance.uniform(seed, "labgrown", np.arange(number))) / max(1, number)
    grid = np.linspace(CHEAPEST_LABGROWN, CROWD_BELOW, 2_000)
    density = np.exp(-((np.log(grid / 118.0)) ** 2) / (2 * 0.48**2)) / grid
    cumulated = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    crowd = np.interp(quantiles / LABGROWN_CROWD, cumulated / cumulated[-1], grid)
    beyond = np.clip((quantiles - LABGROWN_CROWD) / (1 - LABGROWN_CROWD), 0.0, 1 - 1e-9)
    tail = np.minimum(DEAREST_LABGROWN, CROWD_BELOW * np.exp(-0.55 * np.log1p(-beyond)))
    return np.where(quantiles < LABGROWN_CROWD, np.minimum(crowd, CROWD_BELOW - 1e-6), tail)


def deal(dollars: Dollars, worth: NDArray[np.float64], drawn: NDArray[np.float64]) -> Dollars:
    """Assign ascending prices to stones: the greater the worth, the higher the price, with some randomness."""
    order = np.argsort(np.log(worth) + 0.9 * (drawn - 0.5), kind="stable")
    dealt = np.empty_like(dollars)
    dealt[order] = dollars
    return dealt


def cents_of(dollars: Dollars, carats: NDArray[np.int32]) -> NDArray[np.int32]:
    """The price (cents) of stones at these dollars per carat and carats (thousandths), to the same whole dollar."""
    cents = np.ceil(dollars * carats / 10.0).astype(np.int64)
    cents -= cents * 10 // np.maximum(1, carats) > np.floor(dollars)
    return np.maximum(1, cents).astype(np.int32)
