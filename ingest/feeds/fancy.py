"""Fancy colours: what a supplier's four fields about a stone's colour say together."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from catalog.fancy_colors import Said, color_name, intensity_of, said_of_color
from catalog.grades import Color, FancyIntensity
from ingest.feeds import values
from ingest.feeds.values import Scalar


class FancyFacts(NamedTuple):
    """A stone's colour: the grade; name, intensity and overtone of a fancy one; and what a stone on the scale tends to."""

    color: int | None
    name: str | None
    intensity: int | None
    overtone: str | None
    tint: str | None = None


def _is_fancy_by(said: Said, f_intensity: Scalar) -> bool:
    """Whether the intensity of a fancy colour is said of a stone, whose colour then is any but white.

    Beside a strong one a letter such as "Y" is that of a colour's name; beside "Fancy" alone it is a grade.
    """
    intensity = intensity_of(values.text(f_intensity, 100) or "") if said.tint is None else None
    least = FancyIntensity.FANCY_LIGHT if said.letter is None else FancyIntensity.FANCY_INTENSE
    return intensity is not None and intensity >= least


# Typed, because `True` is not 1.
@lru_cache(maxsize=16_384, typed=True)
def fancy_facts(color: Scalar, f_color: Scalar, f_intensity: Scalar, f_overtone: Scalar) -> FancyFacts:
    """Bring a stone's four colour fields together.

    A stone with the name of a fancy colour is fancy whatever its `color` says; one whose `color` says fancy, or names a
    colour that is not on the scale from D to Z, or that has nothing but the intensity of a fancy one, is so without a name
    of its own.
    """
    said = said_of_color(values.text(color, 100) or "")
    own = values.text(f_color, 100) or ""
    name = color_name(own)
    if name is None and not said.fancy and not _is_fancy_by(said, f_intensity):
        return FancyFacts(said.letter and int(said.letter), None, None, None, said.tint)
    intensity = intensity_of(values.text(f_intensity, 100) or "") or intensity_of(own) or said.intensity
    return FancyFacts(
        Color.FANCY.value,
        name or said.name,
        None if intensity is None else int(intensity),
        color_name(values.text(f_overtone, 100) or ""),
    )
