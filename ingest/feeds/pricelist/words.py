"""Words and abbreviations of price lists for shapes, availability, fluorescence, shades and treatment."""

from __future__ import annotations

import re

from catalog import fluorescence_colors
from catalog.countries import is_country
from catalog.grades import Fluorescence, fold
from catalog.models import Availability
from catalog.shapes import spelled_shape
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
_FLUORESCENCE_COLORS = frozenset(fluorescence_colors.KNOWN_FLUORESCENCE_COLORS) | fluorescence_colors.SPELLINGS.keys()
_GROWN = re.compile(r"\b(LAB|LABGROWN|LGD|LG|CVD|HPHT|GROWN|SYNTHETIC|CREATED)\b")
_NO_TREATMENT = frozenset({"NO", "N", "NONE", "NIL", "NOTTREATED", "UNTREATED", "NATURAL", "FALSE", "0"})

_flag = Reader(values.yes_or_no)
_country = Reader(values.country)
_town = Reader(lambda cell: values.text(cell, 80))
_color_name = Reader(lambda cell: values.name(cell, 32))


def shape(cell: str) -> str | None:
    """The catalogue's name of a shape."""
    return spelled_shape(values.text(cell, 200) or "")


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
    return fluorescence_colors.fluorescence_color(_color_name[color] or "")


def lab_grown(said: str, growth: str, *, default: bool) -> bool:
    """Whether a stone was grown: by the row's own word, by how it grew, else by `default`."""
    flag = _flag[said]
    if flag is not None:
        return flag
    words = f"{said} / {growth}".upper().replace("-", " ").replace("_", " ")
    return _GROWN.search(words) is not None or (default and "NATURAL" not in words)


def shaded(own: str, shade: str, *names: str) -> bool | None:
    """Whether a stone has a shade: by the column of its own, else by one that names all ("No BGM", "Light Brown")."""
    if own:
        return values.tinge(own)
    if not shade:
        return None
    said = shade.upper()
    return any(name in said for name in names) and not said.startswith("NO")


def location(country: str, city: str, place: str) -> tuple[str | None, str | None]:
    """Country and city where a stone is; lists write one in each column, or both in one: "Mumbai, India"."""
    named, town = _country[country], _town[city]
    parts = [
        part for part in map(str.strip, re.split(r"[,/|]| - ", values.text(place, 200) or "")) if values.text(part, 80)
    ]
    if named is None:
        named = next((_country[part] for part in parts if is_country(part)), None)
    if town is None:
        town = next((_town[part] for part in parts if not is_country(part)), None)
    return named, town


def treated(cell: str) -> bool | None:
    """Whether a stone was treated; a list names the treatment, or says that there is none."""
    word = fold(cell)
    if word in _NO_TREATMENT:
        return False
    return None if word in values.NOTHING else True
