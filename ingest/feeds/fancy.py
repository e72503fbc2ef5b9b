"""Fancy colours: what a supplier's four fields about a stone's colour say together."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from catalog.fancy_colors import (
    Said,
    color_name,
    intensity_of,
    may_be_two_colors,
    said_of_color,
    said_of_fancy,
)
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

    A stone with the name of a fancy colour is fancy, a grade from D to Z beside it only if the name is known as one; one
    whose `color` says fancy, or names a colour that is not on the scale from D to Z, or that has nothing but the intensity
    of a fancy one, is so without a name of its own.
    """
    grade = values.text(color, 100) or ""
    said = said_of_color(grade)
    own = values.text(f_color, 100) or ""
    degree = intensity_of(values.text(f_intensity, 100) or "")
    # A grade that is repeated under the name of the colour names none.
    named = said_of_fancy("" if own.upper() == "G" and said.letter is Color.G else own)
    is_fancy = said.fancy or named.fancy or _is_fancy_by(said, f_intensity)
    if not is_fancy and said.letter is None:
        is_fancy = named.name is not None or (not grade and may_be_two_colors(own))
    elif not is_fancy and named.tint is not None:
        # An F before "Light Yellow" is that of "fancy".
        is_fancy = (said.letter is Color.F and named.intensity is not FancyIntensity.FAINT) or (
            degree is not None and degree >= FancyIntensity.FANCY_LIGHT
        )
    if not is_fancy:
        tint = named.tint if said.letter is not None and said.tint is None else said.tint
        return FancyFacts(said.letter and int(said.letter), None, None, None, tint)
    intensity = degree or named.intensity or intensity_of(own) or said.intensity
    return FancyFacts(
        Color.FANCY.value,
        named.name or said.name,
        None if intensity is None else int(intensity),
        color_name(values.text(f_overtone, 100) or ""),
    )
