"""Finding quantiles of an integer axis when all one can ask is "how many lie below?".

All cuts are searched at once: each round makes one guess per cut that is not yet good enough, by interpolation between
the nearest known points, and asks for all guesses together. Used for prices and, within one price, for carats.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: A cut may miss its quantile by this share of a piece; two such cuts keep a piece within 1 ± 0.2 of the mean.
TOLERANCE = 0.1
#: Rounds of guesses; interpolation is good within four, the rest is for steep steps and far ends.
ROUNDS = 16
#: Above everything known, the next guess is this many times as far out.
REACH = 8


@dataclass(frozen=True, slots=True)
class Edges:
    """The chosen cuts (strictly increasing, each the first value of the piece above it) and all (value, below) known."""

    chosen: list[int]
    known: list[tuple[int, int]]


def quantile_edges(
    below: Callable[[Sequence[int]], list[int]], *, total: int, pieces: int, grid: Sequence[int]
) -> Edges:
    """Cut an axis that starts at 0 and has no end into about `pieces` pieces of equal weight.

    `below(values)` answers how many lie below each value; `total` is the weight of the whole axis. A value that is too
    heavy to be cut is left in one piece, so there may be fewer cuts than asked for, and pieces that are too heavy.
    """
    if pieces <= 1 or total == 0:
        return Edges([], [(0, 0)])
    known = {0: 0}
    # Answers that moved meanwhile are forced into order, so that the search always ends.
    known.update(zip(grid, below(grid), strict=True))
    targets = [total * i / pieces for i in range(1, pieces)]
    tolerance = TOLERANCE * total / pieces
    for round_number in range(ROUNDS):
        values, counts = _monotone(known, total)
        guesses = {
            guess
            for target in targets
            if (guess := _guess(values, counts, target, total, tolerance, round_number)) is not None
        }
        if not guesses:
            break
        ordered = sorted(guesses)
        known.update(zip(ordered, below(ordered), strict=True))
    values, counts = _monotone(known, total)
    chosen = sorted({_nearest(values, counts, target) for target in targets} - {0})
    # A cut with nothing below it, or nothing above, makes an empty piece: harmless but pointless.
    chosen = [value for value in chosen if 0 < counts[values.index(value)] < total]
    return Edges(chosen, list(zip(values, counts, strict=True)))


def _monotone(known: dict[int, int], total: int) -> tuple[list[int], list[int]]:
    values = sorted(known)
    counts: list[int] = []
    highest = 0
    for value in values:
        highest = min(total, max(highest, known[value]))
        counts.append(highest)
    return values, counts


def _nearest(values: list[int], counts: list[int], target: float) -> int:
    at = bisect.bisect_left(counts, target)
    candidates = [i for i in (at - 1, at) if 0 <= i < len(values)]
    return values[min(candidates, key=lambda i: abs(counts[i] - target))]


def _guess(
    values: list[int], counts: list[int], target: float, total: int, tolerance: float, round_number: int
) -> int | None:
    """The next value to ask about for one cut; None if the cut is good enough or cannot get better."""
    at = bisect.bisect_left(counts, target)
    if at == len(values):
        # Above everything known: the axis has no end, so reach out.
        return None if counts[-1] >= target - tolerance else values[-1] * REACH
    if min(abs(counts[at] - target), abs(counts[at - 1] - target) if at else math.inf) <= tolerance:
        return None
    low, high = values[at - 1], values[at]
    if high - low <= 1:
        return None
    share = (target - counts[at - 1]) / (counts[at] - counts[at - 1])
    if round_number % 3 == 2:
        # Interpolation crawls towards a step from one side; a bisection now and then bounds the rounds.
        share = 0.5
    return min(high - 1, max(low + 1, round(low + (high - low) * share)))
