"""Shapes of stones: the trade's names, upper case with underscores, and the spellings that mean the same shape.

The list is open: suppliers bring new shapes, and these are kept under their own normalised name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from catalog import words
from catalog.grades import fold
from catalog.letters import plain

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
#: Every spelling that means one of them, folded: codes and names in full (`catalog/words/shapes.csv`).
SPELLINGS: Mapping[str, str] = {
    **words.table("shapes"),
    **{fold(shape): shape for shape in KNOWN_SHAPES},
}
#: The same without the words of other languages ("ROND"), by which only lists are read: asked for, they are slips.
ASKED_SPELLINGS: Mapping[str, str] = {
    row["word"]: row["meaning"] for row in words.rows("shapes") if row["source"] != "terms"
}
_OF_LISTS = SPELLINGS.keys() - ASKED_SPELLINGS.keys() - {fold(shape) for shape in KNOWN_SHAPES}
#: Words beside a shape's name that make no other shape of it: how it is faceted, and how it is drawn out.
_MODIFICATIONS = frozenset(
    {
        "CUT",
        "CUTS",
        "SHAPE",
        "SHAPED",
        "BRILLIANT",
        "MODIFIED",
        "MIXED",
        "STEP",
        "FACETED",
        "LONG",
        "ELONGATED",
        "CORNER",
    }
    | {"DIAMOND", "STONE", "NATURAL", "CLASSIC", "TRADITIONAL"}
    # "Taille émeraude", "Talla princesa", "Taglio a cuore", "חיתוך עגול".
    | {
        "TAILLE",
        "FORME",
        "FORM",
        "SCHLIFF",
        "SLIJPSEL",
        "VORM",
        "TAGLIO",
        "FORMA",
        "TALLA",
        "CORTE",
        "חיתוך",
        "カット",
        "切工",
    }
)
#: Abbreviations of these, and what else stands beside a shape without changing it: "Rnd Brill", "CUSHION MB", "ROUND H&A".
_BESIDE = frozenset(
    {
        "BR",
        "BRI",
        "BRIL",
        "BRILL",
        "BRILLANT",
        "MOD",
        "MODI",
        "MODIF",
        "MB",
        "SQ",
        "L",
        "H",
        "A",
        "HA",
        "HEARTS",
        "ARROWS",
    }
    | {"AND", "EX", "IDEAL", "3", "4", "SHP", "RECT", "CRUSHED", "ICE"}
)
#: Words below "Shape" that name none, folded.
_NO_SHAPE = frozenset(
    {"DIAMOND", "DIAMONDS", "STONE", "FANCY", "FANCYCUT", "FANCYSHAPE", "FANCYSHAPES", "SPECIAL", "SPECIALCUT"}
)
#: One name of shapes that no table has, for all its spellings.
_ONE_NAME = {"CRISSCUT": "CRISSCUT", "CRISCUT": "CRISSCUT", "EPAULET": "EPAULETTE", "EPAULETTES": "EPAULETTE"}
_CUSHIONS = _MODIFICATIONS | _BESIDE | {"SQUARE", "RECTANGULAR", "RECTANGLE"}
#: A word of so many letters at most that no table knows is a code, and no name of a shape.
MAX_CODE = 4
#: Longest name of a shape that the catalogue keeps (characters).
MAX_LENGTH = 40


@lru_cache(maxsize=4096)
def known_shape(text: str) -> str | None:
    """The shape that a spelling means, its modifications folded: `"PEAR MODIFIED BRILLIANT"` is `"PEAR"`.

    None if no table knows it.
    """
    if known := SPELLINGS.get(fold(text)):
        return known
    parts = re.findall(r"[^\W_]+", plain(text).upper())
    if len(parts) > 1 and (cushion := _cushion(parts)):
        return cushion
    named = [word for word in parts if word not in _MODIFICATIONS]
    if known := SPELLINGS.get("".join(named)):
        return known
    least = [word for word in named if word not in _BESIDE]
    return SPELLINGS.get("".join(least)) if len("".join(least)) > 1 else None


def _cushion(words: Sequence[str]) -> str | None:
    """A cushion by all the words about it, of which the way of cutting makes three shapes; None if it is none."""
    others = [word for word in words if SPELLINGS.get(word) != "CUSHION"]
    if len(others) == len(words) or not _CUSHIONS.issuperset(others):
        return None
    if any(word.startswith("MOD") or word == "MB" for word in others):
        return "CUSHION_MODIFIED"
    return "CUSHION_BRILLIANT" if any(word.startswith("BR") for word in others) else "CUSHION"


@lru_cache(maxsize=4096)
def spelled_shape(text: str) -> str | None:
    """The name of a shape that a person asks for: `"cu"` is `"CUSHION"`, and what no table knows keeps its own name.

    None for a text without letters or digits. Words that only lists use are no spellings here.
    """
    return (None if fold(text) in _OF_LISTS else known_shape(text)) or _name(text)


@lru_cache(maxsize=4096)
def listed_shape(text: str) -> str | None:
    """The name of a shape that a supplier writes; None also for "Fancy" and for codes that no table knows."""
    if known := known_shape(text):
        return known
    name = _name(text)
    return None if name is None or len(name) <= MAX_CODE or fold(name) in _NO_SHAPE else name


def _name(text: str) -> str | None:
    name = re.sub(r"[^A-Z0-9]+", "_", plain(text).upper(), flags=re.ASCII).strip("_")[:MAX_LENGTH].rstrip("_")
    return _ONE_NAME.get(fold(name), name) or None
