"""Faults of a rule: all that is wrong with it, and all that is pointless about it, each in the words that every edge shows.

Errors keep a rule from being written: values that `pricing.validation` refuses, a priority or a number that another rule
of the set has, more rules or clauses than there may be. Warnings are what its author may not have meant. `editing.put_rule`
refuses errors whoever calls it; forms, the API, files of rules and `pricing.conflicts` tell both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pricing import validation
from pricing.conditions import Condition, conditions_of, why_never
from pricing.models import Clause, Rule
from pricing.models.limits import MAX_NUMBER

#: Room between the priorities of rules that come one behind the other.
STEP = 10
#: The end of a sentence about a rule that has no clause.
MATCHES_NOTHING = "has no clause, so it matches nothing"


class Kind(StrEnum):
    """Kinds of faults: errors first, then warnings."""

    VALUE = "value"
    TAKEN = "taken"
    TOO_MANY = "too many"
    NO_CLAUSE = "no clause"
    CONTRADICTION = "contradiction"
    EVERY_STONE = "every stone"


_ERRORS = (Kind.VALUE, Kind.TAKEN, Kind.TOO_MANY)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong or pointless: a sentence, and the field of the rule, or of its clause at that place (from 0).

    `other` is the rule that has already what may be there once.
    """

    kind: Kind
    message: str
    field: str = ""
    clause: int | None = None
    other: Rule | None = None

    @property
    def is_error(self) -> bool:
        """True for what keeps the rule from being written; False for a warning."""
        return self.kind in _ERRORS

    @property
    def place(self) -> str:
        """The field in words of the model: `priority`, or `clauses[0].carats_max`; empty for the rule as a whole."""
        clause = "" if self.clause is None else f"clauses[{self.clause}]"
        return f"{clause}.{self.field}" if clause and self.field else clause or self.field


class Others:
    """The other rules of a rule's set, to which it must fit."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._count = 0
        self._by_priority: dict[int, Rule] = {}
        self._by_number: dict[int, Rule] = {}
        for rule in rules:
            self.add(rule)

    @classmethod
    def in_draft(cls, draft_id: int, *, but: int | None = None) -> Others:
        """The rules that a draft has, but the one of that number."""
        rules = Rule.objects.filter(rule_set_id=draft_id).only("number", "priority", "name")
        return cls(rule for rule in rules if rule.number != but)

    def add(self, rule: Rule) -> None:
        """One more; its number may be missing yet, and anything may be wrong with it."""
        self._count += 1
        if rule.priority is not None:
            self._by_priority[rule.priority] = rule
        if rule.number is not None:
            self._by_number[rule.number] = rule

    @property
    def next_priority(self) -> int:
        """The priority behind all of these."""
        return max(self._by_priority, default=0) // STEP * STEP + STEP

    def faults_of(self, rule: Rule) -> list[Fault]:
        """Errors of a rule that is to join these."""
        faults = []
        if (other := self._by_priority.get(rule.priority)) is not None:
            free = self.next_priority
            hint = (
                f"behind all others is {free}"
                if free <= validation.MAX_PRIORITY
                else "make room between the priorities first"
            )
            faults.append(
                Fault(Kind.TAKEN, f"{_named(other)} has this priority already; {hint}.", "priority", other=other)
            )
        if (other := self._by_number.get(rule.number)) is not None:
            faults.append(Fault(Kind.TAKEN, f"{_named(other)} has this number already.", "number", other=other))
        if problem := validation.check_counts(self._count + 1, 0):
            faults.append(Fault(Kind.TOO_MANY, problem))
        return faults


def faults_of(rule: Rule, clauses: Sequence[Clause], others: Others | None = None) -> list[Fault]:
    """All faults of a rule with these clauses; with `others`, also those of its place among them.

    The values of both are brought into their normal form. For what is saved, and so was admitted, ask `warnings_of`.
    """
    faults = [Fault(Kind.VALUE, message, field) for field, message in validation.refusals(validation.clean_rule, rule)]
    if rule.number is not None and not 1 <= rule.number <= MAX_NUMBER:
        faults.append(Fault(Kind.VALUE, f"must be a whole number from 1 to {MAX_NUMBER}", "number"))
    if problem := validation.check_counts(0, len(clauses)):
        faults.append(Fault(Kind.TOO_MANY, problem, "clauses"))
    else:
        for place, clause in enumerate(clauses):
            faults += [
                Fault(Kind.VALUE, message, field, place)
                for field, message in validation.refusals(validation.clean_clause, clause)
            ]
    if others is not None:
        faults += others.faults_of(rule)
    refused = {fault.clause for fault in faults}
    return faults + [fault for fault in warnings_of(clauses) if fault.clause is None or fault.clause not in refused]


def warnings_of(clauses: Sequence[Clause]) -> list[Fault]:
    """The part of a rule's faults that are warnings: it matches nothing, or a clause matches nothing or every stone."""
    if not clauses:
        return [Fault(Kind.NO_CLAUSE, f"The rule {MATCHES_NOTHING}.")]
    faults = []
    for place, clause in enumerate(clauses):
        asked = conditions_of(clause)
        if not asked:
            said = f"Clause {place + 1} has no condition, so it matches every stone."
            faults.append(Fault(Kind.EVERY_STONE, said, clause=place))
        elif why := _contradiction(clause, asked):
            faults.append(Fault(Kind.CONTRADICTION, f"Clause {place + 1} never matches: {why}.", clause=place))
    return faults


def _contradiction(clause: Clause, asked: Iterable[Condition]) -> str:
    """The reason why no stone can match the clause, in words; empty if one could."""
    for condition in asked:
        if problem := condition.problem(clause):
            return f"{condition.label}: {problem[1][0].lower()}{problem[1][1:].rstrip('.')}"
    return why_never(clause)


def _named(rule: Rule) -> str:
    return f"Rule {rule.number} “{rule.name}”" if rule.number else f"Rule “{rule.name}”"
