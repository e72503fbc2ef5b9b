"""Drafts of rule sets: copying a set into one, every edit of it, and throwing it away.

Every edit says at which revision the draft was read; the second of two editors is told, and nothing of theirs is saved.
Called by the API, the admin, the commands and `pricing.ordering`; publishing a draft is `pricing.publishing`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, ProtectedError

from diamondhub.audit.acting import acting
from pricing.errors import DraftInUse, InvalidRules, NoSuchRule, NotADraft, StaleDraft
from pricing.in_force import published_rule_set, with_rules
from pricing.models import Clause, Rule, RuleSet
from pricing.models.limits import MAX_NUMBER
from pricing.validation import check_counts

#: What a copy takes over from a rule set.
_COPIED = ("margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin")


def new_draft(*, actor: str, source: RuleSet | None = None, notes: str = "") -> RuleSet:
    """A new draft: a copy of `source`, by default of the published set, with its rules under their numbers."""
    with acting(actor), transaction.atomic():
        origin = with_rules(RuleSet.objects.filter(pk=(source or published_rule_set()).pk)).get()
        draft = RuleSet.objects.create(
            version=next_version(),
            based_on=origin.version,
            created_by=actor[:150],
            notes=notes,
            **{name: getattr(origin, name) for name in _COPIED},
        )
        copies: list[tuple[Rule, list[Clause]]] = [(rule, list(rule.clauses.all())) for rule in origin.rules.all()]
        for rule, _clauses in copies:
            rule.pk, rule.rule_set = None, draft
        Rule.objects.bulk_create([rule for rule, _clauses in copies])
        for rule, clauses in copies:
            for clause in clauses:
                clause.pk, clause.rule = None, rule
        Clause.objects.bulk_create([clause for _rule, clauses in copies for clause in clauses])
    return draft


def next_version() -> int:
    """The version of a new rule set; waits for others who are just making one, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pricing_version'))")
    return (RuleSet.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1


def new_numbers(taken: Collection[int] = ()) -> Iterator[int]:
    """Numbers for new rules that no rule of any set has, nor any of those `taken`. As with `next_version`, others wait.

    They go on behind the highest; a file that brought the highest there is leaves those between.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pricing_number'))")
    used = {*Rule.objects.values_list("number", flat=True).distinct(), *taken}
    behind = range(max(used, default=0) + 1, MAX_NUMBER + 1)
    return (number for number in chain(behind, range(1, MAX_NUMBER + 1)) if number not in used)


def next_number() -> int:
    """The number of one new rule."""
    return next(new_numbers())


def edited(draft_id: int, *, revision: int) -> int:
    """Count an edit of a draft that was read at `revision`; returns the new one. To be called before the edit's writes.

    Raises `NotADraft`, or `StaleDraft` if somebody else was first. Others who edit or publish it wait for the transaction.
    """
    if not RuleSet.objects.filter(pk=draft_id, state=RuleSet.State.DRAFT, revision=revision).update(
        revision=F("revision") + 1
    ):
        unchanged(RuleSet.objects.get(pk=draft_id), revision=revision)
        raise StaleDraft
    return revision + 1


def unchanged(rule_set: RuleSet, *, revision: int) -> None:
    """Raise `NotADraft` if the set is none, `StaleDraft` if somebody has changed it since it was read at `revision`."""
    if not rule_set.is_draft:
        raise NotADraft(f"rule set {rule_set.version} is {rule_set.state}: copy it into a draft to change anything")
    if rule_set.revision != revision:
        raise StaleDraft(f"somebody else has changed draft {rule_set.version} meanwhile: your changes were not saved")


def change_margins(draft: RuleSet, changes: Mapping[str, Any], *, revision: int) -> int:
    """Write fields of a draft; returns the new revision. Raises `NotADraft` and `StaleDraft`."""
    with transaction.atomic():
        newer = edited(draft.pk, revision=revision)
        if changes:
            RuleSet.objects.filter(pk=draft.pk).update(**changes)
    return newer


def put_rule(draft: RuleSet, rule: Rule, clauses: Sequence[Clause], *, number: int | None, revision: int) -> Rule:
    """Add a rule to a draft, or put it in the place of the rule with that number; all its clauses are new.

    Raises `NotADraft`, `StaleDraft`, `NoSuchRule`, and `InvalidRules` for a priority that another rule has or a set that is
    full.
    """
    with transaction.atomic():
        edited(draft.pk, revision=revision)
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
        rule.number = next_number() if number is None else number
        rule.pk = before.pk if before else None
        if before is not None:
            before.clauses.all().delete()
        rule.save(force_insert=before is None, force_update=before is not None)
        add_clauses([(rule, clauses)])
    return rule


def delete_rule(draft: RuleSet, number: int, *, revision: int) -> int:
    """Delete a rule with its clauses; returns the new revision. Raises `NotADraft`, `StaleDraft` and `NoSuchRule`."""
    with transaction.atomic():
        newer = edited(draft.pk, revision=revision)
        rule = Rule.objects.filter(rule_set=draft, number=number).first()
        if rule is None:
            raise NoSuchRule(f"rule set {draft.version} has no rule {number}")
        rule.delete()
    return newer


def delete_draft(draft: RuleSet, *, revision: int) -> None:
    """Throw a draft away. Raises `NotADraft`, `StaleDraft`, and `DraftInUse` if an experiment is to use it."""
    with transaction.atomic():
        edited(draft.pk, revision=revision)
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
