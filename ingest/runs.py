"""The run's state machine: starting, moving on, retrying, approving and cancelling runs.

`advance` takes a run as far as its rows allow. Doorbells ring it when something happened; the sweep rings it anyway.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Now
from django.utils import timezone

from diamondhub import leases
from diamondhub.audit.acting import acting
from diamondhub.doorbells import ring
from diamondhub.telemetry import tracing
from ingest import brakes, consolidation, ending, finishing, renumbering, resting, settling
from ingest.draining import Draining, holding
from ingest.errors import IngestError, Paused
from ingest.feeds.adapters import adapter_of
from ingest.models import Feed, Partition, Run
from ingest.models.run import LIVE_STATES
from ingest.planning import stage as planning
from ingest.problems import runs as run_problems
from ingest.transitions import transition
from pricing.in_force import current_pricing

log = structlog.get_logger(__name__)

#: Unforeseen exceptions of a run's stages after which the run fails.
CRASH_BUDGET = 5
#: A run that consolidates, and would ask a supplier's account that rests, looks again after this (seconds).
ASK_AGAIN_SECONDS = 5.0
#: The lease of a run that a person moves is taken from its worker: what that worker found out is about another state.
_TAKEN_AWAY = {"lease_expires_at": None, "lease_owner": ""}


class UnknownFeed(IngestError):
    """There is no such feed."""


class FeedDisabled(IngestError):
    """The feed is disabled: enable it in the admin first."""


class FeedPaused(IngestError):
    """The feed is paused, or what it needs: it starts no runs until that ends."""


class LiveRunExists(IngestError):
    """The feed has a live run already."""

    def __init__(self, message: str | None = None, *, run: Run | None = None) -> None:
        super().__init__(message)
        #: The live run, if it is known which.
        self.run = run


class NoWatermark(IngestError):
    """An incremental run needs a watermark, and the feed has none yet: start a full run first."""


class NothingToDo(IngestError):
    """The run has nothing of the kind that was asked for."""


class NoSuchRun(NothingToDo):
    """There is no such run."""


class HeldOtherwise(IngestError):
    """The run is held by other brakes than those that were seen."""


class Undecided(IngestError):
    """Stones have new stock numbers and old certificates: say whether they are the `same` stones or `new` ones."""


class ReasonMissing(IngestError):
    """Say why: the reason is kept with the run."""


def find_feed(slug: str) -> Feed:
    """The feed with this slug. Raises `UnknownFeed`, which names the known feeds."""
    feed = Feed.objects.filter(slug=slug).first()
    if feed is None:
        known = ", ".join(Feed.objects.values_list("slug", flat=True)) or "none"
        raise UnknownFeed(f"there is no feed {slug!r}; known feeds: {known}")
    return feed


def find_run(pk: int) -> Run:
    """The run with this number. Raises `NoSuchRun`."""
    run = Run.objects.select_related("feed").filter(pk=pk).first()
    if run is None:
        raise NoSuchRun(f"there is no run {pk}")
    return run


def start_run(slug: str, *, kind: str, started_by: str, reason: str = "") -> Run:
    """Create a run and ring for its planning.

    Raises `UnknownFeed`, `FeedDisabled`, `FeedPaused`, `NoWatermark`, `LiveRunExists`, or the adapter's own `IngestError` if
    the supplier account is not configured. Whether a live run exists is decided by the database's unique index.
    """
    feed = find_feed(slug)
    if not feed.enabled:
        raise FeedDisabled(f"feed {slug} is disabled: enable it in the admin first")
    if (pause := resting.in_force().asking(feed)) is not None:
        raise FeedPaused(f"{pause.sentence}; resume it, or wait until then")
    if kind == Run.Kind.INCREMENTAL and feed.watermark is None:
        raise NoWatermark(f"feed {slug} has no watermark yet: start a full run first")
    adapter = adapter_of(feed)
    pricing = current_pricing(timezone.now())
    try:
        with acting(reason=reason), transaction.atomic():
            run = Run.objects.create(
                feed=feed,
                kind=kind,
                trace_id=uuid.uuid4().hex,
                started_by=started_by,
                reason=reason,
                query_version=adapter.query_version,
                mapper_version=adapter.mapper_version,
                rule_set=pricing.rule_set.version,
                experiment=pricing.experiment,
                due_at=Now(),
            )
            run.events.create(to_state=run.state, actor=started_by, reason=reason, at=Now())
            ring("ingest.tasks.advance", run.pk)
    except IntegrityError as error:
        live = Run.objects.filter(feed=feed, state__in=LIVE_STATES).first()
        if live is None:
            raise
        raise LiveRunExists(
            f"feed {slug} has a live run already: run {live.pk}, {live.state}; watch it with `watch_run {live.pk}` "
            f"or end it with `cancel_run {live.pk}`",
            run=live,
        ) from error
    return Run.objects.select_related("feed").get(pk=run.pk)


def start_again(run_id: int, *, started_by: str, reason: str = "") -> Run:
    """Start a new run of the same feed and kind as a run that has ended, from the feed's watermark as it is now.

    Raises what `start_run` does, and `NoSuchRun`.
    """
    ended = find_run(run_id)
    if ended.live:
        raise LiveRunExists(f"run {run_id} is {ended.state}: it can be started again when it has ended", run=ended)
    again = reason or f"run {run_id}, which is {ended.state}, again"
    return start_run(ended.feed.slug, kind=ended.kind, started_by=started_by, reason=again)


def advance(run_id: int) -> None:
    """Take the run through every stage that is over.

    Does nothing while another worker has its lease, it is not due, or a pause has it rest.
    """
    while True:
        run = Run.objects.select_related("feed").filter(pk=run_id, state__in=LIVE_STATES).first()
        if run is None or run.state == Run.State.IN_REVIEW or resting.in_force().stopping(run):
            return
        lease = leases.claim_one(Run, run.pk, state=run.state, seconds=settings.RUN_LEASE_SECONDS)
        if lease is None:
            return
        with structlog.contextvars.bound_contextvars(trace_id=run.trace_id, run_id=run.pk, feed=run.feed.slug):
            try:
                # The lease is short and renewed: a step may take minutes, a dead worker must not block the run for as long.
                with (
                    holding(lease),
                    leases.heartbeat(lease, seconds=settings.RUN_LEASE_SECONDS),
                    tracing.of_row(
                        f"run {run.state}",
                        run.trace_id,
                        # A stage looks again and again at what it waits for.
                        when=tracing.keeps_attempt(run.attempts),
                        run_id=run.pk,
                        feed=run.feed.slug,
                        attempt=run.attempts,
                    ),
                ):
                    wait = _step(run, lease)
            except Draining:
                log.info("run_put_down", state=run.state)
                leases.give_back(lease)
                return
            except Paused as error:
                log.info("run_paused", state=run.state, reason=str(error))
                # One that rests is rung for at the end; one that only wanted to ask goes on looking.
                leases.give_back(lease, due_in=0.0 if resting.in_force().stopping(run) else ASK_AGAIN_SECONDS)
                return
            except leases.LeaseLost:
                log.info("lease_lost")
                return
        leases.give_back(lease, due_in=wait or 0.0)
        if wait is not None:
            return


def _step(run: Run, lease: leases.Lease) -> float | None:
    """Take the step of the run's state. An unforeseen exception is tried again, and fails the run after `CRASH_BUDGET`."""
    try:
        return _STEPS[run.state](run, lease)
    except (leases.LeaseLost, Draining, Paused, InterfaceError, OperationalError):
        raise
    except Exception as error:
        # Read anew: the step may have changed its state before it broke.
        run.refresh_from_db(fields=["crashes", "state"])
        crashes = run.crashes + 1
        log.exception("run_step_crashed", state=run.state, crashes=crashes)
        if crashes >= CRASH_BUDGET and run.live:
            ending.fail_run(run, f"{run.state} broke down {crashes} times: {type(error).__name__}: {error}"[:900])
            return None
        Run.objects.filter(pk=run.pk).update(crashes=crashes)
        return float(min(60, 2**crashes))


#: The step of each state. It returns None if the run moved on, else the seconds until the next look.
_STEPS: dict[str, Callable[[Run, leases.Lease], float | None]] = {
    Run.State.PLANNING: planning.plan_run,
    Run.State.INGESTING: settling.ingesting,
    Run.State.SETTLING: settling.settle,
    Run.State.CONSOLIDATING: finishing.finish,
}


def cancel_run(run_id: int, *, actor: str, reason: str = "") -> Run:
    """Cancel a live run: its open partitions and batches are cancelled with it, workers stop at their next write.

    Consolidated stones stay, priced by the rules in force; the watermark does not move. Raises `NothingToDo` if not live.
    """
    run = find_run(run_id)
    with acting(actor, reason=reason), transaction.atomic():
        if not run.live or not transition(
            run, Run.State.CANCELLED, actor=actor, reason=reason, finished_at=Now(), due_at=None, **_TAKEN_AWAY
        ):
            raise NothingToDo(f"run {run_id} is {find_run(run_id).state}, there is nothing to cancel")
        close_open_work(run)
        ending.follow(run)
        run_problems.cancelled(run, actor=actor, reason=reason)
    return run


def close_open_work(run: Run) -> None:
    """Cancel every partition and batch of the run that is still open, leases included."""
    over = {"state": "cancelled", "lease_expires_at": None, "lease_owner": "", "due_at": None}
    run.partitions.filter(state="ready").update(**over)
    run.batches.filter(state="ready").update(**over)


def retry_partitions(
    run_id: int, *, actor: str, reason: str = "", partitions: Collection[int] | None = None, dry_run: bool = False
) -> list[Partition]:
    """Make the failed partitions of a run ready again, at their offsets, or only those of these ids; returns them.

    A run that failed or completed without them goes on ingesting; their stones are consolidated as a delta. Raises
    `NothingToDo` if no partition failed or one that is asked for did not, `LiveRunExists` if another run of the feed is
    live.
    """
    run = find_run(run_id)
    chosen = run.partitions.filter(state=Partition.State.FAILED)
    if partitions is not None:
        chosen = chosen.filter(pk__in=partitions)
    failed = list(chosen.order_by("ordinal"))
    if not failed:
        raise NothingToDo(f"run {run_id} has no failed partitions")
    if partitions is not None and (others := sorted({*partitions} - {partition.pk for partition in failed})):
        raise NothingToDo(f"run {run_id} has no failed partition {others[0]}")
    _refuse_archived(run_id)
    if dry_run:
        return failed
    why = f"retry of {len(failed)} partitions{f': {reason}' if reason.strip() else ''}"[:500]
    try:
        with acting(actor, reason=why), transaction.atomic():
            if run.state in (Run.State.FAILED, Run.State.COMPLETED, Run.State.SETTLING):
                taken = transition(
                    run,
                    Run.State.INGESTING,
                    actor=actor,
                    reason=why,
                    retries=F("retries") + 1,
                    due_at=Now(),
                    **_TAKEN_AWAY,
                    failure="",
                    # The approval did not cover the stones that the retry will bring.
                    approved_by="",
                    approved={},
                    decisions={},
                    finished_at=None,
                )
            else:
                reading = Run.objects.filter(pk=run_id, state=Run.State.INGESTING)
                taken = reading.update(retries=F("retries") + 1) == 1
            if not taken:
                state = find_run(run_id).state
                raise NothingToDo(f"run {run_id} is {state}: its partitions can be retried when it has settled")
            # Checked again now that the row is locked: a pruning may have archived the run meanwhile.
            _refuse_archived(run_id)
            chosen.update(state=Partition.State.READY, due_at=Now(), errors=0, failure="")
            ring("ingest.tasks.walk", run.pk, times=min(len(failed), settings.WALKERS))
    except IntegrityError as error:
        raise LiveRunExists(f"feed {run.feed.slug} has another live run: retry when it is over") from error
    return failed


def _refuse_archived(run_id: int) -> None:
    if Run.objects.filter(pk=run_id, archived_at__isnull=False).exists():
        raise NothingToDo(f"run {run_id} is archived and its ledger gone: start a new run instead")


def approve_run(
    run_id: int, *, actor: str, reason: str, seen: Collection[str] | None = None, renumbered: str | None = None
) -> Run:
    """Let a run in review go on past the brakes that hold it, from where they stopped it; only past those `seen`, if given.

    Of a run that is held since stock numbers changed, `renumbered` says what the stones are (`ingest.renumbering.Decision`).
    Stones that it would delist are asked for by id again if that is long ago: they may be on sale by now.

    Raises `ReasonMissing`, `HeldOtherwise`, `Undecided`, or `NothingToDo` if it is not in review.
    """
    if not reason.strip():
        raise ReasonMissing
    run = find_run(run_id)
    if seen is not None and run.state == Run.State.IN_REVIEW and {*seen} != {*run.held}:
        raise HeldOtherwise(f"run {run_id} is held by {', '.join(sorted(run.held))}: look at its review again")
    decisions = _decided(run, renumbered)
    with acting(actor, reason=reason), transaction.atomic():
        stopped = run.events.filter(to_state=Run.State.IN_REVIEW).last()
        settling_again = (stopped and stopped.from_state == Run.State.SETTLING) or brakes.answers_are_old(run)
        back = Run.State.SETTLING if settling_again else Run.State.CONSOLIDATING
        approved = {**run.approved, **run.held}
        if run.state != Run.State.IN_REVIEW or not transition(
            run,
            back,
            actor=actor,
            reason=reason,
            approved_by=actor,
            approved=approved,
            decisions=decisions,
            held={},
            due_at=Now(),
        ):
            raise NothingToDo(f"run {run_id} is {find_run(run_id).state}, not in review")
        run_problems.approved(run, actor=actor, reason=reason)
        ring("ingest.tasks.advance", run.pk)
    return run


def _decided(run: Run, renumbered: str | None) -> dict[str, str]:
    """The run's decisions with this one; a decision is needed where it is asked for, and there alone. Raises `Undecided`."""
    if run.state != Run.State.IN_REVIEW:
        return dict(run.decisions)
    if "renumbered" not in run.held:
        if renumbered is not None:
            raise Undecided(f"run {run.pk} is not held since stock numbers changed: there is nothing to decide")
        return dict(run.decisions)
    if renumbered not in list(renumbering.Decision):
        raise Undecided
    return {**run.decisions, "renumbered": renumbered}


def ring_due() -> None:
    """Ring for live runs, free partitions and free batches that are due and do not rest; the sweep calls it."""
    rests = resting.in_force().resting(resting.live_runs())
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    due = Q(due_at__lte=Now()) & free
    for run in Run.objects.filter(due, state__in=LIVE_STATES).exclude(state=Run.State.IN_REVIEW):
        if run.pk not in rests:
            ring("ingest.tasks.advance", run.pk)
    working = due & ~Q(run__in=rests)
    _ring_for(Partition.objects.filter(working), "ingest.tasks.walk", settings.WALKERS)
    _ring_for(consolidation.open_batches().filter(working), "ingest.tasks.consolidate", 2)


def _ring_for(rows: Any, task: str, most: int) -> None:
    runs = rows.filter(state="ready", run__state__in=LIVE_STATES).values(pk=F("run_id")).annotate(n=Count("id"))
    for row in runs:
        ring(task, row["pk"], times=min(row["n"], most))
