"""Conflicts of a rule set: rules that can never match, and rules that lose stones to an earlier one.

Only what the conditions themselves say is looked at, never the stones, so a draft's page can show it at any time. Inactive
rules are in nobody's way and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pricing import faults
from pricing.conditions import BY_NAME, STONE_TYPE, conditions_of
from pricing.evaluate import rules_of
from pricing.faults import warnings_of
from pricing.models import Clause, Rule, RuleSet

#: Pairs of clauses that are compared at most: two seconds or so, and enough for 500 rules of four clauses.
MAX_COMPARISONS = 2_000_000
#: Earlier rules that are named to a rule which overlaps with them.
EARLIER_NAMED = 5


class Kind(StrEnum):
    """Kinds of conflicts, the worst first."""

    NEVER = "never"
    NO_CLAUSE = "no clause"
    CONTRADICTION = "contradiction"
    OVERLAP = "overlap"
    CUT_SHORT = "cut short"


#: Faults of a rule by itself that are conflicts; one that matches every stone is none.
_POINTLESS = {faults.Kind.NO_CLAUSE: Kind.NO_CLAUSE, faults.Kind.CONTRADICTION: Kind.CONTRADICTION}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that a rule's author may not have meant: of which rule, with which earlier ones, and in words.

    `CUT_SHORT`, always the last, belongs to no rule: the set was too large to compare all of it.
    """

    kind: Kind
    rule: Rule | None
    message: str
    earlier: tuple[Rule, ...] = field(default=())

    @property
    def harmless(self) -> bool:
        """Whether it may well be meant so: overlaps are what priorities are for."""
        return self.kind == Kind.OVERLAP


class _Asked:
    """The conditions of a clause, looked up once for many comparisons; lists and bounds first: they tell most apart."""

    def __init__(self, clause: Clause) -> None:
        self._types = STONE_TYPE.asked(clause)
        self._values = {condition.name: condition.asked(clause) for condition in reversed(conditions_of(clause))}

    def covers(self, other: _Asked) -> bool:
        """Whether every stone that the other matches matches this one; False where that cannot be seen easily."""
        theirs = other._values
        for name, value in self._values.items():
            if name not in theirs:
                if name != STONE_TYPE.name or not STONE_TYPE.covers(value, other._types):
                    return False
            elif not BY_NAME[name].covers(value, theirs[name]):
                return False
        return True

    def meets(self, other: _Asked) -> bool:
        """Whether a stone could match both."""
        theirs = other._values
        for name, value in self._values.items():
            if name in theirs and not BY_NAME[name].meets(value, theirs[name]):
                return False
        return True


@dataclass(slots=True)
class _Looked:
    """A rule with those of its clauses that could match a stone."""

    rule: Rule
    clauses: list[_Asked]


class _Budget:
    """Comparisons that may still be made."""

    def __init__(self, comparisons: int) -> None:
        self.left = comparisons

    def spend(self, comparisons: int) -> bool:
        """Whether there were so many left."""
        self.left -= comparisons
        return self.left >= 0


def conflicts(rule_set: RuleSet, *, most_comparisons: int = MAX_COMPARISONS) -> list[Conflict]:
    """The conflicts of the set's rules with each other and with themselves, by priority; overlaps behind the rest.

    The rules should be fetched with their clauses (`in_force.with_rules`).
    """
    serious: list[Conflict] = []
    overlaps: list[Conflict] = []
    earlier: list[_Looked] = []
    budget = _Budget(most_comparisons)
    cut_short: Rule | None = None
    for rule in rules_of(rule_set):
        if not rule.active:
            continue
        looked = _look_at(rule, serious)
        if looked is None:
            continue
        if cut_short is None:
            pairs = sum(len(before.clauses) for before in earlier) * len(looked.clauses)
            if budget.spend(pairs):
                _compare(looked, earlier, serious, overlaps)
            else:
                cut_short = rule
        earlier.append(looked)
    if cut_short is not None:
        said = (
            f"The set is too large to compare all of it: rules from priority {cut_short.priority} on were not compared."
        )
        overlaps.append(Conflict(Kind.CUT_SHORT, None, said))
    return [*serious, *overlaps]


def _look_at(rule: Rule, serious: list[Conflict]) -> _Looked | None:
    """The rule with its clauses, after saying what is wrong with it alone; None if it matches nothing anyway."""
    clauses = list(rule.clauses.all())
    pointless = [fault for fault in warnings_of(clauses) if fault.kind in _POINTLESS]
    serious += [Conflict(_POINTLESS[fault.kind], rule, fault.message) for fault in pointless]
    never = {fault.clause for fault in pointless}
    possible = [_Asked(clause) for place, clause in enumerate(clauses) if place not in never]
    return _Looked(rule, possible) if possible else None


def _compare(later: _Looked, earlier: list[_Looked], serious: list[Conflict], overlaps: list[Conflict]) -> None:
    """Say which earlier rule covers this one or, if none does, which ones take stones from it."""
    meeting: list[Rule] = []
    for before in earlier:
        if not _days_meet(before.rule, later.rule):
            continue
        enough = len(meeting) > EARLIER_NAMED
        if not enough and not _meet(before.clauses, later.clauses):
            continue
        if _as_long(before.rule, later.rule) and _covers(before.clauses, later.clauses):
            said = (
                f"It can never match: “{before.rule.name}” (priority {before.rule.priority}) takes all of its stones."
            )
            serious.append(Conflict(Kind.NEVER, later.rule, said, (before.rule,)))
            return
        if not enough:
            meeting.append(before.rule)
    if meeting:
        names = ", ".join(f"“{rule.name}” ({rule.priority})" for rule in meeting[:EARLIER_NAMED])
        more = " and others" if len(meeting) > EARLIER_NAMED else ""
        said = f"Stones that match it as well as {names}{more} go to the earlier rule."
        overlaps.append(Conflict(Kind.OVERLAP, later.rule, said, tuple(meeting[:EARLIER_NAMED])))


def _covers(mine: list[_Asked], theirs: list[_Asked]) -> bool:
    return all(any(clause.covers(other) for clause in mine) for other in theirs)


def _meet(mine: list[_Asked], theirs: list[_Asked]) -> bool:
    return any(clause.meets(other) for clause in mine for other in theirs)


def _days(rule: Rule) -> tuple[date, date]:
    return rule.valid_from or date.min, rule.valid_to or date.max


def _as_long(rule: Rule, other: Rule) -> bool:
    """Whether the rule is in force on every day that the other is."""
    (start, end), (other_start, other_end) = _days(rule), _days(other)
    return start <= other_start and other_end <= end


def _days_meet(rule: Rule, other: Rule) -> bool:
    (start, end), (other_start, other_end) = _days(rule), _days(other)
    return start <= other_end and other_start <= end
