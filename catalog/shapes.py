"""Shapes of stones: the trade's names, upper case with underscores, and the spellings that mean the same shape.

The list is open: suppliers bring new shapes, and these are kept under their own normalised name.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Shapes that suppliers are known to send, in the order in which shops list them.
KNOWN_SHAPES = (
    "ROUND",
    "OVAL",
    "EMERALD",
    "CUSHION",
    "CUSHION_BRILLIANT",
    "CUSHION_MODIFIED",
    "ASSCHER",
    "RADIANT",
    "SQUARE_RADIANT",
    "SQUARE_EMERALD",
    "MARQUISE",
    "PEAR",
    "PRINCESS",
    "HEART",
    "ROSE",
    "OLD_MINER",
    "OLD_EUROPEAN",
    "EUROPEAN",
    "TRILLIANT",
    "TRIANGULAR",
    "HEXAGONAL",
    "OCTAGONAL",
    "PENTAGONAL",
    "HEPTAGONAL",
    "NONAGONAL",
    "KITE",
    "SHIELD",
    "BULLET",
    "BAGUETTE",
    "TAPERED_BAGUETTE",
    "TRAPEZOID",
    "HALF_MOON",
    "LOZENGE",
    "BRIOLETTE",
    "FLANDERS",
    "RECTANGULAR",
    "SQUARE",
    "FAN",
    "OTHER",
)
SYNONYMS = {
    "ASCHER": "ASSCHER",
    "CUSHION_B": "CUSHION_BRILLIANT",
    "CUSHION_MOD": "CUSHION_MODIFIED",
    "HALFMOON": "HALF_MOON",
    "RECTANGLE": "RECTANGULAR",
    "ROUND_BRILLIANT": "ROUND",
    "TRAPEZE": "TRAPEZOID",
    "TRILLION": "TRILLIANT",
}
#: Longest name of a shape that the catalogue keeps (characters).
MAX_LENGTH = 40


@lru_cache(maxsize=4096)
def normal_shape(text: str) -> str | None:
    """The name of a shape: `"cushion b"` becomes `"CUSHION_BRILLIANT"`; None for a text without letters or digits."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper(), flags=re.ASCII).strip("_")[:MAX_LENGTH].rstrip("_")
    return SYNONYMS.get(name, name) or None
