"""Rules as people and programs write them: plain values with the catalogue's names, for the API and for YAML alike.

Money is in dollars, grades are names, percentages and measures are numbers. One table of fields reads and writes them, and
what it reads is admitted by `pricing.validation`: every mistake is told at once, with its place.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import IntEnum
from typing import Any

from django.db.models import Field, Model

from diamondhub import money
from pricing import validation
from pricing.conditions import CONDITIONS, GradeCondition, ListCondition, NumberCondition, RangeCondition
from pricing.faults import faults_of
from pricing.models import Clause, Rule, RuleSet
from pricing.models.limits import MAX_NUMBER

#: Mistakes after which no more are looked for.
MAX_ERRORS = 50


class Mistakes:
    """What is wrong, by place: `clauses[0].carats_max`."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, place: str, message: str) -> None:
        """One more."""
        self.found.append((place, message))

    @property
    def many(self) -> bool:
        """Whether it is no use to look on."""
        return len(self.found) >= MAX_ERRORS


class Kind(ABC):
    """How one kind of value is written."""

    @abstractmethod
    def read(self, value: Any) -> Any:
        """The model's value. Raises `ValueError` with what is accepted."""

    def write(self, value: Any) -> Any:
        """The written value of one that is not None."""
        return value

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""


class Text(Kind):
    """A text."""

    schema = {"type": "string"}

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a text")
        return value


class Whole(Kind):
    """A whole number."""

    schema = {"type": "integer"}

    def read(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
            raise ValueError("must be a whole number")
        return value


class YesNo(Kind):
    """True or false."""

    schema = {"type": "boolean"}

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value


class Day(Kind):
    """A day as 2026-01-31."""

    schema = {"type": "string", "format": "date"}

    def read(self, value: Any) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise ValueError("must be a day such as 2026-01-31")

    def write(self, value: date) -> str:
        return value.isoformat()


def _plain(value: Any) -> Decimal | None:
    """A finite decimal number from a number or a text of plain digits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    written = value if isinstance(value, str) else repr(value)
    return Decimal(written) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", written, re.ASCII) else None


@dataclass(frozen=True)
class Number(Kind):
    """A decimal number of a few digits."""

    places: int
    schema = {"type": "number"}

    def read(self, value: Any) -> Decimal:
        number = _plain(value)
        if number is None or number != round(number, self.places):
            raise ValueError(f"must be a number with at most {self.places} decimals")
        return number

    def write(self, value: Any) -> int | float:
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else float(number)


@dataclass(frozen=True)
class Dollars(Kind):
    """An amount of money in dollars, cents inside."""

    schema = {"type": "string", "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$"}

    def read(self, value: Any) -> int:
        number = _plain(value)
        if number is None or number != round(number, 2):
            raise ValueError("must be an amount in dollars such as 1234.50")
        return int(number * 100)

    def write(self, value: int) -> str | None:
        return money.to_text(value)


@dataclass(frozen=True)
class Grade(Kind):
    """The name of a grade."""

    grades: tuple[IntEnum, ...]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [grade.name for grade in self.grades]}

    def read(self, value: Any) -> int:
        found = next((grade for grade in self.grades if grade.name == value), None)
        if found is None:
            raise ValueError(f"must be one of {', '.join(grade.name for grade in self.grades)}")
        return found.value

    def write(self, value: int) -> str:
        return type(self.grades[0])(value).name


class Names(Kind):
    """A list of names."""

    schema = {"type": "array", "items": {"type": "string"}}

    def read(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise ValueError("must be a list of names")
        return value

    def write(self, value: Sequence[str]) -> list[str]:
        return sorted(set(value))


@dataclass(frozen=True)
class Written:
    """One written field: `name` outside, `field` of the model, and what it means."""

    name: str
    field: str
    kind: Kind
    about: str = ""
    #: None is a value of its own: there is no bound, no ending, no day.
    nullable: bool = False


RULE_SET_FIELDS: tuple[Written, ...] = (
    Written("margin_natural", "margin_natural", Number(3), "Percent on top of cost for natural stones."),
    Written("margin_lab_grown", "margin_lab_grown", Number(3), "Percent on top of cost for lab-grown stones."),
    Written("margin_fancy", "margin_fancy", Number(3), "Percent on top of cost for stones of a fancy colour."),
    Written("floor_margin", "floor_margin", Number(3), "No stone is sold for less than cost plus these percent.", True),
    Written("notes", "notes", Text(), "For people."),
)
RULE_FIELDS: tuple[Written, ...] = (
    Written("priority", "priority", Whole(), "Lower comes first; the first rule that matches wins."),
    Written("name", "name", Text(), "For people, up to 200 characters."),
    Written("modifier", "modifier", Number(3), "Percentage points added to the base margin."),
    Written("fixed", "fixed_cents", Dollars(), "Dollars added after the margin; may be negative."),
    Written("ending", "ending_cents", Dollars(), "Prices end on this: 99.00 in steps of 100.00 gives 99, 199, …", True),
    Written("ending_step", "ending_step_cents", Dollars(), "The steps of the ending, in dollars.", True),
    Written("ending_mode", "ending_mode", Text(), "`nearest` ending (halves up), or the next one `up`."),
    Written("rating", "rating", Whole(), "From 1 to 10, shown with the stone.", True),
    Written("valid_from", "valid_from", Day(), "First day, in UTC.", True),
    Written("valid_to", "valid_to", Day(), "Last day, in UTC.", True),
    Written("active", "active", YesNo(), "False: the rule is passed over."),
    Written("notes", "notes", Text(), "For people, up to 1,000 characters."),
)


def _clause_fields() -> Iterator[Written]:
    for condition in CONDITIONS:
        if isinstance(condition, ListCondition):
            yield Written(condition.name, condition.name, Names(), f"Any of these: {condition.label}.")
            excluded = f"{condition.name}_excluded"
            yield Written(
                excluded, excluded, YesNo(), f"True turns it round: none of these, but some {condition.label}."
            )
        elif isinstance(condition, RangeCondition):
            kind: Kind
            if isinstance(condition, GradeCondition):
                kind, words = Grade(condition.grades), ("the best", "the worst")
            else:
                assert isinstance(condition, NumberCondition)
                kind = Dollars() if condition.dollars else Number(condition.places)
                words = ("the lowest", "the highest")
            for field, end, word in zip(condition.fields, ("min", "max"), words, strict=True):
                name = f"{condition.name.removesuffix('_cents')}_{end}"
                yield Written(name, field, kind, f"{condition.label.capitalize()}: {word}, included.", True)
        else:
            yield Written(condition.name, condition.name, YesNo(), f"With {condition.label}, or without.", True)


CLAUSE_FIELDS: tuple[Written, ...] = tuple(_clause_fields())


_RULE_NAMES = {field.field: field.name for field in RULE_FIELDS}
_CLAUSE_NAMES = {field.field: field.name for field in CLAUSE_FIELDS}


def write(row: RuleSet | Rule | Clause, fields: Sequence[Written], *, sparse: bool = False) -> dict[str, Any]:
    """A row's fields as written; `sparse` leaves out what is as it would be without a word."""
    written = {}
    for one in fields:
        value = getattr(row, one.field)
        if sparse and value == _default(type(row), one.field):
            continue
        written[one.name] = None if value is None else one.kind.write(value)
    return written


def _default(model: type[Model], name: str) -> Any:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field.get_default()


def write_clause(clause: Clause) -> dict[str, Any]:
    """The conditions that a clause sets."""
    asked = {field for condition in CONDITIONS if condition.is_set(clause) for field in condition.fields}
    return write(clause, [one for one in CLAUSE_FIELDS if one.field in asked], sparse=True)


def write_rule(rule: Rule, *, sparse: bool = False) -> dict[str, Any]:
    """A rule with its number and clauses, in the order in which they were made."""
    clauses = sorted(rule.clauses.all(), key=lambda clause: clause.pk)
    return {
        "number": rule.number,
        **write(rule, RULE_FIELDS, sparse=sparse),
        "clauses": [write_clause(clause) for clause in clauses],
    }


def read_rule(
    value: Any, mistakes: Mistakes, place: str = "", *, ignored: Sequence[str] = ()
) -> tuple[Rule, list[Clause]]:
    """An unsaved rule with its clauses; what is wrong is added to the mistakes, and then the rule is not to be used."""
    rule, clauses = Rule(), list[Clause]()
    if not isinstance(value, dict):
        mistakes.add(place, "must be a rule with its fields")
        return rule, clauses
    value = {name: written for name, written in value.items() if name not in ignored}
    written_clauses = value.pop("clauses", [])
    parts: dict[int | None, Mistakes] = {None: Mistakes()}
    wrong: set[tuple[int | None, str]] = set()
    if "number" in value:
        number = value.pop("number")
        if isinstance(number, int) and not isinstance(number, bool):
            rule.number = number
        else:
            parts[None].add("number", f"must be a whole number from 1 to {MAX_NUMBER}")
    required = ("name", "priority")
    wrong |= {(None, field) for field in read_fields(rule, value, RULE_FIELDS, parts[None], required=required)}
    if not isinstance(written_clauses, list):
        parts[None].add("clauses", "must be a list of clauses")
        written_clauses = []
    elif problem := validation.check_counts(0, len(written_clauses)):
        # None of thousands is looked at.
        parts[None].add("clauses", problem)
        written_clauses = []
    for order, written in enumerate(written_clauses):
        clause, parts[order] = Clause(), Mistakes()
        if isinstance(written, dict):
            wrong |= {(order, field) for field in read_fields(clause, written, CLAUSE_FIELDS, parts[order])}
        else:
            parts[order].add("", "must be a clause with its conditions")
        clauses.append(clause)
    for fault in faults_of(rule, clauses):
        if fault.is_error and (fault.clause, fault.field) not in wrong:
            names = _RULE_NAMES if fault.clause is None else _CLAUSE_NAMES
            parts[fault.clause].add(names.get(fault.field, fault.field), fault.message)
    for part, told in parts.items():
        at = place if part is None else _at(place, f"clauses[{part}]")
        for name, message in told.found:
            mistakes.add(_at(at, name), message)
    return rule, clauses


def fill_rule_set(
    rule_set: RuleSet, value: Mapping[str, Any], mistakes: Mistakes, *, required: Sequence[str] = ()
) -> None:
    """Fill a set from its written fields, and have it admitted."""
    wrong = read_fields(rule_set, value, RULE_SET_FIELDS, mistakes, required=required)
    names = {written.field: written.name for written in RULE_SET_FIELDS}
    for field, message in validation.refusals(validation.clean_rule_set, rule_set):
        if field not in wrong:
            mistakes.add(names.get(field, ""), message)


def read_fields(
    row: RuleSet | Rule | Clause,
    value: Mapping[str, Any],
    fields: Sequence[Written],
    mistakes: Mistakes,
    *,
    required: Sequence[str] = (),
) -> set[str]:
    """Fill a row from written fields; returns the fields of the model that could not be read."""
    known = {field.name: field for field in fields}
    wrong = set()
    for name, written in value.items():
        if mistakes.many:
            # Looking for names that are close takes a millisecond each.
            break
        field = known.get(name)
        if field is None:
            close = get_close_matches(name, known, n=1) if isinstance(name, str) and len(name) < 100 else []
            hint = f"; did you mean {close[0]}?" if close else ""
            mistakes.add(_shown(name), f"is not a field that is known here{hint}")
            continue
        try:
            setattr(row, field.field, _read(field, written))
        except ValueError as error:
            wrong.add(field.field)
            mistakes.add(name, str(error))
    for name in required:
        if name not in value:
            wrong.add(known[name].field)
            mistakes.add(name, "is missing")
    return wrong


def _read(one: Written, written: Any) -> Any:
    if written is None:
        if one.nullable:
            return None
        raise ValueError("must not be null")
    return one.kind.read(written)


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place and name else place or name


def _shown(name: Any) -> str:
    text = str(name)[:60]
    return text if text.isprintable() else ascii(text)
