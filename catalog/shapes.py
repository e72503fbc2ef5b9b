"""Shapes of stones: the trade's names, upper case with underscores, and the spellings that mean the same shape.

The list is open: suppliers bring new shapes, and these are kept under their own normalised name.
"""

from __future__ import annotations

import re
from functools import lru_cache

from catalog.grades import fold

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
#: What price lists write for a shape, by its name; folded by `catalog.grades.fold`.
ABBREVIATIONS = {
    abbreviation: shape
    for shape, written in {
        "ROUND": "RB RBC BR RD RND RN R RO",
        "PRINCESS": "PR PRN PRI SMB",
        "EMERALD": "EM EC EMR EMD EMERALDCUT",
        "SQUARE_EMERALD": "SE SQEM SQEMERALD",
        "ASSCHER": "AS ASC ASS ASSCHERCUT",
        "OVAL": "OV OVL OB OVALBRILLIANT",
        "PEAR": "PS PE PER PSH PB PEARSHAPE PEARBRILLIANT",
        "MARQUISE": "MQ MR MRQ MAR MB MARQUISEBRILLIANT",
        "HEART": "HT HS HRT HB HEARTSHAPE HEARTBRILLIANT",
        "RADIANT": "RA RAD RT CCRMB RADIANTCUT",
        "SQUARE_RADIANT": "SQR SQRAD SQRADIANT",
        "CUSHION": "CU CUS CUSH CUSHIONCUT",
        "CUSHION_BRILLIANT": "CB CBR CUB",
        "CUSHION_MODIFIED": "CM CMB CUM CUSHIONMODIFIEDBRILLIANT",
        "TRILLIANT": "TR TRI TRL TRIL",
        "BAGUETTE": "BG BAG",
        "TAPERED_BAGUETTE": "TB TBG",
    }.items()
    for abbreviation in written.split()
}
#: Longest name of a shape that the catalogue keeps (characters).
MAX_LENGTH = 40


@lru_cache(maxsize=4096)
def normal_shape(text: str) -> str | None:
    """The name of a shape: `"cushion b"` becomes `"CUSHION_BRILLIANT"`; None for a text without letters or digits."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper(), flags=re.ASCII).strip("_")[:MAX_LENGTH].rstrip("_")
    return SYNONYMS.get(name, name) or None


@lru_cache(maxsize=4096)
def spelled_shape(text: str) -> str | None:
    """The name of a shape that a person or a price list writes, abbreviations among them: `"cu"` is `"CUSHION"`."""
    return ABBREVIATIONS.get(fold(text)) or normal_shape(text)
