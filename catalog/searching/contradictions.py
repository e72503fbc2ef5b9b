"""Filters that no stone can meet together: whoever asks so is told, instead of finding nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.grades import LabFinish
from catalog.searching.filters import GRADE_RANGES

_FANCY = ("fancy_color", "fancy_intensity", "fancy_intensity_from", "fancy_intensity_to", "fancy_overtone")
_LETTERS = ("color", "color_from", "color_to")


def of(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The filters that contradict others, by parameter name, with what is wrong; `values` are in their normal form."""
    letters = [name for name in _LETTERS if _asks_for_known(values.get(name))]
    fancy = [name for name in _FANCY if _asks_for_known(values.get(name))]
    if values.get("color_type") == "white":
        for name in fancy:
            yield name, "never matches together with color_type=white: only fancy colors have it"
    elif values.get("color_type") == "fancy":
        for name in letters:
            yield name, "never matches together with color_type=fancy: fancy colors are on no scale from D to Z"
    elif letters and fancy:
        yield fancy[0], f"never matches together with {letters[0]}: a stone of a fancy color has no color from D to Z"
    if values.get("lab_grown") is False and _asks_for_known(values.get("growth_method")):
        yield "growth_method", "never matches together with lab_grown=false: natural stones were not made"
    for first, last in GRADE_RANGES:
        listed = values.get(first.removesuffix("_from"))
        if listed is None or not isinstance(listed, tuple | list):
            continue
        low, high = values.get(first), values.get(last)
        if low == LabFinish.EXCELLENT and first.removesuffix("_from") in ("cut", "polish", "symmetry"):
            low = LabFinish.IDEAL
        if not any(_within(grade, low, high) for grade in listed):
            bound = first if low is not None else last
            yield first.removesuffix("_from"), f"never matches together with {bound}: none of it is within the range"


def _asks_for_known(value: Any) -> bool:
    """Whether only stones that have a value are asked for; a list may ask for those without one as well."""
    return value is not None and not (isinstance(value, tuple | list) and None in value)


def _within(grade: int | None, low: int | None, high: int | None) -> bool:
    if low is None and high is None:
        return True
    return grade is not None and (low is None or grade >= low) and (high is None or grade <= high)
