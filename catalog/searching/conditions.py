"""What a search asks of a stone, as data: conditions over columns, which the database and the index evaluate alike.

Every evaluator has two values, yes and no. A stone that lacks a value meets no condition on it, but for one that asks for
what is unknown. `catalog.searching.database` makes SQL of them, `catalog.index` words of bits; `holds` is plain Python, for
single stones and for tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The column's value is one of these; with `unknown`, stones that lack it are meant as well.

    Values are the model's: grades and cents are whole numbers, measures are decimals, texts are as they are stored.
    """

    column: str
    values: tuple[Any, ...]
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """The column's value is from `low` up to `high`, both included; None leaves that end open, but not both."""

    column: str
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class Known:
    """Whether the stone has a value in the column at all."""

    column: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of the parts holds; none of none does."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold; all of none do."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = AnyOf | Between | Known | Either | All | Not

#: The conditions of a search by the attribute that each asks about: a facet leaves its own attribute's out.
Asked = Mapping[str, Condition]


def holds(condition: Condition, value_of: Callable[[str], Any]) -> bool:
    """Whether a stone meets the condition; `value_of` gives its value in a column, None for one that it lacks."""
    match condition:
        case AnyOf(column, values, unknown):
            value = value_of(column)
            return unknown if value is None else value in values
        case Between(column, low, high):
            value = value_of(column)
            return value is not None and (low is None or value >= low) and (high is None or value <= high)
        case Known(column, known):
            return (value_of(column) is not None) is known
        case Either(parts):
            return any(holds(part, value_of) for part in parts)
        case All(parts):
            return all(holds(part, value_of) for part in parts)
        case Not(part):
            return not holds(part, value_of)
