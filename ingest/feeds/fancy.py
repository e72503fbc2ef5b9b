"""Fancy colours: what a supplier's four fields about a stone's colour say together."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from catalog.fancy_colors import color_name
from catalog.grades import Color, FancyIntensity
from ingest.feeds import values
from ingest.feeds.values import Scalar


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
