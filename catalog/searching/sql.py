"""Conditions as SQL over the diamonds' table, for searches and for reading stones that must still meet them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from catalog.certificates import FOLDED, folded
from catalog.searching.conditions import All, AnyOf, Asked, Between, Condition, Either, Known, Not

#: Takes a value in, and gives what stands for it in the statement.
Bind = Callable[[Any], str]


def where(asked: Asked) -> tuple[str, dict[str, Any]]:
    """An expression that is true for the stones that meet all that is asked, and its parameters by name.

    For all other stones it is false or, where they lack a value, NULL.
    """
    values: dict[str, Any] = {}

    def bind(value: Any) -> str:
        name = f"asked_{len(values)}"
        values[name] = value
        return f"%({name})s"

    return _expression(All(tuple(asked.values())), bind), values


def to_q(condition: Condition) -> Q:
    """The condition for a query of diamonds."""
    values: list[Any] = []

    def bind(value: Any) -> str:
        values.append(value)
        return "%s"

    expression = _expression(condition, bind)
    # Names of columns are ours, and all values are bound.
    return Q(RawSQL(expression, values, output_field=BooleanField()))  # noqa: S611


def _expression(condition: Condition, bind: Bind) -> str:
    match condition:
        case AnyOf(column, wanted, unknown):
            parts = [_any_of(column, wanted, bind)] if wanted else []
            parts += [f"{_name(column)} IS NULL"] if unknown else []
            return _joined(parts, "OR", "FALSE")
        case Between(column, low, high):
            parts = []
            if low is not None:
                parts.append(f"{_name(column)} >= {bind(low)}")
            if high is not None:
                parts.append(f"{_name(column)} <= {bind(high)}")
            return _joined(parts, "AND", f"{_name(column)} IS NOT NULL")
        case Known(column, known):
            return f"{_name(column)} IS {'NOT ' if known else ''}NULL"
        case Either(parts_of):
            return _joined([_expression(part, bind) for part in parts_of], "OR", "FALSE")
        case All(parts_of):
            return _joined([_expression(part, bind) for part in parts_of], "AND", "TRUE")
        case Not(part):
            return f"({_expression(part, bind)}) IS NOT TRUE"


def _any_of(column: str, wanted: tuple[Any, ...], bind: Bind) -> str:
    if len(wanted) == 1:
        expression = f"{_name(column)} = {bind(wanted[0])}"
    else:
        expression = f"{_name(column)} = ANY({bind(list(wanted))})"
    if column == "certificate_number":
        # The same stones: the index is over the folded numbers of those that have one.
        keys = sorted({key for number in wanted if (key := folded(number))})
        expression = f"({expression} AND {_name(column)} IS NOT NULL AND {FOLDED} = ANY({bind(keys)}))"
    return expression


def _joined(parts: list[str], word: str, of_none: str) -> str:
    if not parts:
        return of_none
    return parts[0] if len(parts) == 1 else "(" + f" {word} ".join(parts) + ")"


def _name(column: str) -> str:
    assert column.isidentifier(), column
    return f"catalog_diamond.{column}"
