"""The stones of a rule in the explorer: `?rule=` shows what its clauses match, `?priced_by=` what of that it prices.

The values are keys of rules, so a rule is looked up as it is now.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from catalog.explorer.among import Among, NotTold, Part, tell_by
from catalog.searching.conditions import All
from diamondhub.admin.base import MAX_DIGITS
from diamondhub.admin.display import Link, counted
from pricing.admin.rule_table import state
from pricing.in_force import day_of, with_rules
from pricing.models import Rule, RuleSet
from pricing.stones_of_rules import before, left_to, matched_by

#: The parameters: what a rule matches, and what of that it prices.
MATCHED, PRICED = "rule", "priced_by"
_VIEW = "pricing.view_rule"


def address(rule: Rule) -> str:
    """The explorer's page of what the rule matches."""
    return f"{reverse('admin:catalog_diamond_changelist')}?{urlencode({MATCHED: rule.pk})}"


def link_to_stones(request: HttpRequest, rule: Rule) -> list[Link]:
    """The link from the rule's page, for whom may see diamonds."""
    return (
        [Link("Stones of this rule", address(rule), "diamond")] if request.user.has_perm("catalog.view_diamond") else []
    )


def matched(request: HttpRequest, text: str) -> Among:
    """What the clauses of the rule match."""
    rule, rule_set = _rule(request, text)
    today = day_of(timezone.now())
    how = state(rule, today)
    others = counted(len(before(rule, rule_set)), "rule")
    words = (
        f"{{count}} of them are left to it by the {others} before it: the first rule that matches a stone prices it."
        if how == "active"
        else f"It is {how} today, so it prices {{count}} of them."
    )
    return Among(
        title=f"Stones of rule “{rule.name}”",
        url=reverse("admin:pricing_rule_change", args=[rule.pk]),
        condition=matched_by(rule),
        words=f"of {_of_set(rule_set)}",
        parts=[
            Part(All(()), "{count} of the stones that pass your filters match one of its clauses."),
            Part(
                left_to(rule, rule_set, today),
                words,
                {PRICED: str(rule.pk)} if how == "active" else {},
                "Show only these",
            ),
        ],
    )


def priced(request: HttpRequest, text: str) -> Among:
    """What of that is left to it by the rules before it."""
    rule, rule_set = _rule(request, text)
    return Among(
        title=f"Stones that rule “{rule.name}” prices",
        url=reverse("admin:pricing_rule_change", args=[rule.pk]),
        condition=left_to(rule, rule_set, day_of(timezone.now())),
        words=f"by {_of_set(rule_set)}: those that match it, and no rule before it.",
        parts=[
            Part(All(()), "{count} of them pass your filters.", {MATCHED: str(rule.pk)}, "Show all that it matches")
        ],
    )


def _of_set(rule_set: RuleSet) -> str:
    return (
        f"draft {rule_set.version}, as it is now"
        if rule_set.is_draft
        else f"version {rule_set.version} ({rule_set.state})"
    )


def _rule(request: HttpRequest, text: str) -> tuple[Rule, RuleSet]:
    if not request.user.has_perm(_VIEW):
        raise NotTold("is only for people who may see pricing rules")
    is_number = text.isascii() and text.isdigit() and len(text) < MAX_DIGITS
    rule = Rule.objects.filter(pk=int(text)).first() if is_number else None
    if rule is None:
        raise NotTold("names no rule that there is: drafts may have lost it")
    rule_set = with_rules(RuleSet.objects.filter(pk=rule.rule_set_id).defer("compiled")).get()
    return next(own for own in rule_set.rules.all() if own.pk == rule.pk), rule_set


tell_by(MATCHED, matched)
tell_by(PRICED, priced)
