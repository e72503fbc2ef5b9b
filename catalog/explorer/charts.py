"""The explorer's pictures as numbers for SVG: histograms under sliders, and prices over carats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import ceil, log
from typing import Any
from uuid import UUID

from catalog.explorer.asking import Wanted
from catalog.explorer.columns import address
from catalog.models import Diamond
from catalog.searching.hits import Hits, Spread
from catalog.searching.sorts import SORTS
from catalog.searching.standing import standing

#: Up to so many hits each is a point that leads to its stone; more are counted in cells.
MAX_POINTS = 300
#: Cells of the picture.
ACROSS, UP = 64, 40
#: Shades of a cell, from the fewest stones to the most.
SHADES = 6
#: The picture's size, and the room on its left and below for the axes.
WIDTH, HEIGHT, LEFT, BELOW, MARGIN = 960, 400, 64, 30, 12
#: Numbers under a histogram at most.
_MAX_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram, in percent of its height, and what it says."""

    place: int
    top: float
    height: float
    within: bool
    words: str


@dataclass(frozen=True)
class Histogram:
    """A histogram with the slider under it, whose handles stand on the edges of the bars."""

    name: str
    title: str
    unit: str
    bars: Sequence[Bar]
    edges: Sequence[str]
    #: Places of the handles among the edges.
    low_place: int
    high_place: int
    low: str
    high: str
    #: Numbers under it: (percent from the left, text).
    ticks: Sequence[tuple[float, str]]
    unknown: int

    @property
    def last(self) -> int:
        """The place of the last edge."""
        return len(self.edges) - 1


@dataclass(frozen=True)
class Shade:
    """Cells of one kind of stone and about as many stones, as the path of one SVG shape."""

    kind: str
    level: int
    path: str


@dataclass(frozen=True)
class Point:
    """One stone."""

    kind: str
    x: float
    y: float
    url: str
    words: str


@dataclass(frozen=True)
class Scatter:
    """Prices over carats, both axes by ratio: cells or points, and the axes' numbers with their places."""

    shades: Sequence[Shade]
    points: Sequence[Point]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]
    #: Which kinds there are, for the legend.
    kinds: Sequence[tuple[str, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BELOW
    top: int = MARGIN
    right: int = WIDTH - MARGIN


_KINDS = {False: ("natural", "natural"), True: ("grown", "lab-grown")}


def histogram(name: str, facet: Mapping[str, Any], wanted: Wanted) -> Histogram:
    """The histogram of a facet."""
    low, high = (next(iter(wanted.texts.get(f"{name}_{end}", ())), "") for end in ("min", "max"))
    buckets = facet["buckets"]
    edges = [Decimal(str(bucket["from"])) for bucket in buckets]
    if buckets:
        last = buckets[-1]["to"]
        edges.append(Decimal(str(facet["max"] if last is None else last)))
    most = max((bucket["count"] for bucket in buckets), default=0)
    low_place = _place(edges, low, 0)
    high_place = _place(edges, high, max(len(edges) - 1, 0))
    bars = []
    for place, bucket in enumerate(buckets):
        # Few stones beside many are still to be seen.
        height = max(100 * bucket["count"] / most, 1.5) if bucket["count"] else 0
        within = (not low or edges[place + 1] > Decimal(low)) and (not high or edges[place] <= Decimal(high))
        words = f"{_said(name, edges[place])} to {_said(name, edges[place + 1])}: {bucket['count']:,}"
        bars.append(Bar(place, 100 - height, height, within, words))
    step = ceil(len(edges) / _MAX_TICKS) or 1
    ticks = [(100 * place / (len(edges) - 1), _said(name, edges[place])) for place in range(0, len(edges), step)]
    return Histogram(
        name=name,
        title=name.capitalize(),
        unit="$" if name == "price" else "ct",
        bars=bars,
        edges=[f"{edge.normalize():f}" for edge in edges] or ["0"],
        low_place=low_place,
        high_place=high_place,
        low=low,
        high=high,
        ticks=ticks if buckets else [],
        unknown=facet["unknown"],
    )


def scatter(hits: Hits, wanted: Wanted, shown: Sequence[Diamond]) -> Scatter | None:
    """Prices over carats of the hits, of which some have been read; None where there is no stone to be seen."""
    count = hits.count()
    if count.exact and count.number <= MAX_POINTS:
        return _of_points(_seen(shown) if count.number == len(shown) else _read(hits, wanted))
    return _of_cells(hits.spread(ACROSS, UP))


class _Axes:
    """Where values lie in the picture: by the logarithm, within a little room on both sides."""

    def __init__(self, carats: tuple[float, float], dollars: tuple[float, float]) -> None:
        self.carats, self.dollars = _roomy(*carats), _roomy(*dollars)

    def x(self, carats: float) -> float:
        return LEFT + (WIDTH - MARGIN - LEFT) * _along(self.carats, carats)

    def y(self, dollars: float) -> float:
        return HEIGHT - BELOW - (HEIGHT - BELOW - MARGIN) * _along(self.dollars, dollars)

    def across(self) -> list[tuple[float, str]]:
        """Numbers under the picture, with their places."""
        return [(round(self.x(number), 1), f"{number:g} ct") for number in _round_numbers(*self.carats)]

    def up(self) -> list[tuple[float, str]]:
        """Numbers beside it."""
        return [(round(self.y(number), 1), _short(number)) for number in _round_numbers(*self.dollars)]


#: Of a stone: carats, cents, whether it is lab-grown, shape.
_Seen = Mapping[UUID, tuple[Any, ...]]


def _seen(stones: Sequence[Diamond]) -> _Seen:
    return {stone.pk: (stone.carats, stone.price_cents, stone.lab_grown, stone.shape) for stone in stones}


def _read(hits: Hits, wanted: Wanted) -> _Seen:
    ids = [identity for _, identity in hits.page(SORTS["price"], None, MAX_POINTS)]
    return standing(ids, wanted.asked, ["carats", "price_cents", "lab_grown", "shape"])


def _of_points(stones: _Seen) -> Scatter | None:
    seen = {identity: row for identity, row in stones.items() if row[0]}
    if not seen:
        return None
    carats = [float(row[0]) for row in seen.values()]
    dollars = [row[1] / 100 for row in seen.values()]
    axes = _Axes((min(carats), max(carats)), (min(dollars), max(dollars)))
    points = [
        Point(
            _KINDS[is_lab][0],
            round(axes.x(float(weight)), 1),
            round(axes.y(cents / 100), 1),
            address(identity),
            f"{weight.normalize():f} ct {(shape or 'stone').replace('_', ' ').lower()}, ${cents / 100:,.2f}",
        )
        for identity, (weight, cents, is_lab, shape) in seen.items()
    ]
    return Scatter([], points, axes.across(), axes.up(), _legend({row[2] for row in seen.values()}))


def _of_cells(spread: Spread) -> Scatter | None:
    if not spread.counts:
        return None
    axes = _Axes((spread.carats[0] / 1000, spread.carats[-1] / 1000), (spread.cents[0] / 100, spread.cents[-1] / 100))
    xs = [round(axes.x(weight / 1000), 1) for weight in spread.carats]
    ys = [round(axes.y(cents / 100), 1) for cents in spread.cents]
    widths = [f"{max(end - begin, 1):.4g}" for begin, end in pairwise(xs)]
    heights = [f"{max(low - high, 1):.4g}" for low, high in pairwise(ys)]
    columns = [(f"M{x:g} ", f"h{width}", f"h-{width}z") for x, width in zip(xs, widths, strict=False)]
    rows = [(f"{y:g}", f"v{height}") for y, height in zip(ys[1:], heights, strict=True)]
    most = max(spread.counts.values())
    levels = {number: ceil(SHADES * log(1 + number) / log(1 + most)) for number in set(spread.counts.values())}
    paths: dict[tuple[bool, int], list[str]] = defaultdict(list)
    for (is_lab, place, row), number in spread.counts.items():
        to, right, back = columns[place]
        top, down = rows[row]
        paths[is_lab, levels[number]].append(to + top + right + down + back)
    shades = [Shade(_KINDS[is_lab][0], level, "".join(path)) for (is_lab, level), path in sorted(paths.items())]
    return Scatter(shades, [], axes.across(), axes.up(), _legend({is_lab for is_lab, _, _ in spread.counts}))


def _legend(kinds: set[bool]) -> list[tuple[str, str]]:
    return [_KINDS[is_lab] for is_lab in sorted(kinds)]


def _roomy(low: float, high: float) -> tuple[float, float]:
    room = max((high / low) ** 0.03, 1.02)
    return low / room, high * room


def _along(ends: tuple[float, float], value: float) -> float:
    return log(value / ends[0]) / log(ends[1] / ends[0])


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 with any number of noughts; of wide axes 1 and 10 alone; finer ones where there would be hardly any."""
    decades = [10.0**power for power in range(-4, 12)]
    by_steps = [(1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(step / 10 for step in range(10, 100, 2))]
    for steps in by_steps:
        numbers = [decade * step for decade in decades for step in steps if low <= decade * step <= high]
        if len(numbers) >= 4:
            return numbers[:: ceil(len(numbers) / 9)]
    return numbers or [low]


def _short(dollars: float) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if dollars >= size:
            return f"${dollars / size:g}{letter}"
    return f"${dollars:g}"


def _said(name: str, edge: Decimal) -> str:
    return _short(float(edge)) if name == "price" else f"{edge.normalize():f}"


def _place(edges: Sequence[Decimal], text: str, default: int) -> int:
    """The place of the edge that is nearest to what is asked."""
    if not text or not edges:
        return default
    return min(range(len(edges)), key=lambda place: abs(edges[place] - Decimal(text)))
