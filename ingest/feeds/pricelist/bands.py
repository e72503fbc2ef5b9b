"""What a carat can cost: bands so wide that whatever lies outside them is no price of a carat, and what is usual.

Built in after the trade's levels; PRICELIST_BAND_FACTOR widens or narrows them. A list's prices are held against them, and
the meaning of a column, where its values make sense as one thing only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from catalog.grades import Color

#: (carats, dollars per carat): what is usual for a natural stone on the scale from D to Z, whatever its grades.
_NATURAL = (
    *((0.01, 400.0), (0.05, 500.0), (0.2, 900.0), (0.3, 1_300.0), (0.5, 1_900.0), (0.7, 2_700.0), (1.0, 4_500.0)),
    *((1.5, 6_500.0), (2.0, 9_000.0), (3.0, 14_000.0), (5.0, 22_000.0), (10.0, 40_000.0), (20.0, 60_000.0)),
)
_GROWN = ((0.01, 200.0), (1.0, 200.0), (3.0, 300.0), (10.0, 500.0))
#: How far from what is usual a carat can cost (below, above), and how far most do. The dearest stones of a weight, D and
#: flawless, are offered at some seven times what is usual; those that nobody says a colour of may be such.
_NATURAL_CAN, _NATURAL_MOST = (50.0, 20.0), (8.0, 12.0)
#: The same, above, for natural stones from a colour on: of K the dearest are offered at
#: twice what is usual, of N at once.
_TINTED_CAN = ((Color.N, 5.0), (Color.K, 8.0))
#: So many times below what is usual no natural stone from D to J and FL to SI2 is sold.
_NATURAL_DOUBTFUL = 7.0
_GROWN_CAN, _GROWN_MOST = (20.0, 100.0), (8.0, 8.0)
#: Dollars per carat of fancy colours, brown and black ones below, the records of auctions above.
_FANCY = (10.0, 8_000_000.0)

#: Dollars per carat below which no natural stone of a third of a carat has such a colour, intense or vivid.
_INTENSE = dict.fromkeys(("PINK", "BLUE", "RED", "GREEN", "PURPLE", "VIOLET"), 4_000.0) | {
    "YELLOW": 700.0,
    "ORANGE": 700.0,
}
INTENSE_FROM = 0.3


@dataclass(frozen=True, slots=True)
class Kind:
    """What decides the level of a stone's price besides its weight."""

    lab_grown: bool = False
    fancy: bool = False

    @property
    def words(self) -> str:
        return ("lab-grown " if self.lab_grown else "natural ") + ("fancy stone" if self.fancy else "stone")


ORDINARY, _LAB_GROWN = Kind(), Kind(lab_grown=True)


def usual(carats: float, kind: Kind) -> float | None:
    """What a carat of such a stone costs, in dollars, give or take much; fancy colours have no such thing."""
    if kind.fancy:
        return None
    return _between(_GROWN if kind.lab_grown else _NATURAL, carats)


def possible(carats: float, kind: Kind, factor: float = 1.0) -> tuple[float, float]:
    """The least and the most that a carat can cost, in dollars; a `factor` above 1 widens the band."""
    level = usual(carats, kind)
    if level is None:
        low, high = _FANCY
    else:
        below, above = _GROWN_CAN if kind.lab_grown else _NATURAL_CAN
        low, high = level / below, level * above
    return low / factor, high * factor


def ordinary(carats: float, unit: float, factor: float = 1.0) -> tuple[float, float]:
    """What a carat of any kind of stone can cost, its kind unknown; `unit` is a dollar in what is asked."""
    low, most = possible(carats, ORDINARY, factor)
    _, high = possible(carats, _LAB_GROWN, factor)
    return low * unit, min(most, high) * unit


def tinted_above(carats: float, color: int, factor: float = 1.0) -> float:
    """Dollars a carat above which no natural stone of a tinted colour on the scale, from K on, is sold."""
    times = next((times for first, times in _TINTED_CAN if color >= first), _NATURAL_CAN[1])
    return _between(_NATURAL, carats) * times * factor


def doubtful_below(carats: float, factor: float = 1.0) -> float:
    """Dollars a carat below which a stone of good grades is hardly natural: if nothing says that it is, it may be grown."""
    return _between(_NATURAL, carats) / (_NATURAL_DOUBTFUL * factor)


def doubtful_fancy_below(name: str | None, factor: float = 1.0) -> float:
    """The same of a colour that is intense or vivid, without an overtone; 0 for one that may be cheap."""
    return _INTENSE.get(name or "", 0.0) / factor


def is_usual(dollars: float, carats: float, kind: Kind) -> bool:
    """Whether a price of a carat is one of those that most such stones have."""
    level = usual(carats, kind)
    if level is None:
        low, high = _FANCY
        return low <= dollars <= high
    below, above = _GROWN_MOST if kind.lab_grown else _NATURAL_MOST
    return level / below <= dollars <= level * above


def _between(levels: tuple[tuple[float, float], ...], carats: float) -> float:
    """The level at a weight, by the ratio between its neighbours'."""
    at = bisect_right(levels, (carats, math.inf))
    if at == 0:
        return levels[0][1]
    if at == len(levels):
        return levels[-1][1]
    (lighter, low), (heavier, high) = levels[at - 1], levels[at]
    share = math.log(carats / lighter) / math.log(heavier / lighter)
    return float(low * (high / low) ** share)
