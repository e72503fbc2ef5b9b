"""Settling: what a run does when no partition is left to walk.

All completed: a full run asks by id for the stones it was not shown, then the run consolidates. Some failed: it waits for
retries, then consolidates what it has, or fails if that is too little. All of it is read from rows; nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.alerts.outbox import announce
from diamondhub.database import release_connection
from diamondhub.doorbells import ring
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import brakes, consolidation, delisting
from ingest.ending import fail_run
from ingest.errors import SupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.registry import adapter_for
from ingest.models import Partition, Run
from ingest.planning.plans import TOLERATED_DIFFERENCE
from ingest.transitions import transition

log = structlog.get_logger(__name__)

#: A run with fewer of its partitions completed is not worth consolidating.
MIN_COMPLETED = 0.7
#: How long a run that waits for other workers rests between looks (seconds); partitions ring it when they end.
LOOK_AGAIN = 2.0
#: Stones asked for by id in one partition: 20 requests of 50.
CONFIRM_STONES = 1000


@dataclass(frozen=True, slots=True)
class Partitions:
    """How many of a run's partitions are in which state."""

    total: int
    ready: int
    completed: int
    failed: int


def partitions_of(run: Run) -> Partitions:
    """Count the run's partitions by state."""
    counts = run.partitions.aggregate(
        total=Count("id"),
        ready=Count("id", filter=Q(state=Partition.State.READY)),
        completed=Count("id", filter=Q(state=Partition.State.COMPLETED)),
        failed=Count("id", filter=Q(state=Partition.State.FAILED)),
    )
    return Partitions(**counts)


def ingesting(run: Run, _lease: leases.Lease) -> float | None:
    """Move on to settling once no partition is left to walk."""
    if partitions_of(run).ready:
        return LOOK_AGAIN
    transition(run, Run.State.SETTLING)
    return None


def settle(run: Run, lease: leases.Lease) -> float | None:
    """Decide what becomes of a run without open partitions; returns seconds to wait, or None if it moved on."""
    partitions = partitions_of(run)
    if partitions.ready:
        transition(run, Run.State.INGESTING, reason="partitions are open again")
        return None
    if partitions.failed:
        if _too_little(run):
            reasons = run.partitions.filter(state=Partition.State.FAILED).values_list("failure", flat=True).distinct()
            fail_run(
                run,
                f"only {partitions.completed} of {partitions.total} partitions completed: {'; '.join(reasons[:3])}"[
                    :900
                ],
            )
            return None
        waited = _waited_since(run, lease)
        of_feed = run.feed.partial_delay_seconds
        delay: float = settings.PARTIAL_DELAY_SECONDS if of_feed is None else of_feed
        if waited < delay:
            return delay - waited
    elif run.kind == Run.Kind.FULL and not run.suspect:
        why = delisting.shrunk(run) or _unaccounted(run)
        if why:
            _suspect(run, why)
        elif _ask_for_the_unseen(run):
            return None
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        if pressing := brakes.pressing(run, brakes.median_brake(run)):
            brakes.hold(run, pressing)
            return None
        batches = consolidation.cut_batches(run)
        transition(run, Run.State.CONSOLIDATING, reason=f"{batches} batches")
        ring("ingest.tasks.consolidate", run.pk, times=min(batches, 2))
    return None


def _too_little(run: Run) -> bool:
    """Whether too few of the ranges were read. Stones that could not be asked for by id are the less, not too little."""
    ranges = run.partitions.filter(kind=Partition.Kind.RANGE)
    return ranges.filter(state=Partition.State.COMPLETED).count() < MIN_COMPLETED * ranges.count()


def _unaccounted(run: Run) -> str:
    """Why stones may be missing that no partition was counted with; empty if all that there are were shown.

    Where planning could not afford to count every partition, what their counts lack may be in those that it guessed.
    """
    total, lacking = run.plan.total, run.plan.difference
    if not run.plan.uncounted or lacking <= TOLERATED_DIFFERENCE * total:
        return ""
    release_connection()
    try:
        (total,) = adapter_for(run.feed.adapter, run.feed.parameters).count(
            [StoneQuery(window_to=run.window_to, available_only=True)]
        )
    except (SupplierError, LimiterUnavailable, WaitTooLong) as error:
        # Then the first count stands.
        log.warning("window_not_counted_again", error=str(error))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT stone) FROM ingest_page, unnest(stone_ids) AS stone WHERE run_id = %s", [run.pk]
        )
        (shown,) = cursor.fetchone() or (0,)
    if total - shown <= TOLERATED_DIFFERENCE * total:
        return ""
    return f"the supplier counts {total} stones and showed {shown}"


def _waited_since(run: Run, lease: leases.Lease) -> float:
    settled = run.events.filter(to_state=Run.State.SETTLING).exclude(from_state=Run.State.IN_REVIEW).latest("id")
    return (lease.granted_at - settled.at).total_seconds()


def _suspect(run: Run, why: str) -> None:
    """Mark the run: it will consolidate what it has, but neither delist nor move the watermark."""
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(suspect=why)
        run.suspect = why
        announce(
            dedupe_key=f"run:{run.pk}:suspect",
            kind="run_suspect",
            severity="critical",
            subject=f"Run {run.pk} of {run.feed.slug} is suspect: {why}",
            trace_id=run.trace_id,
        )
    log.warning("run_suspect", why=why)


def _ask_for_the_unseen(run: Run) -> bool:
    """Have the stones that no page showed asked for by id, once; True if there are any.

    A stone that changed while the run was under way, or is on hold, is not shown by the run though it is there.
    """
    if run.partitions.filter(kind=Partition.Kind.CONFIRM).exists():
        return False
    unseen = delisting.unseen_stones(run)
    if not unseen or delisting.brake(run, len(unseen)):
        return False
    with transaction.atomic():
        Partition.objects.bulk_create(
            Partition(
                run=run,
                kind=Partition.Kind.CONFIRM,
                ordinal=ordinal,
                stone_ids=unseen[first : first + CONFIRM_STONES],
                expected=len(unseen[first : first + CONFIRM_STONES]),
                due_at=Now(),
            )
            for ordinal, first in enumerate(range(0, len(unseen), CONFIRM_STONES))
        )
        transition(run, Run.State.INGESTING, reason=f"{len(unseen)} stones that no page showed are asked for by id")
        ring("ingest.tasks.walk", run.pk, times=min(-(-len(unseen) // CONFIRM_STONES), settings.WALKERS))
    return True
