"""Differences between a rule set and the one in force, in words: margins, and rules by number."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pricing.conditions import CONDITIONS, in_words
from pricing.faults import MATCHES_NOTHING
from pricing.models import Rule, RuleSet

_MARGINS = ("margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: its label, and before and after in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is in both sets, with what differs."""

    rule: Rule
    changes: tuple[Change, ...]


@dataclass(slots=True)
class Difference:
    """Margins and rules that differ between the set in force and another."""

    margins: list[Change] = field(default_factory=list)
    added: list[Rule] = field(default_factory=list)
    removed: list[Rule] = field(default_factory=list)
    changed: list[RuleChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.margins or self.added or self.removed or self.changed)


def difference(before: RuleSet, after: RuleSet) -> Difference:
    """The changes from `before` to `after`, both with rules and clauses fetched ahead. Rules are told by their numbers."""
    old = {rule.number: rule for rule in before.rules.all()}
    new = {rule.number: rule for rule in after.rules.all()}
    result = Difference(margins=_changes(_margins(before), _margins(after)))
    for number, rule in new.items():
        if number not in old:
            result.added.append(rule)
            continue
        changes = _changes(_rule(old[number]), _rule(rule))
        if not any(change.label == "conditions" for change in changes):
            changes += _names_behind(old[number], rule)
        if changes:
            result.changed.append(RuleChange(rule, tuple(changes)))
    result.removed = [rule for number, rule in old.items() if number not in new]
    return result


def percent(value: Decimal | None) -> str:
    """`40 %`, or `none`."""
    return "none" if value is None else f"{Decimal(value).normalize():f} %"


def dollars(cents: int) -> str:
    """Signed cents as dollars: `-$9.95`."""
    return f"{'-' if cents < 0 else ''}${abs(cents) / Decimal(100):,.2f}"


def signed(cents: int) -> str:
    """Cents as dollars with their sign, as of a change: `+$9.95`."""
    return f"{'+' if cents > 0 else ''}{dollars(cents)}"


def modifier(rule: Rule) -> str:
    """Percentage points with their sign: `+7.5`, or `0`."""
    value = Decimal(rule.modifier)
    return f"{value.normalize():+f}" if value else "0"


def ending(rule: Rule) -> str:
    """`…99.00, nearest`: the price ending in words, or `none`."""
    if rule.ending_cents is None or rule.ending_step_cents is None:
        return "none"
    first = [rule.ending_cents + place * rule.ending_step_cents for place in range(3)]
    return f"{', '.join(map(dollars, first))} … ({'next one up' if rule.ending_mode == 'up' else 'nearest'})"


def _margins(rule_set: RuleSet) -> dict[str, str]:
    labels = {column.name: str(column.verbose_name).removesuffix(", %") for column in RuleSet._meta.concrete_fields}
    return {labels[name]: percent(getattr(rule_set, name)) for name in _MARGINS}


def _rule(rule: Rule) -> dict[str, str]:
    said: dict[str, Any] = {
        "name": rule.name,
        "priority": rule.priority,
        "modifier": modifier(rule),
        "fixed amount": dollars(rule.fixed_cents),
        "price ending": ending(rule),
        "rating": rule.rating or "none",
        "valid from": rule.valid_from or "always",
        "valid to": rule.valid_to or "always",
        "active": "yes" if rule.active else "no",
        "notes": rule.notes or "none",
        "conditions": " — or — ".join(in_words(clause) for clause in rule.clauses.all()) or MATCHES_NOTHING,
    }
    return {label: str(value) for label, value in said.items()}


def _names_behind(before: Rule, after: Rule) -> list[Change]:
    """Words name only the first names of a list; what differs behind them is a change as well."""

    def asked(rule: Rule) -> list[list[Any]]:
        names = [name for condition in CONDITIONS for name in condition.fields]
        return [[getattr(clause, name) for name in names] for clause in rule.clauses.all()]

    if asked(before) == asked(after):
        return []
    return [Change("conditions", "a long list of names", "the same list with other names")]


def _changes(before: dict[str, str], after: dict[str, str]) -> list[Change]:
    return [Change(label, before[label], value) for label, value in after.items() if before[label] != value]
