"""A stone's price over time as a picture: a line in steps, above bands for the rule sets that were in force.

The module computes paths of an SVG from the history of prices; `pricing.admin.price_over_time` and a template draw them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from pricing.publications import Publication

WIDTH, HEIGHT, LEFT, TOP = 1000, 240, 80, 26
#: Lines across, at most; days written below, at most.
MAX_LINES, MAX_DAYS = 5, 8
#: A band at least as wide has its version written into it (units of the picture).
LABELLED = 34.0
#: Marks nearer to each other are drawn as one (units of the picture).
NEAREST = 3.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a stone had one price (cents)."""

    begin: datetime
    end: datetime
    price_cents: int


@dataclass(frozen=True, slots=True)
class Band:
    """The time of one rule set in force."""

    x: float
    width: float
    version: int
    label: str
    is_odd: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths and labels in units of a `WIDTH` × `full_height` box."""

    line: str
    marks: Sequence[tuple[float, float, str]]
    bands: Sequence[Band]
    #: (y, label) of lines across, (x, label) of days.
    across: Sequence[tuple[float, str]]
    days: Sequence[tuple[float, str]]
    width: int = WIDTH
    left: int = LEFT
    top: int = TOP
    bottom: int = TOP + HEIGHT
    height: int = HEIGHT
    full_height: int = TOP + HEIGHT + 24
    day_top: int = TOP + HEIGHT + 17


def chart(stretches: Sequence[Stretch], publications: Sequence[Publication]) -> Chart | None:
    """The picture of stretches that follow each other; None if they have no time in them."""
    if not stretches or stretches[-1].end <= stretches[0].begin:
        return None
    begin, end = stretches[0].begin, stretches[-1].end
    span = (end - begin).total_seconds()
    lines = _round_amounts([each.price_cents for each in stretches])
    low, high = lines[0], lines[-1]

    def x(at: datetime) -> float:
        share = (at - begin).total_seconds() / span
        return round(LEFT + (WIDTH - LEFT) * min(1.0, max(0.0, share)), 1)

    def y(cents: int) -> float:
        return round(TOP + HEIGHT - HEIGHT * (cents - low) / (high - low), 1)

    first, *others = stretches
    path = [f"M{x(first.begin)} {y(first.price_cents)}H{x(first.end)}"]
    path += [f"V{y(each.price_cents)}H{x(each.end)}" for each in others]
    return Chart(
        line="".join(path),
        marks=_marks([(x(each.begin), y(each.price_cents), each) for each in stretches]),
        bands=_bands(publications, begin, end, x),
        across=[(y(amount), f"${amount / 100:,.0f}" if high >= 1000 else f"${amount / 100:.2f}") for amount in lines],
        days=_days(begin, end, x),
    )


def _marks(places: Sequence[tuple[float, float, Stretch]]) -> list[tuple[float, float, str]]:
    drawn: list[tuple[float, float, str]] = []
    for place_x, place_y, stretch in places:
        if drawn and abs(drawn[-1][0] - place_x) < NEAREST and abs(drawn[-1][1] - place_y) < NEAREST:
            continue
        words = f"{stretch.begin:%Y-%m-%d %H:%M} UTC: ${stretch.price_cents / 100:,.2f}"
        drawn.append((place_x, place_y, words))
    return drawn


def _bands(
    publications: Sequence[Publication], begin: datetime, end: datetime, x: Callable[[datetime], float]
) -> list[Band]:
    bands = []
    for number, (each, following) in enumerate(pairwise([*publications, None])):
        assert each is not None
        until = following.at if following else end
        if until <= begin or each.at >= end:
            continue
        left, right = x(each.at), x(until)
        if right > left:
            wide = round(right - left, 1)
            bands.append(
                Band(left, wide, each.version, f"set {each.version}" if wide >= LABELLED else "", number % 2 == 1)
            )
    return bands


def _round_amounts(prices: Sequence[int]) -> list[int]:
    """Round amounts from at most the lowest to at least the highest price, evenly apart."""
    low, high = min(prices), max(prices)
    room = max(high - low, high // 20, 100)
    step = 1
    while room / step > MAX_LINES - 1:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    start = max(0, low - (room - (high - low)) // 2) // step * step
    amounts = [start]
    while amounts[-1] < high:
        amounts.append(amounts[-1] + step)
    return amounts if len(amounts) > 1 else [start, start + step]


def _days(begin: datetime, end: datetime, x: Callable[[datetime], float]) -> list[tuple[float, str]]:
    whole = max(1, (end - begin).days)
    step = timedelta(days=-(-whole // MAX_DAYS))
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    days = []
    while midnight < end:
        days.append((x(midnight), f"{midnight:%Y-%m-%d}"))
        midnight += step
    # The last label would be cut off by the picture's edge.
    return [(place, label) for place, label in days if place <= WIDTH - 40] or [(LEFT + 40.0, f"{begin:%Y-%m-%d}")]
