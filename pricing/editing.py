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
from pricing.faults import Fault, Others, faults_of
from pricing.in_force import published_rule_set, with_rules
from pricing.models import Clause, Rule, RuleSet
from pricing.models.limits import MAX_NUMBER

#: What a copy takes over from a rule set.
_COPIED = ("margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin")


def new_draft(*, actor: str, source: RuleSet | None = None, notes: str = "") -> RuleSet:
    """A new draft: a copy of `source`, by default of the published set, with its rules under their numbers."""
    with transaction.atomic():
        origin = with_rules(RuleSet.objects.filter(pk=(source or published_rule_set()).pk)).get()
        margins = {name: getattr(origin, name) for name in _COPIED}
        draft = RuleSet(based_on=origin.version, notes=notes, **margins)
        return new_rule_set(draft, [(rule, list(rule.clauses.all())) for rule in origin.rules.all()], actor=actor)


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
    """Write a rule with all its clauses: a new one of the draft, or in the place of the rule with that number.

    Everybody who edits a rule comes through here. Clauses that are rows of the rule stay these rows; if none is, as of those
    from outside, they take the places of the rows that are there, one by one.

    Raises `NotADraft`, `StaleDraft`, `NoSuchRule`, and `InvalidRules` with all that is wrong with the rule.
    """
    _refuse(faults_of(rule, clauses))
    with transaction.atomic():
        edited(draft.pk, revision=revision)
        before = None if number is None else rule_of(draft, number)
        _refuse(Others.in_draft(draft.pk, but=number).faults_of(rule))
        rule.rule_set = draft
        if before is None:
            rule.pk, rule.number = None, next_number()
        else:
            rule.pk, rule.number = before.pk, before.number
        rule.save(force_insert=before is None, force_update=before is not None)
        _put_clauses(rule, clauses)
    return rule


def delete_rule(draft: RuleSet, number: int, *, revision: int) -> int:
    """Delete a rule with its clauses; returns the new revision. Raises `NotADraft`, `StaleDraft` and `NoSuchRule`."""
    with transaction.atomic():
        newer = edited(draft.pk, revision=revision)
        rule_of(draft, number).delete()
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


def rule_of(draft: RuleSet, number: int) -> Rule:
    """The rule of a set by its number. Raises `NoSuchRule`."""
    rule = Rule.objects.filter(rule_set=draft, number=number).first()
    if rule is None:
        raise NoSuchRule(f"rule set {draft.version} has no rule {number}")
    return rule


def new_rule_set(rule_set: RuleSet, rules: Sequence[tuple[Rule, Sequence[Clause]]], *, actor: str) -> RuleSet:
    """Save a whole set that was admitted as a new draft; rules without a number get one that no rule ever had."""
    with acting(actor), transaction.atomic():
        rule_set.version = next_version()
        rule_set.created_by = actor[:150]
        rule_set.save(force_insert=True)
        for rule, _clauses in rules:
            rule.pk, rule.rule_set = None, rule_set
        if unnumbered := [rule for rule, _clauses in rules if not rule.number]:
            taken = {rule.number for rule, _clauses in rules if rule.number}
            for rule, number in zip(unnumbered, new_numbers(taken), strict=False):
                rule.number = number
        Rule.objects.bulk_create([rule for rule, _clauses in rules])
        for rule, clauses in rules:
            for clause in clauses:
                clause.pk, clause.rule = None, rule
        Clause.objects.bulk_create([clause for _rule, clauses in rules for clause in clauses])
    return rule_set


def _refuse(faults: Sequence[Fault]) -> None:
    if errors := [fault for fault in faults if fault.is_error]:
        raise InvalidRules([(fault.place, fault.message) for fault in errors])


def _put_clauses(rule: Rule, clauses: Sequence[Clause]) -> None:
    """Make these the clauses of a saved rule; their order is that of their rows."""
    rows = list(rule.clauses.order_by("pk").values_list("pk", flat=True))
    if not any(clause.pk for clause in clauses):
        for clause, row in zip(clauses, rows, strict=False):
            clause.pk = row
    kept = {clause.pk for clause in clauses}
    Clause.objects.filter(pk__in=[row for row in rows if row not in kept]).delete()
    for clause in clauses:
        clause.rule = rule
        if clause.pk in rows:
            clause.save(force_update=True)
    Clause.objects.bulk_create([clause for clause in clauses if clause.pk not in rows])
