"""A draft as it stands in the form of one of its rules, which nobody has saved: what the rule would match and price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from catalog import index
from catalog.models import Availability, Diamond
from catalog.searching.conditions import All, AnyOf, Asked, Condition, Not
from catalog.searching.database import DatabaseHits, one_moment
from catalog.searching.hits import Count, Hits
from catalog.searching.pages import with_hits
from pricing.evaluate import Priced, evaluate
from pricing.explain import Passed, passed_over
from pricing.in_force import with_rules
from pricing.models import Clause, Rule, RuleSet
from pricing.stones_of_rules import left_to, matched_by

#: The longest that a statement of a count may take where there is no index (seconds): somebody is typing.
COUNT_SECONDS = 3.0
#: Stones that are looked at of those that one text names.
MAX_NAMED = 5

_SHOWN = Not(AnyOf("availability", (Availability.DELISTED.value,)))


@dataclass(frozen=True, slots=True)
class Reach:
    """How many of the stones that are not delisted a rule matches, and how many of these are left to it."""

    matched: Count
    left: Count
    stones: Count
    found_by: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The pricing of one stone: by which rule, and why this one does not; None if it does, or is not even asked."""

    stone: Diamond
    priced: Priced
    is_this: bool
    why_not: Passed | None


def with_rule(draft: RuleSet, rule: Rule, clauses: Sequence[Clause]) -> RuleSet:
    """The draft with this rule in the place of the one of its number, or as a new one. Nothing of it is to be saved."""
    typed = with_rules(RuleSet.objects.filter(pk=draft.pk).defer("compiled")).get()
    # A new one has none yet; numbers begin at 1.
    rule.number = rule.number or 0
    others = [other for other in typed.rules.all() if other.number != rule.number]
    # Django asks for the key of a row before it looks at what was fetched ahead.
    rule.pk = rule.pk or 0
    for place, clause in enumerate(clauses):
        clause.pk = place
    _fetched(rule, clauses=list(clauses))
    _fetched(typed, rules=[*others, rule])
    return typed


def reach_of(rule: Rule, typed: RuleSet, day: date) -> Reach:
    """The reach of a rule of `with_rule`: by the index, else up to a cap by the database within `COUNT_SECONDS`.

    Raises `OperationalError` if the database takes longer.
    """
    matched, left = matched_by(rule), left_to(rule, typed, day)

    def count(hits: Hits) -> Reach:
        return Reach(
            hits.of(_asked(matched)).count(),
            hits.of(_asked(left)).count(),
            hits.of(_asked(All(()))).count(),
            hits.found_by,
        )

    if index.current() is None:
        with one_moment(COUNT_SECONDS):
            return count(DatabaseHits(_asked(matched)))
    return with_hits(_asked(matched), count)


def _asked(condition: Condition) -> Asked:
    return {"rule": condition, "availability": _SHOWN}


def decide(rule: Rule, typed: RuleSet, stone: Diamond, day: date) -> Decided:
    """Which rule of the set, as it is typed, prices a stone, and at what."""
    priced = evaluate(typed, stone, day)
    is_this = priced.rule is rule
    comes_to_it = priced.rule is None or rule.priority < priced.rule.priority
    why_not = passed_over(rule, stone, day) if not is_this and comes_to_it else None
    return Decided(stone, priced, is_this, why_not)


def _fetched(row: Any, **rows: list[Any]) -> None:
    """Have relations of a row answer with these, as if they had been fetched ahead."""
    row._prefetched_objects_cache = {**getattr(row, "_prefetched_objects_cache", {}), **rows}  # noqa: SLF001
