"""The two ends of a girdle's thickness in what laboratories write of it, such as `"Thin to Medium (Faceted)"`."""

from __future__ import annotations

import re
from functools import lru_cache

from catalog.grades import GirdleThickness, UnknownGrade, parse

_DEGREE = {
    **dict.fromkeys(("EXTREMELY", "EXTREME", "EXTR", "EXT", "EX", "X"), "EXTREMELY"),
    **dict.fromkeys(("VERY", "V"), "VERY"),
    **dict.fromkeys(("SLIGHTLY", "SLIGHT", "SLI", "SLT", "SL"), "SLIGHTLY"),
}


@lru_cache(maxsize=16_384)
def girdle_ends(text: str) -> tuple[int | None, int | None]:
    """The thinnest and the thickest place of a girdle; None for both if no thickness is named."""
    thicknesses = []
    degree = ""
    for word in re.findall(r"[A-Z]+", text.upper()):
        if word in _DEGREE:
            degree = _DEGREE[word]
            continue
        try:
            thickness = parse(GirdleThickness, degree + word)
        except UnknownGrade:
            thickness = None
        if thickness is None and degree:
            thickness = _of_abbreviation(degree, word)
        degree = ""
        if thickness is not None:
            thicknesses.append(int(thickness))
    return (min(thicknesses), max(thicknesses)) if thicknesses else (None, None)


def _of_abbreviation(degree: str, word: str) -> GirdleThickness | None:
    """The thickness of an abbreviation with its degree in full, such as `"Very THK"`; without the degree if that is none."""
    try:
        thickness = parse(GirdleThickness, word)
    except UnknownGrade:
        return None
    name = f"{degree}_{thickness.name}" if thickness else ""
    return GirdleThickness.__members__.get(name, thickness)
