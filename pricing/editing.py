"""Edits of a draft: its margins, its rules one at a time with all their clauses, and throwing it away.

Every edit says at which revision the draft was read; the second of two editors is told, and nothing of theirs is saved.
Called by the API; rules come admitted by `pricing.validation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from pricing import drafts
from pricing.errors import DraftInUse, InvalidRules, NoSuchRule
from pricing.models import Clause, Rule, RuleSet
from pricing.validation import check_counts


def change_margins(draft: RuleSet, changes: Mapping[str, Any], *, revision: int) -> int:
    """Write fields of a draft; returns the new revision. Raises `NotADraft` and `StaleDraft`."""
    with transaction.atomic():
        newer = drafts.edited(draft.pk, revision=revision)
        if changes:
            RuleSet.objects.filter(pk=draft.pk).update(**changes)
    return newer


def put_rule(draft: RuleSet, rule: Rule, clauses: Sequence[Clause], *, number: int | None, revision: int) -> Rule:
    """Add a rule to a draft, or put it in the place of the rule with that number; all its clauses are new.

    Raises `NotADraft`, `StaleDraft`, `NoSuchRule`, and `InvalidRules` for a priority that another rule has or a set that is
    full.
    """
    with transaction.atomic():
        drafts.edited(draft.pk, revision=revision)
        before = None
        if number is not None:
            before = Rule.objects.filter(rule_set=draft, number=number).first()
            if before is None:
                raise NoSuchRule(f"rule set {draft.version} has no rule {number}")
        others = Rule.objects.filter(rule_set=draft)
        if number is not None:
            others = others.exclude(number=number)
        same = others.filter(priority=rule.priority).first()
        if same is not None:
            raise InvalidRules([("priority", f"rule {same.number} has this priority already")])
        if problem := check_counts(others.count() + 1, len(clauses)):
            raise InvalidRules([("", problem)])
        rule.rule_set = draft
        rule.number = drafts.next_number() if number is None else number
        rule.pk = before.pk if before else None
        if before is not None:
            before.clauses.all().delete()
        rule.save(force_insert=before is None, force_update=before is not None)
        add_clauses([(rule, clauses)])
    return rule


def delete_rule(draft: RuleSet, number: int, *, revision: int) -> int:
    """Delete a rule with its clauses; returns the new revision. Raises `NotADraft`, `StaleDraft` and `NoSuchRule`."""
    with transaction.atomic():
        newer = drafts.edited(draft.pk, revision=revision)
        rule = Rule.objects.filter(rule_set=draft, number=number).first()
        if rule is None:
            raise NoSuchRule(f"rule set {draft.version} has no rule {number}")
        rule.delete()
    return newer


def delete_draft(draft: RuleSet, *, revision: int) -> None:
    """Throw a draft away. Raises `NotADraft`, `StaleDraft`, and `DraftInUse` if an experiment is to use it."""
    with transaction.atomic():
        drafts.edited(draft.pk, revision=revision)
        try:
            with transaction.atomic():
                draft.delete()
        except ProtectedError:
            raise DraftInUse(f"an experiment uses draft {draft.version}: it cannot be thrown away") from None


def add_clauses(rules: Sequence[tuple[Rule, Sequence[Clause]]]) -> None:
    """Save the clauses of rules that are saved, in their order."""
    for rule, clauses in rules:
        for clause in clauses:
            clause.rule = rule
    Clause.objects.bulk_create([clause for _rule, clauses in rules for clause in clauses])
