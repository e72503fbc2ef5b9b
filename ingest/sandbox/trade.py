"""The words of the trade that the sandbox draws from, with the shares in which they occur.

Shares are weights: they need not add up to anything. Shapes are spelled as the supplier spells them, doubles included.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

#: Shape as sent: share, ratio of length to width.
SHAPES: dict[str, tuple[float, float]] = {
    "ROUND": (58.0, 1.0),
    "OVAL": (11.0, 1.42),
    "EMERALD": (5.5, 1.40),
    "PEAR": (5.5, 1.55),
    "PRINCESS": (3.5, 1.02),
    "CUSHION": (2.6, 1.05),
    "CUSHION MODIFIED": (1.6, 1.08),
    "CUSHION BRILLIANT": (1.2, 1.06),
    "CUSHION B": (0.3, 1.04),
    "RADIANT": (3.0, 1.25),
    "SQUARE RADIANT": (0.5, 1.02),
    "MARQUISE": (2.6, 1.95),
    "HEART": (1.3, 1.03),
    "ASSCHER": (0.9, 1.02),
    "ASCHER": (0.15, 1.02),
    "SQUARE EMERALD": (0.4, 1.02),
    "ROSE": (0.12, 1.05),
    "OLD MINER": (0.15, 1.08),
    "OLD EUROPEAN": (0.2, 1.0),
    "EUROPEAN": (0.1, 1.0),
    "TRILLIANT": (0.15, 1.02),
    "TRIANGULAR": (0.1, 1.05),
    "HEXAGONAL": (0.12, 1.2),
    "OCTAGONAL": (0.1, 1.1),
    "PENTAGONAL": (0.08, 1.05),
    "HEPTAGONAL": (0.06, 1.02),
    "NONAGONAL": (0.06, 1.02),
    "KITE": (0.1, 1.5),
    "SHIELD": (0.1, 1.15),
    "BULLET": (0.1, 1.7),
    "BAGUETTE": (0.2, 2.3),
    "TAPERED BAGUETTE": (0.15, 2.2),
    "TRAPEZOID": (0.1, 1.6),
    "TRAPEZE": (0.07, 1.6),
    "HALFMOON": (0.08, 1.7),
    "HALF MOON": (0.07, 1.7),
    "LOZENGE": (0.08, 1.6),
    "BRIOLETTE": (0.06, 1.4),
    "FLANDERS": (0.06, 1.02),
    "RECTANGULAR": (0.1, 1.4),
    "RECTANGLE": (0.07, 1.4),
    "SQUARE": (0.1, 1.0),
    "FAN": (0.06, 1.3),
    "OTHER": (0.1, 1.2),
    # Suppliers bring new shapes; these two are on no list of ours.
    "WAVE RADIANT": (0.06, 1.3),
    "MOVAL": (0.06, 1.75),
}
SHAPE_NAMES = tuple(SHAPES)
SHAPE_SHARES: NDArray[np.float64] = np.array([share for share, _ in SHAPES.values()])
ROUND = 0

#: Fancy colours; index 0 of a stone's fancy column means that it has none.
FANCY_COLORS = (
    "",
    "YELLOW",
    "BROWN",
    "PINK",
    "ORANGE",
    "GREEN",
    "BLUE",
    "GRAY",
    "GREY",
    "BLACK",
    "PURPLE",
    "RED",
    "BROWN ORANGE",
    "ORANGE BROWN",
    "YELLOW GREEN",
    "GREEN YELLOW",
)
FANCY_SHARES = np.array([0.0, 46, 12, 10, 6, 5, 6, 2, 1, 2, 2, 0.5, 2, 2, 2, 1.5])
#: Share of fancy colours among natural and lab-grown stones.
FANCY_NATURAL, FANCY_LABGROWN = 0.03, 0.015
FANCY_INTENSITIES = (
    "FANCY",
    "FANCY LIGHT",
    "FANCY INTENSE",
    "FANCY VIVID",
    "FANCY DEEP",
    "FANCY DARK",
    "LIGHT",
    "VERY LIGHT",
    "FAINT",
)
FANCY_OVERTONES = (None, None, None, None, "ORANGISH", "BROWNISH", "GREENISH", "PURPLISH", "GRAYISH")

AVAILABILITIES = ("AVAILABLE", "ON HOLD", "HOLD", "MEMO", "SOLD")
AVAILABLE, ON_HOLD, MEMO, SOLD = 0, 1, 3, 4

#: Laboratories, each repeated in proportion to its share.
LABS_NATURAL = ("GIA",) * 26 + ("IGI",) * 7 + ("HRD",) * 4 + ("GCAL", "EGL", "AGS", "GSI", "NONE")
LABS_LABGROWN = ("IGI",) * 30 + ("GIA",) * 9 + ("GCAL",) * 3 + ("HRD", "GSI", "NONE")

ORIGINS = ("Botswana", "Canada", "South Africa", "Angola", "Namibia", "Australia", "Sierra Leone", "Lesotho", "Russia")
LAB_ORIGINS = ("India", "China", "USA", "Singapore", "Israel")
POLISHING = ("India", "India", "India", "Israel", "Belgium", "USA", "Thailand", "China", "Botswana")
MINES = ("Jwaneng", "Orapa", "Diavik", "Ekati", "Gahcho Kué", "Catoca", "Cullinan", "Letšeng", None, None, None, None)

GIRDLES = (
    "MED",
    "STK",
    "THN",
    "MED - STK",
    "THN - MED",
    "STK - VTK",
    "VTN - MED",
    "Medium to Slightly Thick",
    "Thin - Slightly Thick",
)
GIRDLE_CONDITIONS = ("FACETED", "FACETED", "FACETED", "BRUTED", "POLISHED", None)
CULET_SIZES = ("NONE", "NONE", "NONE", "NON", "VERY SMALL", "SMALL", "POINTED", None)
CULET_CONDITIONS = ("POINTED", "POINTED", "NONE", "ABRADED", None)
KEY_TO_SYMBOLS = (
    "Crystal, Feather",
    "Cloud, Pinpoint",
    "Feather",
    "Needle, Crystal, Cloud",
    "Twinning Wisp",
    "Pinpoint",
    "",
)
COMMENTS = (
    None,
    None,
    None,
    "Pinpoints are not shown.",
    "Additional clouds are not shown.",
    "Surface graining is not shown.",
    "Minor details of polish are not shown.",
)
COLOR_SHADES = ("None", "None", "None", "None", "Faint Brown", "Light Brown", "Mixed Tinge")
#: Tinges are usually absent.
TINGES = ("None",) * 12 + ("Faint", "Light", None)
MILKY = ("None",) * 14 + ("Light Milky", "M1")
FLUORESCENCES = ("NON",) * 10 + ("FNT",) * 4 + ("MED",) * 2 + ("STG", "VST")
FLUORESCENCE_COLORS = ("BLUE", "BLUE", "BLUE", None, "YELLOW", "White")

#: Business days from and to.
DELIVERY_DAYS = ((2, 4), (3, 5), (4, 6), (5, 8), (6, 10), (8, 14), (10, 18))

_FIRST = (
    "Surat",
    "Antwerp",
    "Ramat",
    "Kimberley",
    "Golconda",
    "Hatton",
    "Polar",
    "Blue Nile Bay",
    "Crown",
    "Meridian",
    "Aurora",
    "Zenith",
    "Pavilion",
    "Orion",
    "Kōhi",
    "Étoile",
    "Bērzs",
    "Sägesser",
    "Lotus",
    "Monsoon",
)
_SECOND = (
    "Diamonds",
    "Gems",
    "Brilliants",
    "Jewels",
    "Star",
    "Exports",
    "Trading",
    "& Sons",
    "Brothers",
    "Ateliers",
    "Stones",
    "Facets",
    "Lab",
    "Carats",
    "Polishers",
)
_LEGAL = ("Pvt. Ltd.", "BV", "Ltd", "LLC", "DMCC", "GmbH")
#: A few hundred suppliers: name and legal name.
SUPPLIERS = tuple(
    (f"{first} {second}", f"{first} {second} {_LEGAL[place % len(_LEGAL)]}")
    for place, (first, second) in enumerate(product(_FIRST, _SECOND))
)
