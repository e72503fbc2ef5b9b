"""Publishing a rule set: looking whether it sells below cost, sealing it, and putting it in force for a reason.

Rolling back is publishing an earlier version again; an experiment seals a set without publishing it.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from psycopg import sql

from diamondhub.alerts.outbox import announce
from diamondhub.audit.acting import acting
from diamondhub.database import psycopg_cursor
from diamondhub.webhooks.events import EventKind
from diamondhub.webhooks.outbox import emit
from pricing import reprice
from pricing.compile import Pricing, compile_set
from pricing.errors import AlreadyPublished, ReasonMissing, SellsBelowCost, StaleDraft
from pricing.in_force import day_of, with_rules
from pricing.models import RULE_SET_STATES, Repricing, RuleSet


def stones_below_cost(rule_set: RuleSet) -> int:
    """The number of diamonds of the catalogue that the set would sell for less than they cost, today.

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
        emit(
            EventKind.RULE_SET_PUBLISHED,
            {"rule_set": rule_set.version, "before": before.version if before else None, "repricing": repricing.pk},
        )
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
