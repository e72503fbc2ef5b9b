"""Jinja's environment, for parts of pages that are long lists, which Django's templates render many times as slowly.

Its templates are in `templates/jinja`. They escape as Django's do, and a name that there is not raises `UndefinedError`.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from jinja2 import Environment, StrictUndefined


def environment(**options: Any) -> Environment:
    """The environment that the engine `jinja` of the settings asks for."""
    made = Environment(  # noqa: S701 - the engine's options ask for `autoescape`
        **{**options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    )
    assert made.autoescape
    made.globals["url"] = reverse
    made.filters.update(capfirst=capfirst, grouped=_grouped, fixed=_fixed)
    return made


def _grouped(number: int) -> str:
    """A whole number for people: `1,234,567`."""
    return f"{number:,}"


def _fixed(number: float, places: int) -> str:
    """A number with so many decimals."""
    return f"{number:.{places}f}"
