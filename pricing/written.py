"""Rules as people and programs write them: the serializers of rule sets, rules and clauses, for the API and for files alike.

Money is in dollars, grades are names, percentages and measures are numbers. What can be read is admitted by
`pricing.validation` and `pricing.faults`, and every mistake is told at once, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from django.db.models import DecimalField, Field, Model
from rest_framework import serializers

from catalog import fancy_colors
from diamondhub.api import fields
from diamondhub.api.mistakes import Mistakes
from diamondhub.api.serializers import Body
from pricing import validation
from pricing.conditions import (
    CONDITIONS,
    STONE_TYPES,
    GradeCondition,
    ListCondition,
    NumberCondition,
    RangeCondition,
)
from pricing.faults import faults_of
from pricing.models import MAX_CLAUSES, MAX_NAMES, Clause, Rule, RuleSet
from pricing.models.limits import MAX_CENTS, MAX_COST_CENTS, MAX_NUMBER

AnyField = serializers.Field[Any, Any, Any, Any]
#: The description of a draft's revision.
READ_AT = "The draft's revision as it was read; a stale one is a 409."
#: The names of each list as schemas have them, in whatever spelling.
_SPELLED: Mapping[str, Mapping[str, Any]] = {
    "stone_types": {"enum": list(STONE_TYPES)},
    "shapes": {"examples": ["ROUND"], "maxLength": 100, **fields.plain("[A-Za-z0-9]")},
    "labs": {"examples": ["GIA"], "maxLength": 32, **fields.plain("[A-Za-z0-9]")},
    "feeds": {"examples": ["nivoda-natural"], "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$"},
    "suppliers": {"examples": ["Northern Stones"], "maxLength": 200, **fields.plain(r"\S")},
    "fancy_colors": {"examples": ["YELLOW"], "maxLength": 100, **fields.plain(fancy_colors.PATTERN)},
}
_ANY_WHOLE = fields.Whole()


class Words(fields.Text):
    """A text of which `pricing.validation` says what it may hold; `names` are all it can be, if it is one of a few."""

    def __init__(self, *, names: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.names = names

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), **({"enum": list(self.names)} if self.names else {})}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid", accepted=self.accepted)
        return data


class Figure(fields.Number):
    """A number that is written as short as it is: 7 and not 7.0.

    `pricing.validation` says what it may be; `described` are those bounds for readers of the schema.
    """

    def __init__(self, places: int, described: tuple[float, float], **options: Any) -> None:
        super().__init__(places, **options)
        self.described = described

    def to_representation(self, value: Any) -> float:
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else float(number)

    def schema(self) -> dict[str, Any]:
        lowest, highest = self.described
        return {**super().schema(), "minimum": lowest, "maximum": highest}


class Percent(Figure):
    """A margin in percent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(3, (-99.999, 9_999.0), **options)


class Amount(fields.Dollars):
    """An amount in dollars, of which `pricing.validation` says what it may be; the schema has the bound.

    `max_cents` is a power of ten.
    """

    def __init__(self, max_cents: int, *, negative: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.digits, self.negative = len(str(max_cents)) - 3, negative

    def schema(self) -> dict[str, Any]:
        sign = "-?" if self.negative else ""
        smaller = rf"[0-9]{{1,{self.digits}}}(\.[0-9]{{1,2}})?"
        return {**super().schema(), "pattern": rf"^{sign}(10{{{self.digits}}}(\.0{{1,2}})?|{smaller})$"}


class Bounded(fields.Whole):
    """A whole number, of which `pricing.validation` says what it may be; these bounds tell readers of it."""

    def to_internal_value(self, data: Any) -> int:
        return _ANY_WHOLE.to_internal_value(data)


class Names(fields.Field):
    """A list of names, of which `pricing.validation` says what they may be; `spelled` are schemas of what it reads."""

    default_error_messages = {"invalid": "must be a list of names"}

    def __init__(self, spelled: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.spelled = spelled

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.fail("invalid")
        return data

    def to_representation(self, value: Sequence[str]) -> list[str]:
        return sorted(set(value))

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", **self.spelled}, "maxItems": MAX_NAMES}


class Written(Body):
    """Fields of a row of `model`. A value that can be read, but that the row may not have, is a mistake as well."""

    default_error_messages = {"unknown": "is not a field that is known here"}
    model: ClassVar[type[Model]]
    #: Values of the row that nobody has to write.
    blank: ClassVar[Mapping[str, Any]] = {}

    def combine(self, values: dict[str, Any], mistakes: Mistakes) -> Any:
        """The row, unsaved, with its values in their normal form."""
        row = self.model(**{**self.blank, **values})
        told = {error.field for error in mistakes.errors}
        names = {str(field.source): name for name, field in self.fields.items()}
        for source, message in self.refusals(row):
            name = names.get(source, "")
            if name not in told:
                mistakes.add(name, message)
        return row

    def refusals(self, row: Any) -> Sequence[tuple[str, str]]:
        """The fields of the row that may not be so, with what is wrong with each."""
        raise NotImplementedError


class RuleSetFields(Written):
    """The margins of a rule set in percent, and its notes."""

    model = RuleSet
    blank = {"margin_natural": 0, "margin_lab_grown": 0, "margin_fancy": 0}
    margin_natural = Percent(required=False, help_text="Percent on top of cost for natural stones.")
    margin_lab_grown = Percent(required=False, help_text="Percent on top of cost for lab-grown stones.")
    margin_fancy = Percent(required=False, help_text="Percent on top of cost for stones of a fancy colour.")
    floor_margin = Percent(
        required=False, allow_null=True, help_text="No stone is sold for less than cost plus these percent."
    )
    notes = Words(required=False, max_length=4_000, lines=True, help_text="For people.")

    def refusals(self, row: RuleSet) -> Sequence[tuple[str, str]]:
        return validation.refusals(validation.clean_rule_set, row)


class WrittenRuleSet(RuleSetFields):
    """A whole rule set without its rules."""

    def get_fields(self) -> dict[str, AnyField]:
        declared = super().get_fields()
        for name in self.blank:
            declared[name].required = True
        return declared


class WrittenClause(Written):
    """Conditions that must all hold; without any, every stone matches.

    One that is left out asks nothing, and a stone that lacks the value does not match.
    """

    default_error_messages = {
        "invalid": "must be a clause with its conditions",
        "null": "must be a clause with its conditions",
    }
    model = Clause

    def get_fields(self) -> dict[str, AnyField]:
        return dict(_conditions())

    def refusals(self, row: Clause) -> Sequence[tuple[str, str]]:
        return validation.refusals(validation.clean_clause, row)

    def to_representation(self, instance: Clause) -> dict[str, Any]:
        """The conditions that the clause sets."""
        asked = {field for condition in CONDITIONS if condition.is_set(instance) for field in condition.fields}
        return write(instance, WrittenClause, sparse=True, only=asked)


class RuleFields(Written):
    """A rule without its number and its clauses."""

    model = Rule
    priority = Bounded(1, validation.MAX_PRIORITY, help_text="Lower comes first; the first rule that matches wins.")
    name = Words(min_length=1, max_length=200, help_text="For people, up to 200 characters.")
    modifier = Figure(3, (-9_999.0, 9_999.0), required=False, help_text="Percentage points added to the base margin.")
    fixed = Amount(
        MAX_CENTS,
        negative=True,
        source="fixed_cents",
        required=False,
        help_text="Dollars added after the margin; may be negative.",
    )
    ending = Amount(
        MAX_CENTS,
        source="ending_cents",
        required=False,
        allow_null=True,
        help_text="Prices end on this: 99.00 in steps of 100.00 gives 99, 199, …",
    )
    ending_step = Amount(
        MAX_CENTS,
        source="ending_step_cents",
        required=False,
        allow_null=True,
        help_text="The steps of the ending, in dollars.",
    )
    ending_mode = Words(
        names=Rule.EndingMode.values, required=False, help_text="`nearest` ending (halves up), or the next one `up`."
    )
    rating = Bounded(1, 10, required=False, allow_null=True, help_text="From 1 to 10, shown with the stone.")
    valid_from = fields.Day(1, 9999, required=False, allow_null=True, help_text="First day, in UTC.")
    valid_to = fields.Day(1, 9999, required=False, allow_null=True, help_text="Last day, in UTC.")
    active = fields.YesNo(required=False, help_text="False: the rule is passed over.")
    notes = Words(required=False, max_length=1_000, lines=True, help_text="For people, up to 1,000 characters.")


class WrittenRule(RuleFields):
    """A rule with its clauses; reads as both, unsaved."""

    default_error_messages = {
        "invalid": "must be a rule with its fields",
        "null": "must be a rule with its fields",
    }
    number = fields.Whole(1, MAX_NUMBER, required=False, help_text="The rule's name through all versions.")
    clauses = fields.ListOf(
        WrittenClause(),
        things="clauses",
        max_length=MAX_CLAUSES,
        required=False,
        error_messages={"long": validation.check_counts(0, MAX_CLAUSES + 1)},
        help_text="The rule matches if any clause does; without any it matches nothing.",
    )

    class Meta:
        example = {
            "priority": 10,
            "name": "Rounds above one carat",
            "modifier": 5,
            "ending": "99.00",
            "ending_step": "100.00",
            "clauses": [{"shapes": ["ROUND"], "carats_min": 1, "color_min": "D", "color_max": "H"}],
        }

    def combine(self, values: dict[str, Any], mistakes: Mistakes) -> tuple[Rule, list[Clause]]:
        clauses = values.pop("clauses", [])
        return super().combine(values, mistakes), clauses

    def refusals(self, row: Rule) -> Sequence[tuple[str, str]]:
        # The clauses have been looked at, each by itself.
        return [(fault.field, fault.message) for fault in faults_of(row, ()) if fault.is_error]


def _conditions() -> Iterator[tuple[str, AnyField]]:
    """The fields of a clause by name, made from the table of conditions."""
    for condition in CONDITIONS:
        if isinstance(condition, ListCondition):
            yield (
                condition.name,
                Names(_SPELLED[condition.name], required=False, help_text=f"Any of these: {condition.label}."),
            )
            words = f"True turns it round: none of these, but some {condition.label}."
            yield f"{condition.name}_excluded", fields.YesNo(required=False, help_text=words)
        elif isinstance(condition, RangeCondition):
            ends = ("the best", "the worst") if isinstance(condition, GradeCondition) else ("the lowest", "the highest")
            for source, end, word in zip(condition.fields, ("min", "max"), ends, strict=True):
                name = f"{condition.name.removesuffix('_cents')}_{end}"
                yield name, _bound(condition, name, source, f"{condition.label.capitalize()}: {word}, included.")
        else:
            words = f"With {condition.label}, or without."
            yield condition.name, fields.YesNo(required=False, allow_null=True, help_text=words)


def _bound(condition: RangeCondition, name: str, source: str, words: str) -> AnyField:
    # DRF wants no source that is the name.
    options: dict[str, Any] = {"required": False, "allow_null": True, "help_text": words}
    options |= {"source": source} if source != name else {}
    if isinstance(condition, GradeCondition):
        return fields.Grade(condition.grades, **options)
    assert isinstance(condition, NumberCondition)
    if condition.dollars:
        return Amount(MAX_COST_CENTS, **options)
    column = Clause._meta.get_field(source)
    assert isinstance(column, DecimalField)
    whole, places = column.max_digits - column.decimal_places, column.decimal_places
    return Figure(condition.places, (0.0, float(10**whole - Decimal(10) ** -places)), **options)


@cache
def _columns(written: type[Written]) -> tuple[tuple[str, str, AnyField, Any], ...]:
    """Each field's name outside, its column, the field, and the value that the column has without a word."""
    columns = []
    for name, field in written.shared().fields.items():
        column = written.model._meta.get_field(str(field.source))
        assert isinstance(column, Field)
        columns.append((name, column.name, field, column.get_default()))
    return tuple(columns)


def write(
    row: RuleSet | Rule | Clause, written: type[Written], *, sparse: bool = False, only: set[str] | None = None
) -> dict[str, Any]:
    """A row's fields as written; `sparse` leaves out what is as it would be without a word."""
    values = {}
    for name, column, field, default in _columns(written):
        if only is not None and column not in only:
            continue
        value = getattr(row, column)
        if not sparse or value != default:
            values[name] = None if value is None else field.to_representation(value)
    return values


def write_rule(rule: Rule, *, sparse: bool = False) -> dict[str, Any]:
    """A rule with its number and clauses, in the order in which they were made."""
    clauses = sorted(rule.clauses.all(), key=lambda clause: clause.pk)
    return {
        "number": rule.number,
        **write(rule, RuleFields, sparse=sparse),
        "clauses": [WrittenClause.shared().to_representation(clause) for clause in clauses],
    }
