"""The life of a rule set: copied into a draft, edited, published for a reason, and published again when one rolls back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from django.db import connection, transaction
from django.db.models import F, Max
from django.db.models.functions import Now
from django.utils import timezone
from psycopg import sql

from diamondhub.alerts.outbox import announce
from diamondhub.audit.acting import acting
from diamondhub.database import psycopg_cursor
from pricing import reprice
from pricing.compile import Pricing, compile_set
from pricing.errors import AlreadyPublished, NotADraft, ReasonMissing, SellsBelowCost, StaleDraft
from pricing.models import RULE_SET_STATES, Clause, Repricing, Rule, RuleSet
from pricing.models.limits import MOST_NUMBER
from pricing.publish import day_of, published_rule_set, with_rules

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
    behind = range(max(used, default=0) + 1, MOST_NUMBER + 1)
    return (number for number in chain(behind, range(1, MOST_NUMBER + 1)) if number not in used)


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


def stones_below_cost(rule_set: RuleSet) -> int:
    """How many diamonds of the catalogue the set would sell for less than they cost, today.

    Stones that a running experiment prices count as well: they are the set's when that ends.
    """
    pricing = Pricing(rule_set, day_of(timezone.now()))
    with psycopg_cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT count(*) FROM {rows} WHERE {price} < d.cost_cents").format(
                rows=pricing.rows(
                    sql.SQL("(SELECT * FROM catalog_diamond WHERE availability <> 'delisted')"),
                    "d",
                    kept=("cost_cents",),
                ),
                price=pricing.columns("d")["price_cents"],
            )
        )
        row = cursor.fetchone()
    assert isinstance(row, tuple)
    return int(row[0])


def publish(
    rule_set_id: int,
    *,
    actor: str,
    reason: str,
    below_cost_confirmed: bool = False,
    revision: int | None = None,
    replaces: int | None = None,
) -> Repricing:
    """Put a draft in force, or an earlier version again, and start the repricing that follows.

    Everything in one transaction: the set in force is retired, this one is compiled, sealed and published. With `revision`,
    only the draft as it was read then; with `replaces`, only while that version is in force. Raises `ReasonMissing`,
    `AlreadyPublished`, `StaleDraft`, or `SellsBelowCost` unless that was confirmed.
    """
    if not reason.strip():
        raise ReasonMissing
    with acting(actor, reason=reason), transaction.atomic():
        with connection.cursor() as cursor:
            # Of two who publish at once, the second must see what the first has put in force, to retire it.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pricing_publish'))")
        # No key: a repricing that is just beginning refers to the row, and this one waits for that below.
        rule_set = with_rules(RuleSet.objects.select_for_update(no_key=True).filter(pk=rule_set_id)).get()
        if rule_set.state == RuleSet.State.PUBLISHED:
            raise AlreadyPublished(f"rule set {rule_set.version} is in force already")
        if revision is not None and rule_set.revision != revision:
            raise StaleDraft(f"somebody has changed draft {rule_set.version} since you looked at it: look again")
        before = RuleSet.objects.select_for_update(no_key=True).filter(state=RuleSet.State.PUBLISHED).first()
        if replaces is not None and before is not None and before.version != replaces:
            raise StaleDraft(
                f"version {before.version} has been put in force since you looked: look again at what changes against it"
            )
        if rule_set.compiled is None:
            rule_set.compiled = compile_set(rule_set)
        below = 0 if below_cost_confirmed else stones_below_cost(rule_set)
        if below:
            raise SellsBelowCost(below)
        again = rule_set.state == RuleSet.State.RETIRED
        if before is not None:
            RULE_SET_STATES.move(before, RuleSet.State.RETIRED)
        compiled = {} if again else {"compiled": rule_set.compiled}
        RULE_SET_STATES.move(
            rule_set,
            RuleSet.State.PUBLISHED,
            published_by=actor[:150],
            published_at=Now(),
            published_reason=reason[:500],
            **compiled,
        )
        what = f"rule set {rule_set.version} is {'published again' if again else 'published'}"
        repricing = reprice.start(cause=what, actor=actor)
        announce(
            dedupe_key=f"repricing:{repricing.pk}:published",
            kind="rule_set_published",
            severity="info",
            subject=f"{what[0].upper()}{what[1:]} by {actor}: {reason}",
            details={"version": rule_set.version, "before": before.version if before else None, "reason": reason},
            trace_id=repricing.trace_id,
        )
    return repricing


def seal(rule_set_id: int) -> RuleSet:
    """Make a draft immutable without publishing it, for an experiment; a set that is sealed already stays as it is."""
    with transaction.atomic():
        rule_set = with_rules(RuleSet.objects.select_for_update(no_key=True).filter(pk=rule_set_id)).get()
        if rule_set.is_draft:
            RULE_SET_STATES.move(rule_set, RuleSet.State.RETIRED, compiled=compile_set(rule_set))
    return rule_set
