"""The density picture of a run: its stones along the price axis, the cuts of the plan, and the progress of the walk.

The module computes paths of an SVG from the plan's density and the partitions; the template draws them. The price axis is
logarithmic, and the area above it shows stones, so that equal areas are equally many stones at any price.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log10

WIDTH, HEIGHT, STRIP = 1000, 150, 14
#: Steps of the outline: finer ones would show the planner's guesses instead of the stones.
STEPS = 100
#: Stones beyond the outermost price that a plan counted are drawn within this factor of it.
NEAR = 4
#: More prices than these are too many for the axis on a phone; nearer to an end than this a price would be cut off.
MAX_TICKS, CLEAR = 7, 45.0
#: Share of the stones at either end of the axis that the picture leaves out.
TAIL = 0.002
#: Borders closer than this are drawn as one (units of the picture).
CLOSEST = 2.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A partition as the picture needs it: whole dollars per carat, an open end is None, and its state (or "working")."""

    price_from: int
    price_to: int | None
    state: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Paths and labels in units of a `WIDTH` × (`HEIGHT` + `STRIP`) box."""

    area: str
    #: Where the area is highest, in words.
    peak: str
    borders: str
    #: (state, path) of the strip below the axis: neighbours in one state are one rectangle.
    strip: list[tuple[str, str]]
    #: (x, label) of the axis.
    ticks: list[tuple[float, str]]
    left_out: str = f"{TAIL:.1%}"
    width: int = WIDTH
    height: int = HEIGHT
    strip_top: int = HEIGHT + 2
    full_height: int = HEIGHT + STRIP + 22
    tick_top: int = HEIGHT + STRIP + 16


def picture(density: Sequence[Sequence[int]], pieces: Sequence[Piece]) -> Picture | None:
    """The picture of ascending (dollars per carat, stones below) pairs and of partitions; None if there is nothing."""
    known = [(max(1, price), below) for price, below in density]
    if len(known) < 2 or known[-1][1] <= known[0][1]:
        return None
    known = _trimmed(known)
    low, high = log10(known[0][0]), log10(known[-1][0])
    if high <= low:
        return None

    def x(price: float) -> float:
        place = (log10(max(1.0, price)) - low) / (high - low)
        return round(WIDTH * min(1.0, max(0.0, place)), 1)

    heights = _heights(known, low, high)
    return Picture(
        area=_area(heights),
        peak=_peak(heights, low, high),
        borders=_borders([x(piece.price_from) for piece in pieces[1:]]),
        strip=_strip(pieces, x),
        ticks=[(x(price), f"${price:,}") for price in _round_prices(low, high) if CLEAR <= x(price) <= WIDTH - CLEAR],
    )


def _trimmed(known: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs without the tails; where a plan counted nothing between a tail and the next price, stones lie near that."""
    few = TAIL * known[-1][1]
    first = max(place for place, (_price, below) in enumerate(known) if below <= known[0][1] + few)
    last = next(place for place, (_price, below) in enumerate(known) if below >= known[-1][1] - few)
    kept = list(known[first : last + 1])
    if len(kept) > 2:
        kept[0] = (max(kept[0][0], kept[1][0] // NEAR), kept[0][1])
        kept[-1] = (min(kept[-1][0], kept[-2][0] * NEAR), kept[-1][1])
    return kept


def _heights(known: Sequence[tuple[int, int]], low: float, high: float) -> list[float]:
    """The stones of each step of the axis."""
    logs = [log10(price) for price, _below in known]

    def below(at: float) -> float:
        place = min(max(bisect_right(logs, at), 1), len(logs) - 1)
        (left, right), (under, over) = logs[place - 1 : place + 1], (known[place - 1][1], known[place][1])
        share = 1.0 if right == left else min(1.0, max(0.0, (at - left) / (right - left)))
        return under + (over - under) * share

    edges = [below(low + (high - low) * step / STEPS) for step in range(STEPS + 1)]
    return [max(0.0, after - before) for before, after in pairwise(edges)]


def _peak(heights: Sequence[float], low: float, high: float) -> str:
    place = max(range(STEPS), key=lambda step: heights[step])
    start, end = (10 ** (low + (high - low) * step / STEPS) for step in (place, place + 1))
    noun = "stone" if round(heights[place]) == 1 else "stones"
    return f"about {heights[place]:,.0f} {noun} from ${start:,.0f} to ${end:,.0f} per carat"


def _area(heights: Sequence[float]) -> str:
    top = max(heights) or 1.0
    wide = WIDTH / STEPS
    corners = [f"M0 {HEIGHT}"]
    for step, tall in enumerate(heights):
        y = round(HEIGHT - (HEIGHT - 6) * tall / top, 1)
        corners.append(f"L{step * wide:.0f} {y}L{(step + 1) * wide:.0f} {y}")
    return "".join([*corners, f"L{WIDTH} {HEIGHT}Z"])


def _borders(places: Sequence[float]) -> str:
    drawn: list[float] = []
    for place in sorted(set(places)):
        if 0 < place < WIDTH and (not drawn or place - drawn[-1] >= CLOSEST):
            drawn.append(place)
    return "".join(f"M{place} 0V{HEIGHT}" for place in drawn)


def _strip(pieces: Sequence[Piece], x: Callable[[float], float]) -> list[tuple[str, str]]:
    spans: list[tuple[str, float, float]] = []
    # Partitions of one price range, split by carat, share its width.
    for (price_from, price_to), same in groupby(pieces, key=lambda piece: (piece.price_from, piece.price_to)):
        states = [piece.state for piece in same]
        start = x(price_from)
        wide = ((WIDTH if price_to is None else x(price_to + 1)) - start) / len(states)
        for place, state in enumerate(states):
            left, right = start + wide * place, start + wide * (place + 1)
            if spans and spans[-1][0] == state:
                spans[-1] = (state, spans[-1][1], right)
            else:
                spans.append((state, left, right))
    top, bottom = HEIGHT + 2, HEIGHT + STRIP
    return [
        (state, f"M{left:.1f} {top}H{max(right, left + 1):.1f}V{bottom}H{left:.1f}Z") for state, left, right in spans
    ]


def _round_prices(low: float, high: float) -> list[int]:
    prices = [step * 10**power for power in range(8) for step in (1, 2, 5)]
    inside = [price for price in prices if low < log10(price) < high]
    return inside if len(inside) <= MAX_TICKS else [price for price in inside if str(price)[0] == "1"]
