"""Finding quantiles of an integer axis when all one can ask is "how many lie below?".

All cuts are searched at once: each round makes one guess per cut that is not yet good enough, by interpolation between
the nearest known points, and asks for all guesses together. Used for prices and, within crowded prices, for carats.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

#: A cut may miss its quantile by this share of a piece; two such cuts keep a piece within 1 ± 0.2 of the mean.
TOLERANCE = 0.1
#: Rounds of guesses; interpolation is good within four, the rest is for steep steps and far ends.
ROUNDS = 16
#: Pieces between two clear cuts: more of them, and single values of the other axis become too heavy.
FAR = 8
#: Above everything known, the next guess is this many times as far out, up to where no stone can be.
REACH, FARTHEST = 8, 10**9


@dataclass(frozen=True, slots=True)
class Edges:
    """The chosen cuts (strictly increasing, each the first value of the piece above it) and all (value, below) known."""

    chosen: list[int]
    known: list[tuple[int, int]]


def quantile_edges(
    below: Callable[[Sequence[int]], Sequence[int | None]], *, total: int, pieces: int, grid: Sequence[int]
) -> Edges:
    """Cut an axis that starts at 0 and has no end into about `pieces` pieces of equal weight.

    `below(values)` answers how many lie below each value, or None where it cannot say; `total` is the weight of the whole
    axis. A value that is too heavy to be cut is left in one piece, so there may be fewer cuts than asked for, and pieces
    that are too heavy.
    """
    search = quantile_search(total=total, pieces=pieces, grid=grid)
    try:
        asked = next(search)
        while True:
            asked = search.send(below(asked))
    except StopIteration as ended:
        edges: Edges = ended.value
        return edges


def quantile_search(
    *, total: int, pieces: int, grid: Sequence[int], tolerance: float = TOLERANCE
) -> Generator[Sequence[int], Sequence[int | None], Edges]:
    """`quantile_edges` turned inside out, so that several axes can be searched in step: yields the values to ask about."""
    if pieces <= 1 or total == 0:
        return Edges([], [(0, 0)])
    known = {0: 0}
    targets, allowed = _targets(total, pieces), tolerance * total / pieces
    asked: Sequence[int] = grid
    for round_number in range(-1, ROUNDS):
        answers = yield asked
        said = {value: answer for value, answer in zip(asked, answers, strict=True) if answer is not None}
        known.update(said)
        if not said and round_number >= 0:
            break
        # Answers that moved meanwhile are forced into order, so that the search always ends.
        values, counts = _monotone(known, total)
        guesses = {
            guess
            for target in targets
            if (guess := _guess(values, counts, target, total, allowed, round_number + 1)) is not None
        }
        if not guesses:
            break
        asked = sorted(guesses)
    return nearest_edges(known, total=total, pieces=pieces)


def nearest_edges(known: Mapping[int, int], *, total: int, pieces: int) -> Edges:
    """The cuts, among the values whose weight below is `known`, that come closest to `pieces` pieces of equal weight."""
    values, counts = _monotone(known, total)
    chosen = sorted({_nearest(values, counts, target) for target in _targets(total, pieces)} - {0})
    # A cut with nothing below it, or nothing above, makes an empty piece: harmless but pointless.
    chosen = [value for value in chosen if 0 < counts[bisect.bisect_left(values, value)] < total]
    return Edges(chosen, list(zip(values, counts, strict=True)))


def clear_cuts(known: Sequence[tuple[int, int]], *, total: int, pieces: int) -> list[tuple[int, int]]:
    """Cuts that come close to a quantile, and how many pieces lie between each and the one before.

    Where single values are so heavy that most quantiles fall inside one, there is a cut only every few pieces, at most
    `FAR`: what lies between has to be cut by something else.
    """
    values, counts = [value for value, _ in known], [below for _, below in known]
    size = total / pieces
    cuts: list[tuple[int, int]] = []
    place, last = 0, 0
    while place < pieces - 1:
        best: tuple[float, int, int] | None = None
        for ahead in range(place + 1, pieces):
            cut = _nearest(values, counts, ahead * size)
            if cut <= last:
                continue
            at = bisect.bisect_left(values, cut)
            missed = abs(counts[at] - ahead * size) / size
            if missed <= TOLERANCE or _could_be_nearer(values, counts, ahead * size):
                best = (0.0, ahead, cut)
                break
            if best is None or missed / (ahead - place) < best[0]:
                best = (missed / (ahead - place), ahead, cut)
            if ahead - place >= FAR:
                break
        if best is None or counts[bisect.bisect_left(values, best[2])] >= total:
            break
        cuts.append((best[2], best[1] - place))
        place, last = best[1], best[2]
    return cuts


def _could_be_nearer(values: list[int], counts: list[int], target: float) -> bool:
    """Whether there are values around the target that nobody has asked about."""
    at = bisect.bisect_left(counts, target)
    return at >= len(values) or at == 0 or values[at] - values[at - 1] > 1


def weight_below(known: Sequence[tuple[int, int]], value: float) -> float:
    """The weight below a value, interpolated between ascending (value, weight below) pairs; the last one's beyond them."""
    at = bisect.bisect_right(known, value, key=lambda point: point[0])
    if at == len(known) or at == 0:
        return float(known[-1][1]) if at else 0.0
    (left, under), (right, over) = known[at - 1], known[at]
    return under + (over - under) * (value - left) / (right - left)


def _targets(total: int, pieces: int) -> list[float]:
    return [total * i / pieces for i in range(1, pieces)]


def _monotone(known: Mapping[int, int], total: int) -> tuple[list[int], list[int]]:
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
        beyond = min(values[-1] * REACH, FARTHEST)
        return None if counts[-1] >= target - tolerance or beyond == values[-1] else beyond
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
