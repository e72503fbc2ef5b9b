"""Which stones a rule's clauses match, and which of them it prices, as conditions that the catalogue is searched by.

The explorer shows them (`pricing.admin.stones_of_rules`). A test holds them together with `pricing.evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from catalog.grades import LabFinish
from catalog.searching.color_types import of_color_type
from catalog.searching.conditions import All, AnyOf, Between, Condition, Either, Known, Not
from pricing import conditions
from pricing.conditions import Clause, FinishCondition, ListCondition, PresenceCondition, RangeCondition, TypeCondition
from pricing.evaluate import in_force, rules_of
from pricing.models import Rule, RuleSet

_FANCY = of_color_type("fancy")
_TYPES: dict[str, Condition] = {
    "fancy": _FANCY,
    "natural": All((AnyOf("lab_grown", (False,)), Not(_FANCY))),
    "lab_grown": All((AnyOf("lab_grown", (True,)), Not(_FANCY))),
}


def matched_by(rule: Rule) -> Condition:
    """The stones that any clause of the rule matches, whatever other rules do, and whether it is in force or not."""
    return Either(tuple(All(tuple(_asked(clause))) for clause in rule.clauses.all()))


def left_to(rule: Rule, rule_set: RuleSet, day: date) -> Condition:
    """Those of them that no earlier rule of the set takes on that day; none if the rule is not in force."""
    if not in_force(rule, day):
        return Either(())
    earlier = [other for other in before(rule, rule_set) if in_force(other, day)]
    return All((matched_by(rule), Not(Either(tuple(map(matched_by, earlier))))))


def before(rule: Rule, rule_set: RuleSet) -> list[Rule]:
    """The rules of the set that are asked before this one."""
    return [other for other in rules_of(rule_set) if other.priority < rule.priority]


def _asked(clause: Clause) -> Iterable[Condition]:
    for condition in conditions.conditions_of(clause):
        yield _condition(condition, clause)


def _condition(condition: conditions.Condition, clause: Clause) -> Condition:
    column = condition.column
    match condition:
        case TypeCondition():
            return Either(tuple(_TYPES[name] for name in sorted(condition.types(clause))))
        case ListCondition():
            among = AnyOf(column, tuple(sorted(condition.names(clause))))
            # A stone without a value matches neither a list nor its opposite.
            return All((Known(column), Not(among))) if condition.excludes(clause) else among
        case PresenceCondition():
            return Known(column, getattr(clause, condition.name))
        case FinishCondition():
            best, worst = condition.bounds(clause)
            # To rules an ideal finish is an excellent one.
            return Between(column, int(LabFinish.IDEAL) if best == LabFinish.EXCELLENT else best, worst)
        case RangeCondition():
            return Between(column, *condition.bounds(clause))
        case _:
            raise TypeError(f"nothing says which stones meet {condition.name}")
