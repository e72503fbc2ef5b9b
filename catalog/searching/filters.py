"""What a search can ask for: the query parameters of the diamonds' API, and the condition that each one means.

They are made from the table of columns. Grades are ranged in the trade's order, best first: `clarity_min=FL` with
`clarity_max=VS2` asks for FL to VS2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.columns import COLUMNS, Address, Chosen, Column, Flag, Graded, Listed, Measured, Money, Named, Time
from catalog.models import Availability
from catalog.searching.conditions import All, AnyOf, Between, Condition, Known
from diamondhub.api import fields

#: What is asked of where nothing is said.
DEFAULTS = {"availability": (Availability.AVAILABLE.value,)}


@dataclass(frozen=True)
class Filter:
    """A parameter, the attribute that it asks about, and what a value of it means."""

    name: str
    field: fields.Field
    attribute: str
    column: str
    #: The condition of a value that the field has read.
    condition: Callable[[Any], Condition]


def _filters(column: Column) -> Iterator[Filter]:
    name, source, kind, words = column.asked, column.source, column.kind, column.words
    if isinstance(kind, Named | Listed | Chosen | Graded):
        said = f"{words}: one or several grades." if isinstance(kind, Graded) else f"{words}."
        one_or_several = fields.ListOf(_read(column), help_text=said, **_unless_said(name))
        yield Filter(name, one_or_several, name, source, lambda values: AnyOf(source, tuple(values)))
    if isinstance(kind, Graded):
        first, second, third, *_, last = (grade.name for grade in kind.grades)
        words = f"{words} in the order {first}, {second}, {third} … {last}"
    if isinstance(kind, Graded | Measured | Money):
        low, high = _read(column, f"{words}, from here."), _read(column, f"{words}, up to here.")
        yield Filter(f"{name}_min", low, name, source, lambda value: Between(source, low=value))
        yield Filter(f"{name}_max", high, name, source, lambda value: Between(source, high=value))
    if isinstance(kind, Flag):
        yield Filter(name, _read(column, f"{words}."), name, source, lambda value: AnyOf(source, (value,)))
    if isinstance(kind, Address):
        whether = fields.YesNo(required=False, help_text=f"{words}.")
        yield Filter(name, whether, name, source, lambda value: Known(source, value))
    if isinstance(kind, Time):
        yield Filter(name, _read(column, f"{words}."), name, source, lambda value: Between(source, low=value))


def _read(column: Column, words: str = "") -> fields.Field:
    field = column.kind.field(required=False, help_text=words)
    assert field is not None
    return field


def _unless_said(name: str) -> dict[str, Any]:
    return {"default": DEFAULTS[name]} if name in DEFAULTS else {"required": False}


FILTERS: tuple[Filter, ...] = tuple(made for column in COLUMNS if column.asked for made in _filters(column))
_BY_NAME = {known.name: known for known in FILTERS}

#: Lower bounds with their upper bounds.
ORDERED: tuple[tuple[str, str], ...] = tuple(
    (name, upper)
    for name in _BY_NAME
    if name.endswith("_min") and (upper := name.removesuffix("_min") + "_max") in _BY_NAME
)


def conditions(values: Mapping[str, Any]) -> dict[str, Condition]:
    """The conditions of all filters that `values` names (by parameter name), by attribute."""
    parts: dict[str, list[Condition]] = {}
    for name, value in values.items():
        known = _BY_NAME[name]
        parts.setdefault(known.attribute, []).append(known.condition(value))
    return {attribute: asked[0] if len(asked) == 1 else All(tuple(asked)) for attribute, asked in parts.items()}
