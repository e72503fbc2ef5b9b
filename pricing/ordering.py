"""The order of a draft's rules: moving one past its neighbour, and making room between the priorities.

Everything here counts as an edit of the draft, so the second of two editors is told (`editing.edited`).
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Case, Value, When

from pricing import editing
from pricing.errors import NoSuchRule
from pricing.faults import STEP
from pricing.models import Rule


def move(rule_id: int, *, up: bool, revision: int) -> Rule:
    """Let the rule change places with the one before it, or with the next; at the end of the order nothing changes.

    Raises `NoSuchRule`, `NotADraft`, `StaleDraft`.
    """
    with transaction.atomic():
        rule = _rule(rule_id)
        editing.edited(rule.rule_set_id, revision=revision)
        others = Rule.objects.filter(rule_set_id=rule.rule_set_id)
        if up:
            neighbour = others.filter(priority__lt=rule.priority).order_by("-priority").first()
        else:
            neighbour = others.filter(priority__gt=rule.priority).order_by("priority").first()
        if neighbour is not None:
            mine, theirs = rule.priority, neighbour.priority
            Rule.objects.filter(pk__in=(rule.pk, neighbour.pk)).update(
                priority=Case(When(pk=rule.pk, then=Value(theirs)), default=Value(mine))
            )
            rule.priority = theirs
    return rule


def spread(draft_id: int, *, revision: int) -> None:
    """Number the priorities 10, 20, 30 … in the same order, so that there is room between. Raises as `move`."""
    with transaction.atomic():
        editing.edited(draft_id, revision=revision)
        rules = list(Rule.objects.filter(rule_set_id=draft_id).order_by("priority").only("pk", "priority"))
        for place, rule in enumerate(rules, start=1):
            rule.priority = STEP * place
        Rule.objects.bulk_update(rules, ["priority"])


def _rule(rule_id: int) -> Rule:
    rule = Rule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NoSuchRule
    return rule
