"""The trade's ordered grades: small integers, best first, and every spelling that suppliers use for them.

Adapters read spellings with `written`, which takes two grades as the worse one, the API with `parse`; the API and the admin
show the members' names. The spellings are in `catalog/words/grades.csv`, one scale per grade; a spelling is looked up after
`fold` has taken case, accents, spaces, underscores, dashes and dots out of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from catalog import words
from catalog.letters import plain


class Color(IntEnum):
    """Colour from D (colourless) to Z; `FANCY` is beyond the scale, with its name in `fancy_color`."""

    D = 1
    E = 2
    F = 3
    G = 4
    H = 5
    I = 6  # noqa: E741 - the trade's letter
    J = 7
    K = 8
    L = 9
    M = 10
    N = 11
    O = 12  # noqa: E741
    P = 13
    Q = 14
    R = 15
    S = 16
    T = 17
    U = 18
    V = 19
    W = 20
    X = 21
    Y = 22
    Z = 23
    FANCY = 24


class Clarity(IntEnum):
    """Clarity from flawless to included; SI3 is EGL's and the trade's, not GIA's."""

    FL = 1
    IF = 2
    VVS1 = 3
    VVS2 = 4
    VS1 = 5
    VS2 = 6
    SI1 = 7
    SI2 = 8
    SI3 = 9
    I1 = 10
    I2 = 11
    I3 = 12


class Finish(IntEnum):
    """Grades of cut, polish and symmetry as rules of prices ask for them, to which "ideal" is a word for excellent."""

    EXCELLENT = 1
    VERY_GOOD = 2
    GOOD = 3
    FAIR = 4
    POOR = 5


class LabFinish(IntEnum):
    """Grades of cut, polish and symmetry in the laboratory's words, as the catalogue keeps them.

    The numbers are those of `Finish`, with `IDEAL` better than excellent.
    """

    IDEAL = 0
    EXCELLENT = 1
    VERY_GOOD = 2
    GOOD = 3
    FAIR = 4
    POOR = 5


class Fluorescence(IntEnum):
    """Fluorescence under long-wave ultraviolet."""

    NONE = 1
    FAINT = 2
    MEDIUM = 3
    STRONG = 4
    VERY_STRONG = 5


class FancyIntensity(IntEnum):
    """Intensity of a fancy colour, in the order of GIA's scale."""

    FAINT = 1
    VERY_LIGHT = 2
    LIGHT = 3
    FANCY_LIGHT = 4
    FANCY = 5
    FANCY_INTENSE = 6
    FANCY_VIVID = 7
    FANCY_DARK = 8
    FANCY_DEEP = 9


class GirdleThickness(IntEnum):
    """Thickness of a girdle, from thin to thick; `catalog.girdles` reads both ends of one."""

    EXTREMELY_THIN = 1
    VERY_THIN = 2
    THIN = 3
    SLIGHTLY_THIN = 4
    MEDIUM = 5
    SLIGHTLY_THICK = 6
    THICK = 7
    VERY_THICK = 8
    EXTREMELY_THICK = 9


class CuletSize(IntEnum):
    """Size of a culet; a pointed one has none."""

    NONE = 1
    VERY_SMALL = 2
    SMALL = 3
    MEDIUM = 4
    SLIGHTLY_LARGE = 5
    LARGE = 6
    VERY_LARGE = 7
    EXTREMELY_LARGE = 8


class Bowtie(IntEnum):
    """Strength of the dark bow tie that elongated stones may show."""

    NONE = 1
    SLIGHT = 2
    MEDIUM = 3
    STRONG = 4


Grade = TypeVar(
    "Grade",
    Color,
    Clarity,
    Finish,
    LabFinish,
    Fluorescence,
    FancyIntensity,
    GirdleThickness,
    CuletSize,
    Bowtie,
)


def fold(text: str) -> str:
    """A spelling without case, accents, spaces and signs: `"Very Good"` and `"very-good"` become `"VERYGOOD"`."""
    if text.isascii():
        return "".join(text.split()).upper().translate(_NOISE)
    # An accent may have stood behind a sign.
    return plain("".join(plain(text).split()).upper().translate(_NOISE))


_NOISE = str.maketrans("", "", "_-.+/")

_WORDS = words.parted("grades", "scale")
#: Words that say "no grade" in every field.
NOT_GRADED = frozenset({"", "NA", "NONE", "NULL", "UNKNOWN", "NOTSPECIFIED", "NOTGRADED", "0"})


def _spelled(grades: type[IntEnum], scale: str) -> dict[str, IntEnum]:
    return {word: grades[meaning] for word, meaning in _WORDS[scale].items() if meaning}


def _nothing(scale: str) -> frozenset[str]:
    return NOT_GRADED | {word for word, meaning in _WORDS[scale].items() if not meaning}


_SPELLINGS: dict[type[IntEnum], Mapping[str, IntEnum]] = {
    Color: {
        **_spelled(Color, "color"),
        # Laboratories grade the end of the scale in ranges; the worse letter is taken, which promises no more than is there.
        **{f"{better.name}{worse.name}": worse for better, worse in pairwise(list(Color)[:-1])},
    },
    Clarity: _spelled(Clarity, "clarity"),
    Finish: {
        word: Finish.EXCELLENT if meaning == LabFinish.IDEAL.name else Finish[meaning]
        for word, meaning in {**_WORDS["finish"], LabFinish.IDEAL.name: LabFinish.IDEAL.name}.items()
        if meaning
    },
    LabFinish: _spelled(LabFinish, "finish"),
    Fluorescence: _spelled(Fluorescence, "fluorescence"),
    FancyIntensity: _spelled(FancyIntensity, "fancy_intensity"),
    GirdleThickness: _spelled(GirdleThickness, "girdle"),
    CuletSize: _spelled(CuletSize, "culet"),
    Bowtie: _spelled(Bowtie, "bowtie"),
}
#: Words that say "no grade" in fields of one kind: those of all, and some of its own.
_NOTHING: Mapping[type[IntEnum], frozenset[str]] = {
    Clarity: _nothing("clarity"),
    Finish: _nothing("finish"),
    LabFinish: _nothing("finish"),
}


class UnknownGrade(ValueError):
    """A text is no spelling of any grade that we know."""


@lru_cache(maxsize=4096)
def parse(grades: type[Grade], text: str) -> Grade | None:
    """The grade that a spelling means; None if it says that there is none. Raises `UnknownGrade`."""
    folded = fold(text)
    by_name = {fold(grade.name): grade for grade in grades}
    if folded in by_name:
        return by_name[folded]
    grade = _SPELLINGS[grades].get(folded)
    if grade is not None:
        return grade  # type: ignore[return-value]
    if says_nothing(grades, folded):
        return None
    raise UnknownGrade(f"{text[:60]!r} is not a {grades.__name__.lower()} grade")


def says_nothing(grades: type[IntEnum], folded: str) -> bool:
    """Whether a word, folded, says that there is no grade of this kind."""
    return folded in _NOTHING.get(grades, NOT_GRADED)


#: What stands between two grades that a stone lies between.
_BETWEEN = re.compile(r"\s*(?:[-–—/,&|]|\bTO\b|\bOR\b|\bAND\b)\s*")
#: Grades of which two are written without anything between them, as in `VGEX`.
_RUN_TOGETHER = (Finish, LabFinish)


@lru_cache(maxsize=4096)
def written(grades: type[Grade], text: str) -> Grade | None:
    """The grade that a list or a laboratory writes: `parse`, and of two grades ("VG-EX", "SI1/SI2", "D to F") the worse.

    None if it says that there is none. Raises `UnknownGrade`.
    """
    try:
        return parse(grades, text)
    except UnknownGrade:
        pass
    parts = [part for part in _BETWEEN.split(text.upper()) if part]
    if len(parts) == 1 and grades in _RUN_TOGETHER:
        folded = fold(text)
        parts = next(([folded[:at], folded[at:]] for at in range(1, len(folded)) if _both(grades, folded, at)), parts)
    known = [parse(grades, part) for part in parts] if len(parts) > 1 else []
    if not known or None in known:
        raise UnknownGrade(f"{text[:60]!r} is not a {grades.__name__.lower()} grade")
    worse: Grade = max(grade for grade in known if grade is not None)
    return worse


#: What is written beside a grade of colour or clarity and is none, by its words.
_BESIDE = words.table("beside_grades")
_EYE_CLEAN = re.compile(r"\bEYE[\s-]*CLEAN\b", re.IGNORECASE)
_APART = re.compile(r"[^\s,;()\[\]*]+")


def alone(text: str) -> str:
    """A grade of colour or clarity without what is written beside it: "SI1 eye clean", "VS2*", "G tinge", "SI2 (CE)",
    "VS1 - GIA"."""
    parts = _APART.findall(_EYE_CLEAN.sub("EYECLEAN", text))
    kept = [part for part in parts if fold(part) not in _BESIDE]
    return " ".join(kept).strip(" -/") if "*" in text or len(kept) < len(parts) else text


def treatment_beside(text: str) -> str:
    """The treatment that is written beside a grade: "SI1 LD", "Fancy Black (heated)"; empty for nearly all."""
    return next((part for part in _APART.findall(text) if _BESIDE.get(fold(part)) == "TREATED"), "")


def _both(grades: type[Grade], folded: str, at: int) -> bool:
    """Whether a spelling is two grades of which the second begins there; single letters stand together only as two."""
    first, second = folded[:at], folded[at:]
    spelled = _SPELLINGS[grades]
    return len(folded) <= MAX_RUN_TOGETHER and first in spelled and second in spelled


#: Two abbreviations of grades written together are no longer than this (characters).
MAX_RUN_TOGETHER = 6


def spellings(grades: type[IntEnum]) -> Mapping[str, tuple[str, ...]]:
    """The spellings of each grade besides its name, by its name; folded."""
    return {
        grade.name: tuple(written for written, meant in _SPELLINGS[grades].items() if meant == grade)
        for grade in grades
    }
