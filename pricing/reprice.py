"""Repricing: every diamond priced anew, by whom and for what cause whatsoever, as a job that outlives its workers.

`start` cuts the diamonds into batches by their ids; workers lease these (`pricing.batches`), and the last batch finishes the
job. Who starts one while another is live supersedes that.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Now
from psycopg import sql
from psycopg.errors import DeadlockDetected

from catalog.changes import log as log_of_changes
from diamondhub import leases
from diamondhub.alerts.outbox import announce
from diamondhub.database import clock
from diamondhub.doorbells import ring
from diamondhub.operations.problems import tracking
from pricing import batches
from pricing.compile import Pricing
from pricing.errors import NoSuchRepricing, ReasonMissing, RepricingOver
from pricing.history import CHANGES
from pricing.in_force import current_pricing
from pricing.models import REPRICING_STATES, Repricing, RepricingBatch, Rule, RuleSet

log = structlog.get_logger(__name__)

#: A worker looks for a new doorbell after this long, so that it can be told to stop (seconds).
SLICE_SECONDS = 20.0
#: Attempts in vain at a batch after which somebody is told.
ATTEMPTS_TO_TELL = 5
#: A transaction that publishes takes no longer; whoever began while it was under way may have missed it.
COMMIT_LAG = timedelta(minutes=5)


def start(*, cause: str, actor: str) -> Repricing:
    """Begin to price everything by what is in force now; a live repricing is superseded.

    Part of the caller's transaction, if there is one: whoever changes what prices stones starts one in the same transaction.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two at once: the second supersedes the first. Who prices by `held_pricing` commits before this goes on.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pricing_repricing'))")
        # Before the rows below: a batch that waits for these may have written to the piece that is moved.
        CHANGES.make_ahead()
        pricing = current_pricing(clock())
        for live in Repricing.objects.select_for_update(no_key=True).filter(state=Repricing.State.READY):
            _cancel(live, actor=actor, reason=f"superseded: {cause}"[:500])
        repricing = Repricing.objects.create(
            rule_set=pricing.rule_set,
            experiment=pricing.experiment,
            as_of=pricing.as_of,
            cause=cause[:200],
            started_by=actor[:150],
            trace_id=uuid.uuid4().hex,
        )
        batches.begin(repricing)
        ring("pricing.tasks.reprice", repricing.pk)
    log.info("repricing_started", repricing_id=repricing.pk, cause=cause, actor=actor)
    return repricing


def follow(pricing: Pricing, *, since: datetime, cause: str, actor: str) -> Repricing | None:
    """Start a repricing if the pricing by which stones have been priced `since` then was overtaken; else None.

    Whatever changes prices starts a repricing, so one by another pricing says so. To be called when what was priced is
    committed: of a repricing that begins after that look no stone is hidden.
    """
    sets = [pricing.rule_set, *([pricing.experiment.rule_set] if pricing.experiment else [])]
    same = Q(rule_set=pricing.rule_set)
    same &= Q(experiment=pricing.experiment) if pricing.experiment else Q(experiment__isnull=True)
    if _has_days(sets):
        same &= Q(as_of=pricing.as_of)
    if not Repricing.objects.filter(created_at__gt=since - COMMIT_LAG).exclude(same).exists():
        return None
    return start(cause=cause, actor=actor)


def _has_days(rule_sets: Sequence[RuleSet]) -> bool:
    days = Q(valid_from__isnull=False) | Q(valid_to__isnull=False)
    return Rule.objects.filter(days, rule_set__in=rule_sets).exists()


def work(repricing_id: int, *, seconds: float = SLICE_SECONDS) -> None:
    """Do batches of a repricing until none is free or the time slice is over; whoever ends the last one finishes the job."""
    live = Repricing.objects.select_related("rule_set", "experiment__rule_set").filter(state=Repricing.State.READY)
    repricing = live.filter(pk=repricing_id).first()
    if repricing is None:
        return
    pricing = batches.pricing_of(repricing)
    end = monotonic() + seconds
    with structlog.contextvars.bound_contextvars(trace_id=repricing.trace_id, repricing_id=repricing.pk):
        while monotonic() < end:
            lease = leases.claim(
                RepricingBatch,
                where=sql.SQL(
                    "t.repricing_id = %(repricing)s AND t.state = 'ready' "
                    "AND EXISTS (SELECT FROM pricing_repricing AS job WHERE job.id = %(repricing)s AND job.state = 'ready')"
                ),
                parameters={"repricing": repricing_id},
                order_by=sql.SQL("t.id"),
                seconds=batches.LEASE_SECONDS,
            )
            if lease is None:
                finish(repricing_id)
                return
            try:
                batches.do(lease, pricing)
            except leases.LeaseLost:
                log.info("lease_lost", batch_id=lease.pk)
            except (InterfaceError, OperationalError) as error:
                circle = isinstance(error.__cause__, DeadlockDetected)
                said = str(error).strip().splitlines()[0]
                if circle:
                    log.warning("batch_waited_in_a_circle", batch_id=lease.pk, error=said)
                else:
                    log.warning("database_away", batch_id=lease.pk, error=said)
                leases.give_back_when_possible(lease)
                if not circle:
                    return
            except Exception as error:
                # Whatever it is, it must not stop the other batches; somebody is told if it does not pass.
                log.exception("repricing_batch_failed", batch_id=lease.pk)
                _failed(lease, error)
    ring("pricing.tasks.reprice", repricing_id)


def _failed(lease: leases.Lease, error: Exception) -> None:
    said = f"{type(error).__name__}: {error}"
    batch = RepricingBatch.objects.get(pk=lease.pk)
    with transaction.atomic():
        RepricingBatch.objects.filter(pk=lease.pk, lease_token=lease.token).update(last_error=said)
        if batch.attempts == ATTEMPTS_TO_TELL:
            tracking.occurred(
                "repricing-failing",
                f"repricing:{batch.repricing_id}",
                subject=f"Repricing {batch.repricing_id} does not get on: batch {batch.ordinal}: {said}",
                details={"repricing": batch.repricing_id, "batch": batch.ordinal, "error": said},
            )
    leases.give_back(lease, due_in=settings.RETRY_BASE_SECONDS)


def finish(repricing_id: int) -> bool:
    """End a repricing whose batches are all done, with a new dataset version if anything changed; True if it is over."""
    with transaction.atomic():
        repricing = Repricing.objects.select_for_update(no_key=True).filter(pk=repricing_id).first()
        if repricing is None or repricing.state != Repricing.State.READY:
            return True
        if repricing.batches.filter(state=RepricingBatch.State.READY).exists():
            return False
        done = totals(repricing)
        # All batches are committed, so that the newest version has what they changed.
        version = log_of_changes.current().number if done["changed"] else None
        REPRICING_STATES.move(repricing, Repricing.State.COMPLETED, finished_at=Now(), dataset_version=version)
        announce(
            dedupe_key=f"repricing:{repricing.pk}:completed",
            kind="repricing_completed",
            severity="info",
            subject=f"Repricing {repricing.pk} changed {done['repriced']:,} of {done['stones']:,} prices: {repricing.cause}",
            details=done,
            trace_id=repricing.trace_id,
        )
        tracking.resolve("repricing-failing", f"repricing:{repricing.pk}", why="the repricing is completed")
    log.info("repricing_completed", **done)
    return True


def cancel(repricing_id: int, *, actor: str, reason: str) -> Repricing:
    """Stop a repricing: batches that are done stay done. Raises `NoSuchRepricing`, `RepricingOver`, `ReasonMissing`."""
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        repricing = Repricing.objects.select_for_update(no_key=True).filter(pk=repricing_id).first()
        if repricing is None:
            raise NoSuchRepricing(f"there is no repricing {repricing_id}")
        if repricing.state != Repricing.State.READY:
            raise RepricingOver(f"repricing {repricing_id} is {repricing.state} already")
        _cancel(repricing, actor=actor, reason=reason)
    return repricing


def _cancel(repricing: Repricing, *, actor: str, reason: str) -> None:
    """Cancel a repricing whose row the caller has locked: no batch ends meanwhile, and no survey adds any."""
    # Held by a worker: it finds its lease gone.
    RepricingBatch.objects.filter(repricing=repricing, state=RepricingBatch.State.READY).update(
        lease_token=F("lease_token") + 1, lease_expires_at=None, due_at=None
    )
    changed = totals(repricing)["changed"]
    REPRICING_STATES.move(
        repricing,
        Repricing.State.CANCELLED,
        finished_at=Now(),
        cancelled_by=actor[:150],
        cancelled_reason=reason[:500],
        dataset_version=log_of_changes.current().number if changed else None,
    )
    tracking.resolve("repricing-failing", f"repricing:{repricing.pk}", why=f"{actor} cancelled the repricing: {reason}")
    log.info("repricing_cancelled", repricing_id=repricing.pk, actor=actor, reason=reason)


def totals(repricing: Repricing) -> dict[str, int]:
    """Batches and those done; of these diamonds looked at, written, and with another price than before."""
    return {
        name: number or 0
        for name, number in repricing.batches.aggregate(
            batches=Count("pk"),
            done=Count("pk", filter=Q(state=RepricingBatch.State.COMPLETED)),
            stones=Sum("stones"),
            changed=Sum("changed"),
            repriced=Sum("repriced"),
        ).items()
    }


def report(repricing: Repricing) -> dict[str, Any]:
    """A repricing with its progress, for `--json` and the API."""
    return {**summary(repricing), **totals(repricing)}


def summary(repricing: Repricing) -> dict[str, Any]:
    """A repricing without its progress."""
    return {
        "repricing": repricing.pk,
        "state": repricing.state,
        "rule_set": repricing.rule_set.version,
        "experiment": repricing.experiment.slug if repricing.experiment else None,
        "as_of": repricing.as_of.isoformat(),
        "cause": repricing.cause,
        "started_by": repricing.started_by,
        "created_at": repricing.created_at.isoformat(),
        "finished_at": repricing.finished_at.isoformat() if repricing.finished_at else None,
        "cancelled_by": repricing.cancelled_by,
        "cancelled_reason": repricing.cancelled_reason,
        "dataset_version": repricing.dataset_version,
    }


def ring_due() -> None:
    """The sweep's look: a repricing that nobody works at is taken up, and a day on which rules begin or end starts one."""
    live = Repricing.objects.filter(state=Repricing.State.READY).first()
    if live is not None:
        free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
        open_batches = live.batches.filter(state=RepricingBatch.State.READY)
        if not open_batches.exists() or open_batches.filter(free, due_at__lte=Now()).exists():
            ring("pricing.tasks.reprice", live.pk)
    start_on_days()


def start_on_days() -> Repricing | None:
    """Start a repricing if rules have begun or ceased to be valid since the last one."""
    pricing = current_pricing(clock())
    sets = [pricing.rule_set, *([pricing.experiment.rule_set] if pricing.experiment else [])]
    last = Repricing.objects.exclude(state=Repricing.State.CANCELLED).order_by("-pk").first()
    published = pricing.rule_set.published_at
    since = last.as_of if last else published.date() if published else None
    if since is None or since >= pricing.as_of:
        return None
    begun = Q(valid_from__gt=since, valid_from__lte=pricing.as_of)
    ceased = Q(valid_to__gte=since, valid_to__lt=pricing.as_of)
    if not Rule.objects.filter(begun | ceased, rule_set__in=sets, active=True).exists():
        return None
    return start(cause=f"rules begin or end by {pricing.as_of}", actor="schedule")
