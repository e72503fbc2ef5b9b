"""Charts of the last day as pictures of bars, made here: no script draws them, and whoever sees no pictures has the table.

A chart has one bar for each quarter of an hour; values of one bar stand on each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log10

#: Bars, and what each of them covers.
BARS, STEP = 96, timedelta(minutes=15)
WIDTH, HEIGHT, TOP, BOTTOM = 480, 150, 8, 22
#: Hours between the marks of the axis.
HOURS_PER_MARK = 4

#: Values of one kind by the beginning of the quarter of an hour.
Values = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind with its name and the tone that they are drawn in."""

    name: str
    tone: str
    values: Values


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as the template draws it; `words` and `rows` say the same without a picture."""

    title: str
    unit: str
    words: str
    paths: list[tuple[str, str, str]]
    marks: list[tuple[float, str]]
    lines: list[tuple[float, str]]
    headers: list[str]
    rows: list[list[str]]
    width: int = WIDTH
    height: int = HEIGHT


def quarter(moment: datetime) -> datetime:
    """The beginning of the quarter of an hour that a moment is in."""
    return moment.replace(minute=moment.minute - moment.minute % 15, second=0, microsecond=0)


def chart(title: str, unit: str, series: Sequence[Series], now: datetime, *, words: str, adds_up: bool = True) -> Chart:
    """Bars of the day before `now`; the last one is of the quarter of an hour that is not over.

    The table has the hours: sums or, of what does not add up, means.
    """
    first = quarter(now) - (BARS - 1) * STEP
    moments = [first + place * STEP for place in range(BARS)]
    bar = WIDTH / BARS
    paths, lines = stacked(series, moments)
    return Chart(
        title,
        unit,
        words,
        paths,
        [
            (place * bar, f"{moment:%H:%M}")
            for place, moment in enumerate(moments)
            if moment.minute == 0 and moment.hour % HOURS_PER_MARK == 0 and BARS - place > 4
        ],
        lines,
        ["from (UTC)", *(each.name for each in series)],
        [
            [
                f"{moment:%Y-%m-%d %H:%M}",
                *(f"{_of_hour(each.values, moment, adds_up=adds_up):,.0f}" for each in series),
            ]
            for moment in moments
            if moment.minute == 0
        ],
    )


def stacked(
    series: Sequence[Series], moments: Sequence[datetime]
) -> tuple[list[tuple[str, str, str]], list[tuple[float, str]]]:
    """Bars of the values of each moment, on each other, and the lines of the axis: (tone, name, path), (y, label)."""
    sums = [sum(each.values.get(moment, 0.0) for each in series) for moment in moments]
    top = _round_up(max(sums, default=0.0))
    room = HEIGHT - TOP - BOTTOM
    bar = WIDTH / len(moments)
    gap = min(0.4, bar / 4)
    below = [0.0] * len(moments)
    paths = []
    for each in series:
        pieces = []
        for place, moment in enumerate(moments):
            value = each.values.get(moment, 0.0)
            if value <= 0:
                continue
            high = value / top * room
            y = HEIGHT - BOTTOM - (below[place] / top * room) - high
            pieces.append(f"M{place * bar + gap:.1f} {y:.1f}h{bar - 2 * gap:.1f}v{high:.1f}h-{bar - 2 * gap:.1f}z")
            below[place] += value
        paths.append((each.tone, each.name, "".join(pieces)))
    return paths, [(HEIGHT - BOTTOM - share * room, _short(share * top)) for share in (0.5, 1.0)]


def _of_hour(values: Values, hour: datetime, *, adds_up: bool) -> float:
    known = [values[moment] for part in range(4) if (moment := hour + part * STEP) in values]
    return sum(known) / (1 if adds_up or not known else len(known))


def _round_up(value: float) -> float:
    """The next greater of 1, 2 and 5 times a power of ten, so that the axis is easy to read."""
    if value <= 0:
        return 1.0
    power = 10.0 ** ceil(log10(value) - 1)
    return next(step * power for step in (1, 2, 5, 10, 20) if step * power >= value)


def _short(value: float) -> str:
    """A number for an axis: 1,500,000 as 1.5 M."""
    for bound, letter in ((1e6, " M"), (1e3, " k")):
        if value >= bound:
            return f"{value / bound:g}{letter}"
    return f"{value:g}"
