"""What a search can ask for: the query parameters of the diamonds' API, and the condition that each one means.

They are made from the table of columns. Grades are ranged in the trade's order, best first: `clarity_min=FL` with
`clarity_max=VS2` asks for FL to VS2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from catalog.columns import COLUMNS, Address, Chosen, Column, Flag, Graded, Listed, Measured, Money, Named, Time
from catalog.models import Availability
from diamondhub.api import fields

#: What is asked of where nothing is said.
DEFAULTS = {"availability": (Availability.AVAILABLE.value,)}


@dataclass(frozen=True)
class Filter:
    """A parameter and its condition, by the lookup of a column; a stone that lacks the value never matches."""

    name: str
    field: fields.Field
    lookup: str
    #: Yes and no are turned round: whether there is one is asked for, and whether it is missing is looked up.
    negated: bool = False

    def condition(self, value: Any) -> Q:
        """The condition of a value that the field has read."""
        return Q(**{self.lookup: not value if self.negated else value})


def _filters(column: Column) -> Iterator[Filter]:
    name, source, kind, words = column.asked, column.source, column.kind, column.words
    if isinstance(kind, Named | Listed | Chosen | Graded):
        said = f"{words}: one or several grades." if isinstance(kind, Graded) else f"{words}."
        one_or_several = fields.ListOf(_read(column), help_text=said, **_unless_said(name))
        yield Filter(name, one_or_several, f"{source}__in")
    if isinstance(kind, Graded):
        first, second, third, *_, last = (grade.name for grade in kind.grades)
        words = f"{words} in the order {first}, {second}, {third} … {last}"
    if isinstance(kind, Graded | Measured | Money):
        yield Filter(f"{name}_min", _read(column, f"{words}, from here."), f"{source}__gte")
        yield Filter(f"{name}_max", _read(column, f"{words}, up to here."), f"{source}__lte")
    if isinstance(kind, Flag):
        yield Filter(name, _read(column, f"{words}."), source)
    if isinstance(kind, Address):
        yield Filter(name, fields.YesNo(required=False, help_text=f"{words}."), f"{source}__isnull", negated=True)
    if isinstance(kind, Time):
        yield Filter(name, _read(column, f"{words}."), f"{source}__gte")


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


def conditions(values: Mapping[str, Any]) -> Q:
    """The condition of all filters that `values` names, by parameter name."""
    wanted = Q()
    for name, value in values.items():
        wanted &= _BY_NAME[name].condition(value)
    return wanted
