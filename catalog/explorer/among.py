"""Stones that apps above know how to tell, such as those of a pricing rule: parameters that they register."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest

from catalog.searching.conditions import Condition


@dataclass(frozen=True)
class Part:
    """A part of the stones that are told, with a sentence in which `{count}` stands for how many of the hits it has."""

    condition: Condition
    words: str
    #: The query that shows it, and what the link to that is called; none if it is shown already.
    query: Mapping[str, str] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True)
class Among:
    """The stones that a parameter's value tells."""

    #: What they are called, such as `Stones of rule “Large ovals”`.
    title: str
    #: The page of what tells them.
    url: str
    condition: Condition
    #: What is said of them besides.
    words: str = ""
    parts: Sequence[Part] = ()


class NotTold(Exception):
    """There is nothing that the value tells stones by, or the person may not see it; the message says which."""


Tells = Callable[[HttpRequest, str], Among]
_TOLD: dict[str, Tells] = {}


def tell_by(parameter: str, tells: Tells) -> None:
    """Register a parameter: `tells` makes the stones of its value, or raises `NotTold`."""
    _TOLD[parameter] = tells


def parameters() -> Mapping[str, Tells]:
    """All that are registered."""
    return _TOLD
