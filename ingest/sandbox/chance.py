"""Repeatable chance: 64 random bits for every stone and purpose, the same in every run with the same seed.

Columns are drawn for all stones at once when the inventory is made, and for a page's stones again when it is rendered;
values that can be drawn again are not stored.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def bits(seed: int, purpose: str, stones: NDArray[np.integer]) -> Bits:
    """64 random bits (splitmix64) for each stone number."""
    start = (seed * _GOLDEN + zlib.crc32(purpose.encode()) * 0xD1342543DE82EF95) & _MASK
    mixed = stones.astype(np.uint64)
    mixed *= np.uint64(_GOLDEN)
    mixed += np.uint64(start)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniform(seed: int, purpose: str, stones: NDArray[np.integer]) -> NDArray[np.float64]:
    """A number from [0, 1) for each stone number."""
    return (bits(seed, purpose, stones) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def choose(shares: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The index of a share for each number drawn from [0, 1); shares need not add up to 1."""
    edges = np.cumsum(shares) / shares.sum()
    places = np.searchsorted(edges, drawn, side="right")
    return np.minimum(places, len(shares) - 1).astype(np.uint8)
