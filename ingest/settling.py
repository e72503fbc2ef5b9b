"""Settling: what a run does when no partition is left to walk.

All completed: a full run asks by id for the stones it was not shown, then the run consolidates. Some failed: it waits for
retries, then consolidates what it has, or fails if that is too little. All of it is read from rows; nothing is counted.
What is too little, too much or suspicious is decided in `ingest.brakes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from diamondhub import leases
from diamondhub.doorbells import ring
from ingest import brakes, consolidation, delisting, renumbering, review, review_stones
from ingest.cost_sample import CostSample, sample_costs
from ingest.ending import fail_run
from ingest.feeds.adapters import adapter_of
from ingest.models import Partition, Run
from ingest.problems import runs as run_problems
from ingest.transitions import transition

log = structlog.get_logger(__name__)

#: How long a run that waits for other workers rests between looks (seconds); partitions ring it when they end.
LOOK_AGAIN = 2.0


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
    if "renumbered" in run.decisions:
        with transaction.atomic():
            leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
            renumbering.carry_out(run)
    elif run.kind == Run.Kind.FULL and (pressing := brakes.pressing(run, brakes.renumbering_brake(run))):
        _hold(run, lease, pressing)
        return None
    if partitions.failed:
        if why := brakes.too_little(run):
            fail_run(run, why)
            return None
        waited = _waited_since(run, lease)
        of_feed = run.feed.partial_delay_seconds
        delay: float = settings.PARTIAL_DELAY_SECONDS if of_feed is None else of_feed
        if waited < delay:
            return delay - waited
    elif run.kind == Run.Kind.FULL and not run.suspect and _look(run, lease):
        return None
    costs = sample_costs(run)
    if pressing := brakes.pressing(run, [*brakes.first_day_brake(run), *brakes.median_brake(run, costs)]):
        _hold(run, lease, pressing, costs)
        return None
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        batches = consolidation.cut_batches(run)
        transition(run, Run.State.CONSOLIDATING, reason=f"{batches} batches")
        ring("ingest.tasks.consolidate", run.pk, times=min(batches, 2))
    return None


def _hold(run: Run, lease: leases.Lease, pressing: list[brakes.Brake], costs: CostSample | None = None) -> None:
    shown = review.of(run, pressing, costs=costs)
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        brakes.hold(run, pressing, shown)


def _waited_since(run: Run, lease: leases.Lease) -> float:
    settled = run.events.filter(to_state=Run.State.SETTLING).exclude(from_state=Run.State.IN_REVIEW).latest("id")
    return (lease.granted_at - settled.at).total_seconds()


def _look(run: Run, lease: leases.Lease) -> bool:
    """Have a full run that is complete look for itself at what no page showed; True if it goes on ingesting for that.

    A stone that changed just before the run or under it, or is on hold, is shown by no page though it is there: whatever
    their number, such stones are asked for by id before anything is held against the run.
    """
    adapter = adapter_of(run.feed)
    if run.partitions.filter(kind=Partition.Kind.CONFIRM).exists():
        if brakes.answers_are_old(run) and (stones := delisting.unseen_stones(run)):
            return _ask(run, lease, stones, "stones that are to be delisted are asked for again")
        _suspect(run, brakes.suspicion_after_asking(run))
        return False
    if why := brakes.unaccounted(run):
        _suspect(run, why)
        return False
    unseen = delisting.unseen_stones(run)
    if not unseen or not adapter.answers_by_id:
        _suspect(run, brakes.shrunk(run))
        return False
    stones = brakes.stones_to_ask_for(run, unseen, page_limit=adapter.page_limit)
    of_all = "" if len(stones) == len(unseen) else f"of {len(unseen)} "
    return _ask(run, lease, stones, f"{of_all}stones that no page showed are asked for by id")


def _ask(run: Run, lease: leases.Lease, stones: list[str], what: str) -> bool:
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        partitions = delisting.ask_for(run, stones)
        transition(run, Run.State.INGESTING, reason=f"{len(stones)} {what}")
        ring("ingest.tasks.walk", run.pk, times=min(partitions, settings.WALKERS))
    return True


def _suspect(run: Run, why: str) -> None:
    """Mark the run if there is a reason: it will consolidate what it has, but neither delist nor move the watermark."""
    if not why:
        return
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(suspect=why)
        run.suspect = why
        run_problems.suspect(run, why)
        if run.kind == Run.Kind.FULL:
            review_stones.keep_unseen(run, review_stones.SUSPECT)
    log.warning("run_suspect", why=why)
