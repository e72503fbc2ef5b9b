"""Fancy colours: one normal form for a name that suppliers write in any order, with noise in it or beside it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from catalog.grades import Color, FancyIntensity
from ingest.feeds import values
from ingest.feeds.values import Scalar

#: Words in a colour's name that name no colour: the distribution of the colour, and intensities.
_NOISE = frozenset(
    {"EVEN", "UNEVEN", "NATURAL", "FANCY", "INTENSE", "VIVID", "DARK", "DEEP", "LIGHT", "FAINT", "VERY"}
    | {"COLOR", "COLOUR", "NONE", "NULL", "OTHER", "UNKNOWN", "FCY"}
)
_SPELLINGS = {"GREY": "GRAY", "GREYISH": "GRAYISH"}
#: Longest name that the catalogue keeps (characters).
LONGEST = 64


class FancyFacts(NamedTuple):
    """A stone's colour: the grade, and name, intensity and overtone of a fancy one."""

    color: int | None
    name: str | None
    intensity: int | None
    overtone: str | None


# Typed, because `True` is not 1.
@lru_cache(maxsize=16_384, typed=True)
def fancy_facts(color: Scalar, f_color: Scalar, f_intensity: Scalar, f_overtone: Scalar) -> FancyFacts:
    """Bring a stone's four colour fields together.

    A stone with the name of a fancy colour is fancy whatever its `color` says; one whose `color` says fancy is so without
    a name. A letter grade has no intensity.
    """
    said = values.text(color, 100) or ""
    name = color_name(values.text(f_color, 100) or "")
    fancy = name is not None or said.upper().startswith(("FANCY", "FCY"))
    if not fancy:
        return FancyFacts(values.grade(Color, color), None, None, None)
    intensity = values.grade(FancyIntensity, f_intensity)
    return FancyFacts(
        Color.FANCY.value,
        name or color_name(said),
        intensity,
        color_name(values.text(f_overtone, 100) or ""),
    )


@lru_cache(maxsize=4096)
def color_name(text: str) -> str | None:
    """The normal form of a fancy colour's name: `"orange-Brown"` and `"BROWN ORANGE"` are both `"BROWN_ORANGE"`.

    Modifiers (`-ISH`) come first, colours in alphabetical order. None for noise such as `"EVEN"` and `"U-V"`.
    """
    words = (_SPELLINGS.get(word, word) for word in re.findall(r"[A-Z]+", text.upper()))
    # One or two letters are a grade ("U-V") or an abbreviation of nothing.
    colors = {word for word in words if len(word) > 2 and word not in _NOISE}
    ordered = sorted(colors, key=lambda word: (not word.endswith("ISH"), word))
    return "_".join(ordered)[:LONGEST] or None
