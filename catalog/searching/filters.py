"""What a search can ask for: the parameters of the diamonds' API, and the condition that each one means.

They are made from the table of columns. Numbers are ranged by `<name>_min` and `<name>_max`, grades by `<name>_from` and
`<name>_to` in either order. Of one end alone, `_from` goes on to the worst grade and `_to` begins with the best. A range
that begins with EXCELLENT begins with IDEAL, which is excellent to all but those who ask for it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalog.columns import (
    COLUMNS,
    Address,
    Chosen,
    Column,
    Counted,
    Flag,
    Graded,
    Identity,
    Listed,
    Measured,
    Money,
    Named,
    Time,
)
from catalog.grades import LabFinish
from catalog.models import Availability
from catalog.searching.color_types import COLOR_TYPES, of_color_type
from catalog.searching.conditions import All, AnyOf, Between, Condition, Known
from catalog.searching.parameters import Flags, GradeOrNone, Identifier, Several, Spelled, State, YesOrNone
from diamondhub.api import fields

#: What is asked of where nothing is said.
DEFAULTS = {"availability": (Availability.AVAILABLE.value,)}
#: Values of one list in a query; in JSON, `MAX_LISTED` where a list names single stones.
MAX_LISTED = 500


@dataclass(frozen=True)
class Filter:
    """A parameter, the attribute that it asks about, and what a value of it means."""

    name: str
    field: fields.Field
    attribute: str
    column: str
    #: The condition of a value that the field has read.
    condition: Callable[[Any], Condition]
    #: The same where a body says it; only lists are longer there.
    body_field: fields.Field


def _filter(
    name: str, field: fields.Field, column: Column, means: Callable[[Any], Condition], body_field: Any = None
) -> Filter:
    return Filter(name, field, column.asked, column.source, means, body_field or field)


def _filters(column: Column) -> Iterator[Filter]:
    match column.kind:
        case Identity() | Listed() | Named() | Chosen():
            yield _listed(column)
        case Graded() as kind:
            if not column.end:
                yield _listed(column)
            yield from _of_grades(column, kind)
        case Measured() | Money() | Counted() as kind:
            yield from _of_numbers(column, kind)
        case Flag() if column.nullable:
            flags = Flags(
                YesOrNone(), max_length=3, min_length=1, **_said(f"{column.words}, or of which it is UNKNOWN.")
            )
            yield _filter(column.asked, flags, column, lambda values: _any_of(column, values))
        case Flag():
            whether = fields.YesNo(**_said(f"{column.words}."))
            yield _filter(column.asked, whether, column, lambda value: AnyOf(column.source, (value,)))
        case Address():
            whether = fields.YesNo(**_said(f"{column.words}."))
            yield _filter(column.asked, whether, column, lambda value: Known(column.source, value))
        case Time():
            since = fields.Moment(**_said(f"{column.words}."))
            yield _filter(column.asked, since, column, lambda value: Between(column.source, low=value))
    if column.name == "color":
        which = State(COLOR_TYPES, **_said("Colors from D to Z, or fancy ones."))
        yield Filter("color_type", which, "color_type", column.source, of_color_type, which)


def _said(words: str) -> dict[str, Any]:
    return {"required": False, "help_text": words}


def _listed(column: Column) -> Filter:
    field, body_field = (_several(column, most) for most in (fields.MAX_LIST_LENGTH, MAX_LISTED))
    return _filter(column.asked, field, column, lambda values: _any_of(column, values), body_field)


def _of_grades(column: Column, kind: Graded) -> Iterator[Filter]:
    name, source = column.asked, column.source
    best, worst = int(kind.scale[0]), int(kind.scale[-1])
    order = f"{', '.join(grade.name for grade in kind.scale[:3])} … {kind.scale[-1].name}"
    if column.end != "high":
        first = _grade(
            column, **_said(f"{column.words} in the order {order}, from here; alone, on to {order.split()[-1]}.")
        )
        yield _filter(f"{name}_from", first, column, lambda grade: Between(source, _first(kind, grade), worst))
    if column.end != "low":
        last = _grade(
            column, **_said(f"{column.words} in the order {order}, up to here; alone, from {kind.scale[0].name} on.")
        )
        yield _filter(f"{name}_to", last, column, lambda grade: Between(source, best, grade))


def _of_numbers(column: Column, kind: Measured | Money | Counted) -> Iterator[Filter]:
    name, source = column.asked, column.source
    if column.end != "high":
        low = _number(kind, f"{column.words}, from here.")
        yield _filter(f"{name}_min", low, column, lambda value: Between(source, low=value))
    if column.end != "low":
        high = _number(kind, f"{column.words}, up to here.")
        yield _filter(f"{name}_max", high, column, lambda value: Between(source, high=value))


def _first(kind: Graded, grade: int) -> int:
    """Where a range begins whose better end is this grade."""
    return int(LabFinish.IDEAL) if kind.grades is LabFinish and grade == LabFinish.EXCELLENT else grade


def _any_of(column: Column, values: tuple[Any, ...]) -> AnyOf:
    known = [value for value in values if value is not None]
    if isinstance(column.kind, Listed):
        known = [spelling for value in known for spelling in column.kind.spellings(value)]
    return AnyOf(column.source, tuple(dict.fromkeys(known)), unknown=None in values)


def _several(column: Column, most: int) -> fields.Field:
    child = _one(column)
    kind = column.kind
    words = f"{column.words}: one or several grades" if isinstance(kind, Graded) else column.words
    if not isinstance(kind, Identity | Listed):
        most = fields.MAX_LIST_LENGTH
        if column.nullable:
            own = isinstance(kind, Graded) and any(grade.name == "NONE" for grade in kind.scale)
            words += f"; `{'UNKNOWN' if own else 'NONE'}` for stones of which it is not known"
    options: dict[str, Any] = {"max_length": most, "min_length": 1, "help_text": f"{words}."}
    if column.asked in DEFAULTS:
        return Several(child, default=DEFAULTS[column.asked], **options)
    return Several(child, required=False, **options)


def _one(column: Column) -> fields.Field:
    kind = column.kind
    match kind:
        case Identity():
            return Identifier()
        case Listed():
            return fields.Text(kind.pattern, kind.accepted)
        case Named():
            return Spelled(
                kind.normal,
                kind.example,
                known=kind.known,
                lacking=column.nullable,
                written=kind.pattern,
                max_length=max(kind.max_length, fields.MAX_COMPARED),
            )
        case Chosen() if column.nullable:
            longest = max(map(len, kind.values))
            return Spelled(
                str.upper, kind.values[0], known=kind.values, closed=True, lacking=True, max_length=max(10, longest)
            )
        case Chosen():
            return State(kind.values)
        case _:
            return _grade(column, lacking=column.nullable)


def _grade(column: Column, *, lacking: bool = False, **options: Any) -> fields.Field:
    kind = column.kind
    assert isinstance(kind, Graded)
    return GradeOrNone(kind.grades, kind.scale, dict(kind.beyond), lacking=lacking, **options)


def _number(kind: Measured | Money | Counted, words: str) -> fields.Field:
    if isinstance(kind, Counted):
        return fields.Whole(kind.low, kind.high, **_said(words))
    field = kind.field(**_said(words))
    assert field is not None
    return field


FILTERS: tuple[Filter, ...] = tuple(made for column in COLUMNS if column.asked for made in _filters(column))
_BY_NAME = {known.name: known for known in FILTERS}


def _pairs(low: str, high: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, other)
        for name in _BY_NAME
        if name.endswith(low) and (other := name.removesuffix(low) + high) in _BY_NAME
    )


#: Lower bounds of numbers with their upper bounds.
ORDERED: tuple[tuple[str, str], ...] = _pairs("_min", "_max")
#: The two ends of ranges of grades, which may be said in either order.
GRADE_RANGES: tuple[tuple[str, str], ...] = _pairs("_from", "_to")
#: Names of filters that there were, by what to say of them.
GONE: Mapping[str, str] = {
    f"{first.removesuffix('_from')}{end}": f"is gone: say {first} and {last}, in either order"
    for first, last in GRADE_RANGES
    for end in ("_min", "_max")
}


def normal(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same filters in the form in which equal searches are equal: ends of ranges in order, numbers without zeros."""
    tidy = {name: value.normalize() if isinstance(value, Decimal) else value for name, value in values.items()}
    for first, last in GRADE_RANGES:
        if first in tidy and last in tidy and tidy[first] > tidy[last]:
            tidy[first], tidy[last] = tidy[last], tidy[first]
    return tidy


def conditions(values: Mapping[str, Any]) -> dict[str, Condition]:
    """The conditions of all filters that `values` names (by parameter name), by attribute."""
    parts: dict[str, list[Condition]] = {}
    for name, value in normal(values).items():
        known = _BY_NAME[name]
        parts.setdefault(known.attribute, []).append(known.condition(value))
    return {attribute: asked[0] if len(asked) == 1 else All(tuple(asked)) for attribute, asked in parts.items()}
