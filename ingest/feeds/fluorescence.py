"""Fluorescence: intensity and colour, which suppliers write in two fields or in one: "STG BLUE", "MB", "Medium-Yellow"."""

from __future__ import annotations

import re
from functools import lru_cache

from catalog import fluorescence_colors
from catalog.fluorescence_colors import fluorescence_color
from catalog.grades import Fluorescence, UnknownGrade, fold, written
from catalog.letters import plain
from ingest.feeds import values
from ingest.feeds.values import Scalar

_COLORS = {
    **fluorescence_colors.SPELLINGS,
    **{color: color for color in fluorescence_colors.KNOWN_FLUORESCENCE_COLORS},
}
#: Words in a finding that name neither.
_NOTHING = frozenset({"FLUORESCENCE", "FLUORESCENT", "FLUOR", "FLUO", "INTENSITY", "COLOR"})


# Typed, because `True` is not 1.
@lru_cache(maxsize=16_384, typed=True)
def fluorescence_facts(intensity: Scalar, color: Scalar) -> tuple[int | None, str | None]:
    """Intensity (a member of `Fluorescence`) and the name of the colour, each None where nothing that we know says it."""
    said = intensity[:100] if isinstance(intensity, str) else ""
    if not said and isinstance(color, str) and color[:1].isalpha() and fold(color) not in _COLORS:
        # A column of colours that has no other beside it may hold both: "Medium Blue", "None".
        both = fluorescence_facts(color, None)
        if both[0] is not None:
            return both
    own = _color(color)
    whole = values.grade(Fluorescence, said)
    if whole is not None or not said:
        return whole, own
    words = [word for word in re.findall(r"[^\W\d_]+|\d+", plain(said).upper()) if word not in _NOTHING]
    named = [_COLORS[word] for word in words if word in _COLORS]
    grade = _grade(" ".join(word for word in words if word not in _COLORS))
    if grade == Fluorescence.NONE:
        return grade, own
    if grade is not None and len(set(named)) == 1:
        return grade, own or named[0]
    grade, run_together = _run_together(fold(said))
    return grade, own or run_together or (named[0] if len(set(named)) == 1 else None)


def _color(text: Scalar) -> str | None:
    """The colour that a column of its own names; an intensity there, alone or before it, is none: "None", "Medium Blue"."""
    name = values.text(text, 32) or ""
    if isinstance(text, str) and name[:1].isalpha() and fold(name) not in _COLORS:
        intensity, color = fluorescence_facts(name, None)
        if intensity is not None:
            return color
    return fluorescence_color(name)


def _run_together(folded: str) -> tuple[int | None, str | None]:
    """An abbreviation of both, such as `STB`: the longest that is an intensity, and a colour behind it.

    None has no colour: `NY` is a word for something else.
    """
    for at in range(len(folded) - 1, 0, -1):
        grade, color = _grade(folded[:at]), _COLORS.get(folded[at:])
        if grade is not None and grade != Fluorescence.NONE and color is not None:
            return grade, color
    return None, None


def _grade(text: str) -> int | None:
    try:
        grade = written(Fluorescence, text) if text else None
    except UnknownGrade:
        return None
    return None if grade is None else int(grade)
