"""Words and abbreviations of price lists for shapes, availability, fluorescence, shades and treatment."""

from __future__ import annotations

import re

from catalog.grades import Fluorescence, fold
from catalog.models import Availability
from catalog.shapes import normal_shape
from ingest.feeds import values
from ingest.feeds.values import Reader


def _by_word(spellings: dict[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in spellings.items() for word in words.split()}


_AVAILABILITY = _by_word(
    {
        Availability.AVAILABLE.value: "AVAILABLE A AV AVL AVAIL INSTOCK STOCK YES Y GUARANTEED G NEW",
        Availability.ON_HOLD.value: "ONHOLD HOLD H ONMEMO MEMO M RESERVED BUSY B",
        Availability.SOLD.value: "SOLD S",
        Availability.UNAVAILABLE.value: "UNAVAILABLE NOTAVAILABLE NA NO N U OUTOFSTOCK",
    }
)
#: Abbreviations; whole names are the catalogue's own.
_SHAPES = _by_word(
    {
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
    }
)
_FLUORESCENCE_COLORS = _by_word(
    {"BLUE": "BLUE BL B", "YELLOW": "YELLOW YEL YL", "WHITE": "WHITE WH", "ORANGE": "ORANGE", "GREEN": "GREEN"}
)
_GROWN = re.compile(r"\b(LAB|LABGROWN|LGD|LG|CVD|HPHT|GROWN|SYNTHETIC|CREATED)\b")
_NO_TREATMENT = frozenset({"NO", "N", "NONE", "NIL", "NOTTREATED", "UNTREATED", "NATURAL", "FALSE", "0"})

_flag = Reader(values.yes_or_no)
_color_name = Reader(lambda cell: values.name(cell, 32))


def shape(cell: str) -> str | None:
    """The catalogue's name of a shape."""
    said = values.text(cell, 200) or ""
    return _SHAPES.get(fold(said)) or normal_shape(said)


def availability(cell: str) -> str:
    """A stone that is listed without a word is offered; a word that we do not know promises nothing."""
    word = fold(cell)
    return _AVAILABILITY.get(word, Availability.UNAVAILABLE.value) if word else Availability.AVAILABLE.value


def is_availability(cell: str) -> bool:
    """Whether a word for an availability is one that we know."""
    return fold(cell) in _AVAILABILITY


def fluorescence(cell: str, color: str) -> tuple[int | None, str | None]:
    """Intensity and colour, which lists like to write in one cell: "Faint", "STG BLUE", "Medium-Yellow"."""
    whole = values.grade(Fluorescence, cell)
    if whole is not None or not cell:
        return whole, _fluorescence_color(color)
    words = re.findall(r"[A-Z]+", cell.upper())
    intensity = " ".join(word for word in words if word not in _FLUORESCENCE_COLORS)
    named = next((word for word in words if word in _FLUORESCENCE_COLORS), "")
    return values.grade(Fluorescence, intensity), _fluorescence_color(color or named)


def _fluorescence_color(color: str) -> str | None:
    return _FLUORESCENCE_COLORS.get(color.upper()) or _color_name[color]


def lab_grown(said: str, growth: str, *, default: bool) -> bool:
    """Whether a stone was grown: by the row's own word, by how it grew, else by `default`."""
    flag = _flag[said]
    if flag is not None:
        return flag
    words = f"{said} / {growth}".upper().replace("-", " ").replace("_", " ")
    return _GROWN.search(words) is not None or (default and "NATURAL" not in words)


def shaded(own: str, shade: str, word: str) -> bool | None:
    """Whether a stone has a shade: by the column of its own, else by one that names all ("No BGM", "Light Brown")."""
    said = _flag[own]
    if said is not None or not (own or shade):
        return said
    if own:
        return fold(own) not in ("NONE", "NIL")
    return word in shade.upper() and not shade.upper().startswith("NO")


def treated(cell: str) -> bool | None:
    """Whether a stone was treated; a list names the treatment, or says that there is none."""
    word = fold(cell)
    if word in _NO_TREATMENT:
        return False
    return None if word in values.NOTHING else True
