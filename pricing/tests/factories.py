"""Rule sets, rules and stones for tests: a valid thing, of which a test states what matters."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Max

from pricing.compile import compile_set
from pricing.in_force import with_rules
from pricing.models import Clause, Rule, RuleSet

TODAY = date(2026, 5, 15)


def first_rule_set() -> RuleSet:
    """The published set of the first migration; made anew if a test that commits has thrown it away."""
    published = RuleSet.objects.filter(state=RuleSet.State.PUBLISHED).first()
    if published is None:
        draft = a_draft(version=1)
        RuleSet.objects.filter(pk=draft.pk).update(state=RuleSet.State.PUBLISHED, compiled=compile_set(draft))
        published = RuleSet.objects.get(pk=draft.pk)
    return published


def a_draft(*rules: dict[str, Any], **changes: Any) -> RuleSet:
    """A saved draft with the base margins and these rules: fields, and under `clauses` a list of clauses' fields.

    Rules without a priority have 10, 20 … in the order given. They come fetched with their clauses.
    """
    newest = RuleSet.objects.aggregate(newest=Max("version"))["newest"] or 0
    values = {"margin_natural": Decimal(40), "margin_lab_grown": Decimal(79), "margin_fancy": Decimal(40)}
    rule_set = RuleSet.objects.create(**{"version": newest + 1, **values, **changes})
    for place, fields in enumerate(rules, start=1):
        clauses = fields.get("clauses", [{}])
        given = {name: value for name, value in fields.items() if name != "clauses"}
        rule = Rule.objects.create(
            rule_set=rule_set, **{"priority": 10 * place, "number": place, "name": f"rule {place}", **given}
        )
        Clause.objects.bulk_create(Clause(rule=rule, **clause) for clause in clauses)
    return with_rules(RuleSet.objects.filter(pk=rule_set.pk)).get()
