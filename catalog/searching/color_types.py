"""Whether a stone's colour is white or fancy: asked of two columns at once, as rules of prices do.

A stone is fancy if it has a fancy colour, named or not; white if it has a letter; neither if its colour is not known.
"""

from __future__ import annotations

from catalog.grades import Color
from catalog.searching.conditions import All, AnyOf, Between, Condition, Either, Known

COLOR_TYPES = ("white", "fancy")

_FANCY = Either((AnyOf("color", (int(Color.FANCY),)), Known("fancy_color")))
_WHITE = All((Between("color", int(Color.D), int(Color.Z)), Known("fancy_color", known=False)))


def of_color_type(name: str) -> Condition:
    """The condition of one of `COLOR_TYPES`."""
    return _FANCY if name == "fancy" else _WHITE
