"""The life of a rule set: copied into a draft, edited, published for a reason, and published again when one rolls back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from django.db import connection, transaction
from django.db.models import F, Max

from diamondhub.audit.acting import acting
from pricing.errors import NotADraft, StaleDraft
from pricing.in_force import published_rule_set, with_rules
from pricing.models import Clause, Rule, RuleSet
from pricing.models.limits import MAX_NUMBER

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
