"""The fields of a list that hold words: which cells are understood, and what a feed may say that its own words mean.

A feed's `words` are put in the place of its cells before the tables are asked, so every reader of a list reads them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from catalog.grades import (
    NOT_GRADED,
    Bowtie,
    Clarity,
    Color,
    FancyIntensity,
    Fluorescence,
    Grade,
    LabFinish,
    fold,
    says_nothing,
)
from catalog.models import Availability
from catalog.shapes import KNOWN_SHAPES, known_shape
from ingest.feeds import nature, values
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.fluorescence import fluorescence_facts
from ingest.feeds.pricelist import finishes, words
from ingest.feeds.values import Reader

#: The field of how stones were made, whose unknown words are asked about list by list, and what they can mean.
KINDS = "lab_grown"
NATURAL, GROWN = "NATURAL", "LAB GROWN"
#: Words that are no finding of a shape.
NOTHING = values.NOTHING | NOT_GRADED


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one field: the catalogue's column, whether a cell is understood, and what words can mean."""

    column: str
    understood: Reader[bool]
    meanings: tuple[str, ...]


def _of(
    column: str, reads: Callable[[str], bool], meanings: tuple[str, ...], kind: type[IntEnum] = IntEnum
) -> Vocabulary:
    return Vocabulary(column, Reader(lambda cell: says_nothing(kind, fold(cell)) or reads(cell)), meanings)


def _graded(kind: type[Grade], column: str) -> Vocabulary:
    names = tuple(grade.name for grade in kind)
    return _of(column, lambda cell: values.grade(kind, nature.grade_alone(cell)) is not None, names, kind)


def _is_shape(cell: str) -> bool:
    return fold(cell) in NOTHING or known_shape(nature.without_growth(cell)) is not None


def _is_color(cell: str) -> bool:
    fancy = fancy_facts(cell, None, None, None)
    return bool(fancy.color or fancy.tint)


def _is_finish(cell: str) -> bool:
    return values.grade(LabFinish, cell) is not None or finishes.all_three[cell] is not finishes.NONE


#: Fields that hold words. A blank availability is that of a stone on sale, so no word for it is like a blank cell.
FIELDS: Mapping[str, Vocabulary] = {
    "shape": Vocabulary("shape", Reader(_is_shape), KNOWN_SHAPES),
    "color": _of("color", _is_color, (*(grade.name for grade in Color), "FANCY YELLOW", "FANCY PINK", "FANCY BLUE")),
    "clarity": _graded(Clarity, "clarity"),
    "cut": _of("cut", _is_finish, tuple(grade.name for grade in LabFinish), LabFinish),
    "polish": _of("polish", _is_finish, tuple(grade.name for grade in LabFinish), LabFinish),
    "symmetry": _graded(LabFinish, "symmetry"),
    "finishes": _of("cut", lambda cell: finishes.of_finish[cell] is not finishes.NONE, ("3EX", "3VG", "3GD")),
    "fluorescence": _of(
        "fluorescence_intensity",
        lambda cell: fluorescence_facts(cell, None)[0] is not None,
        tuple(grade.name for grade in Fluorescence),
    ),
    "fancy_intensity": _graded(FancyIntensity, "fancy_intensity"),
    "bowtie": _graded(Bowtie, "bowtie"),
    "eye_clean": Vocabulary("eye_clean", Reader(values.says_eye_clean), ("YES", "NO")),
    "shade": Vocabulary("shade", Reader(words.are_shades), ("NONE", "BROWN", "GREEN", "GRAY", "BLUE", "MILKY")),
    "availability": Vocabulary(
        "availability",
        Reader(words.is_availability),
        tuple(value for value in Availability.values if value != Availability.DELISTED),
    ),
}


def strange(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The words of a row that nobody knows: field, and cell."""
    for field, vocabulary in FIELDS.items():
        cell = cells[field]
        if cell and not vocabulary.understood[cell]:
            yield field, cell


def fault(field: str, meaning: str) -> str:
    """Why a word of this field cannot mean this; empty if it can."""
    if field == KINDS:
        return "" if meaning in ("", NATURAL, GROWN) else f"a word of {KINDS!r} means {NATURAL} or {GROWN}"
    if field not in FIELDS:
        return f"{field!r} holds no words; fields of words are: {', '.join((*FIELDS, KINDS))}"
    if not meaning and field == "availability":
        return f"a word for an availability means one of: {', '.join(FIELDS[field].meanings)}"
    if meaning and not FIELDS[field].understood[meaning]:
        return f"{meaning[:60]!r} is no {field.replace('_', ' ')}; known are: {', '.join(FIELDS[field].meanings)}"
    return ""
