"""The trade's ordered grades: small integers, best first, and every spelling that suppliers use for them.

Adapters read spellings with `parse`; the API and the admin show the members' names. There is one table of synonyms per
grade; a spelling is looked up after `fold` has taken case, spaces, underscores, dashes and dots out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar


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
    """A spelling without case, spaces and signs: `"Very Good"`, `"VERY_GOOD"` and `"very-good"` become `"VERYGOOD"`."""
    return "".join(text.split()).upper().translate(_NOISE)


_NOISE = str.maketrans("", "", "_-.+/")

_IDEAL = dict.fromkeys(("ID", "IDL", "IDEAL", "SUPERIDEAL"), Finish.EXCELLENT)
_EXCELLENT = dict.fromkeys(("EX", "EXC", "EXCELLENT", "EXCEPTIONAL", "3EX", "X", "XXX"), Finish.EXCELLENT)
_BELOW = {
    "VG": Finish.VERY_GOOD,
    "VGOOD": Finish.VERY_GOOD,
    "GD": Finish.GOOD,
    "G": Finish.GOOD,
    "FR": Finish.FAIR,
    "F": Finish.FAIR,
    "PR": Finish.POOR,
    "P": Finish.POOR,
}

_SPELLINGS: dict[type[IntEnum], Mapping[str, IntEnum]] = {
    Color: {
        "FANCY": Color.FANCY,
        "FCY": Color.FANCY,
        "FANCYCOLOR": Color.FANCY,
        "FANCYCOLOUR": Color.FANCY,
        # Laboratories grade the end of the scale in ranges; the worse letter is taken, which promises no more than is there.
        **{f"{better.name}{worse.name}": worse for better, worse in pairwise(list(Color)[:-1])},
    },
    Clarity: {
        "FLAWLESS": Clarity.FL,
        "INTERNALLYFLAWLESS": Clarity.IF,
        "LC": Clarity.IF,
        "LOUPECLEAN": Clarity.IF,
        "P1": Clarity.I1,
        "P2": Clarity.I2,
        "P3": Clarity.I3,
    },
    Finish: _EXCELLENT | _IDEAL | _BELOW,
    LabFinish: {spelling: LabFinish[grade.name] for spelling, grade in (_EXCELLENT | _BELOW).items()}
    | dict.fromkeys(_IDEAL, LabFinish.IDEAL),
    Fluorescence: {
        "NON": Fluorescence.NONE,
        "N": Fluorescence.NONE,
        "NIL": Fluorescence.NONE,
        "FNT": Fluorescence.FAINT,
        "F": Fluorescence.FAINT,
        "VERYSLIGHT": Fluorescence.FAINT,
        "SLIGHT": Fluorescence.FAINT,
        "MED": Fluorescence.MEDIUM,
        "M": Fluorescence.MEDIUM,
        "STG": Fluorescence.STRONG,
        "STR": Fluorescence.STRONG,
        "S": Fluorescence.STRONG,
        "VST": Fluorescence.VERY_STRONG,
        "VSTG": Fluorescence.VERY_STRONG,
        "VS": Fluorescence.VERY_STRONG,
    },
    FancyIntensity: {
        "INTENSE": FancyIntensity.FANCY_INTENSE,
        "VIVID": FancyIntensity.FANCY_VIVID,
        "DARK": FancyIntensity.FANCY_DARK,
        "DEEP": FancyIntensity.FANCY_DEEP,
    },
    GirdleThickness: {
        spelling: thickness
        for thickness, spellings in {
            GirdleThickness.EXTREMELY_THIN: "ETN XTN EXTN EXTTHIN EXTHIN XTHIN",
            GirdleThickness.VERY_THIN: "VTN VTHN VTHIN",
            GirdleThickness.THIN: "THN TN",
            GirdleThickness.SLIGHTLY_THIN: "STN SLTN SLTHN SLTHIN",
            GirdleThickness.MEDIUM: "MED M",
            GirdleThickness.SLIGHTLY_THICK: "STK SLTK SLTHK SLK SLTHICK",
            GirdleThickness.THICK: "THK TK",
            GirdleThickness.VERY_THICK: "VTK VTHK VTHICK",
            GirdleThickness.EXTREMELY_THICK: "ETK XTK EXTK XTHK EXTTHICK EXTHICK XTHICK",
        }.items()
        for spelling in spellings.split()
    },
    CuletSize: {
        spelling: size
        for size, spellings in {
            CuletSize.NONE: "NON N NIL NO POINTED PTD POINT",
            CuletSize.VERY_SMALL: "VS VSM VSML VSMALL",
            CuletSize.SMALL: "S SM SML",
            CuletSize.MEDIUM: "M MED",
            CuletSize.SLIGHTLY_LARGE: "SL SLG SLLG SLARGE SLLARGE",
            CuletSize.LARGE: "L LG LRG",
            CuletSize.VERY_LARGE: "VL VLG VLRG VLARGE",
            CuletSize.EXTREMELY_LARGE: "EL XL ELG EXL EXTLARGE",
        }.items()
        for spelling in spellings.split()
    },
    Bowtie: {
        spelling: strength
        for strength, spellings in {
            Bowtie.NONE: "NON N NIL NO NOBOWTIE FALSE",
            Bowtie.SLIGHT: "SLT SL FAINT MINOR WEAK LIGHT VERYSLIGHT",
            Bowtie.MEDIUM: "MED M MODERATE",
            Bowtie.STRONG: "STG HEAVY SEVERE PROMINENT SIGNIFICANT OBVIOUS",
        }.items()
        for spelling in spellings.split()
    },
}
#: Words that say "no grade" in every field.
NOT_GRADED = frozenset({"", "NA", "NONE", "NULL", "UNKNOWN", "NOTSPECIFIED", "NOTGRADED", "0"})


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
    if folded in NOT_GRADED:
        return None
    raise UnknownGrade(f"{text[:60]!r} is not a {grades.__name__.lower()} grade")


def spellings(grades: type[IntEnum]) -> Mapping[str, tuple[str, ...]]:
    """The spellings of each grade besides its name, by its name; folded."""
    return {
        grade.name: tuple(written for written, meant in _SPELLINGS[grades].items() if meant == grade)
        for grade in grades
    }
