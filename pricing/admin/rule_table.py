"""A rule set's rules as a table, with what is wrong with each of them: for the pages of drafts and of sealed sets."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils import timezone

from pricing.conditions import in_words
from pricing.conflicts import Conflict, Kind, conflicts
from pricing.differences import dollars, modifier
from pricing.evaluate import rules_of
from pricing.in_force import day_of, with_rules
from pricing.models import Rule, RuleSet

#: Conflicts of conflict kind that a page lists.
MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A rule as the table shows it; `warnings` are its conflicts, overlaps left out."""

    rule: Rule
    url: str
    #: The stones that it matches.
    stones_url: str
    clauses: list[str]
    modifier: str
    fixed: str
    ending: str
    days: str
    state: str
    warnings: list[str]


def rule_table(rule_set_id: int, *, editable: bool) -> dict[str, Any]:
    """The context of the template `rules.html`: the set's rules by priority, and its conflicts."""
    rule_set = with_rules(RuleSet.objects.filter(pk=rule_set_id).defer("compiled")).get()
    all_conflicts = conflicts(rule_set)
    return {
        "rule_set": rule_set,
        "rows": rows(rule_set, all_conflicts),
        "editable": editable,
        "add_rule_url": reverse("admin:pricing_rule_add_to", args=[rule_set_id]),
        **listed(all_conflicts),
    }


def rows(rule_set: RuleSet, all_conflicts: list[Conflict]) -> list[Row]:
    """The rules by priority."""
    warnings: dict[int, list[str]] = defaultdict(list)
    for conflict in all_conflicts:
        if conflict.rule is not None and not conflict.harmless:
            warnings[conflict.rule.pk].append(conflict.message)
    today = day_of(timezone.now())
    stones = reverse("admin:catalog_diamond_changelist")
    return [
        Row(
            rule=rule,
            url=reverse("admin:pricing_rule_change", args=[rule.pk]),
            stones_url=f"{stones}?rule={rule.pk}",
            clauses=[in_words(clause) for clause in rule.clauses.all()],
            modifier=modifier(rule),
            fixed=dollars(rule.fixed_cents) if rule.fixed_cents else "",
            ending=_short_ending(rule),
            days=days(rule),
            state=state(rule, today),
            warnings=warnings[rule.pk],
        )
        for rule in rules_of(rule_set)
    ]


def listed(all_conflicts: list[Conflict]) -> dict[str, Any]:
    """Conflicts for a page: those to look at, those that may well be meant so, and how many are not listed."""
    serious = [conflict for conflict in all_conflicts if not conflict.harmless and conflict.kind != Kind.CUT_SHORT]
    overlaps = [conflict for conflict in all_conflicts if conflict.harmless]
    return {
        "serious": serious[:MAX_LISTED],
        "overlaps": overlaps[:MAX_LISTED],
        "serious_count": len(serious),
        "overlap_count": len(overlaps),
        "cut_short": next((conflict.message for conflict in all_conflicts if conflict.kind == Kind.CUT_SHORT), ""),
        "most_listed": MAX_LISTED,
    }


def _short_ending(rule: Rule) -> str:
    if rule.ending_cents is None or rule.ending_step_cents is None:
        return ""
    mode = "up" if rule.ending_mode == Rule.EndingMode.UP else "nearest"
    return f"{dollars(rule.ending_cents)} every {dollars(rule.ending_step_cents)}, {mode}"


def days(rule: Rule) -> str:
    """The days on which the rule is valid, empty for always."""
    if rule.valid_from and rule.valid_to:
        return f"{rule.valid_from} to {rule.valid_to}"
    if rule.valid_from:
        return f"from {rule.valid_from}"
    return f"until {rule.valid_to}" if rule.valid_to else ""


def state(rule: Rule, today: date) -> str:
    """Whether the rule is in force that day: `active`, `off`, `future` or `expired`."""
    if not rule.active:
        return "off"
    if rule.valid_from and rule.valid_from > today:
        return "future"
    return "expired" if rule.valid_to and rule.valid_to < today else "active"
