"""Planning a run: its window by the supplier's clock, the partitions it is cut into, and what that took.

Called by `ingest.runs` for a run that is planning. Counts are kept on the run as they come in, so that a planner that
takes over from a dead one does not ask again; `ingest.planning.cutting` decides where to cut.
"""

from __future__ import annotations

import random
from datetime import timedelta
from time import monotonic

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.doorbells import ring
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import brakes, ending, price_meanings, raw_store, resting, retries, rows_of_lists
from ingest.errors import IngestError, Paused, SupplierError, ThrottledBySupplier, TransientSupplierError
from ingest.feeds.adapter import Adapter, StoneQuery
from ingest.feeds.adapters import adapter_of
from ingest.feeds.verdicts import SupplierAsks
from ingest.feeds.ways import FeedWays
from ingest.models import Feed, Partition, Run
from ingest.models.plan import Counting, RunPlan
from ingest.planning.counting import Counter
from ingest.planning.cutting import make_plan
from ingest.planning.density import Density, known_density
from ingest.planning.plans import Plan
from ingest.transitions import transition

log = structlog.get_logger(__name__)

#: Failures in a row that planning survives.
ERROR_BUDGET = 6
#: Counts older than this are forgotten with their window: stones have moved (seconds).
COUNTS_KEEP_SECONDS = 1800.0
#: Counts are written to the run no more often than this (seconds); a killed planner loses no more of them.
KEEP_EVERY_SECONDS = 1.0


def window_of(run: Run, adapter: Adapter) -> StoneQuery:
    """The run's window by the supplier's clock: its end a lag before now; incremental ones start before the watermark."""
    feed = run.feed
    until = adapter.server_time() - timedelta(seconds=feed.window_lag_seconds)
    if run.kind == Run.Kind.FULL:
        return StoneQuery(window_to=until, available_only=True)
    assert feed.watermark is not None
    start = feed.watermark - timedelta(seconds=feed.overlap_seconds)
    return StoneQuery(window_from=start, window_to=max(until, start), available_only=False)


def learned_from(feed: Feed) -> tuple[Density | None, bool]:
    """The lesson of the last full run for the next one: the density of its stones, and whether ranges had to share ends."""
    last = Run.objects.filter(feed=feed, kind=Run.Kind.FULL, state=Run.State.COMPLETED).order_by("-id").first()
    if last is None:
        return None, False
    # Ten points a partition are enough to cut between the partitions of last time.
    steps = 10 * max(10, last.plan.partitions)
    return known_density(feed.slug, steps=steps), last.plan.shared_ends


class _Known:
    """The window and the counts of a run that is being planned, kept on the run until the plan replaces them."""

    def __init__(self, run: Run, lease: leases.Lease) -> None:
        self._run, self._lease = run, lease
        earlier = run.plan.counting
        kept = earlier is not None and lease.granted_at - earlier.began < timedelta(seconds=COUNTS_KEEP_SECONDS)
        # A planner that failed before it heard the supplier's time has no window to go on with.
        self._fresh = not kept or run.window_to is None
        self._counting = earlier if earlier is not None and kept else Counting(lease.granted_at)
        self._requests = run.plan.requests if kept else 0
        self._kept_at = monotonic()

    def window(self, adapter: Adapter) -> StoneQuery:
        """The run's window: as it was, if a planner before this one fixed it not long ago."""
        run = self._run
        if self._fresh:
            resting.go_on(run.feed)
            window = window_of(run, adapter)
            run.window_from, run.window_to = window.window_from, window.window_to
            # Asking for the time was a request, too.
            self._requests += 1
            self.keep()
        return StoneQuery(
            window_from=run.window_from, window_to=run.window_to, available_only=run.kind == Run.Kind.FULL
        )

    def counter(self, adapter: Adapter) -> Counter:
        """A counter that knows what is known, renews the lease, and has kept what it learns."""
        counter = Counter(
            adapter,
            known=self._counting.known,
            slow=self._counting.slow,
            spent=self._requests,
            ways=FeedWays(self._run.feed, self._lease.granted_at),
            before_request=self._before,
            after_request=lambda: self._after(counter),
        )
        return counter

    def _before(self) -> None:
        leases.renew(self._lease, seconds=settings.RUN_LEASE_SECONDS)
        resting.go_on(self._run.feed)

    def _after(self, counter: Counter) -> None:
        self._requests = counter.requests
        if monotonic() - self._kept_at >= KEEP_EVERY_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Write down what is known, if the lease still holds. Raises `LeaseLost`."""
        run, lease = self._run, self._lease
        run.plan = RunPlan(requests=self._requests, counting=self._counting)
        updated = Run.objects.filter(
            pk=run.pk, state=Run.State.PLANNING, lease_token=lease.token, lease_expires_at__isnull=False
        ).update(plan=run.plan, window_from=run.window_from, window_to=run.window_to)
        if not updated:
            raise leases.LeaseLost
        self._kept_at = monotonic()


def plan_run(run: Run, lease: leases.Lease) -> float | None:
    """Plan the run and let it ingest; returns None if it moved on, else seconds until planning is tried again.

    Raises `Paused`, with what was counted kept.
    """
    known = _Known(run, lease)
    try:
        try:
            window, plan = _make(run, lease, known)
        except (IngestError, WaitTooLong, LimiterUnavailable):
            known.keep()
            raise
        keep_plan(run, lease, window, plan)
    except leases.LeaseLost:
        return 0.0
    except (ThrottledBySupplier, WaitTooLong, LimiterUnavailable) as error:
        log.warning("planning_waits", reason=str(error))
        return random.uniform(1.0, 3.0)
    except Paused:
        raise
    except IngestError as error:
        return _planning_failed(run, error)
    return None


def _make(run: Run, lease: leases.Lease, known: _Known) -> tuple[StoneQuery, Plan]:
    adapter = adapter_of(run.feed)
    window = known.window(adapter)
    price_meanings.find_out(run, adapter)
    rows_of_lists.keep(run, adapter)
    density, shared_ends = None, False
    if run.kind == Run.Kind.FULL:
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        density, shared_ends = learned_from(run.feed)
    plan = make_plan(
        adapter,
        window,
        max_stones=run.feed.max_partition_stones,
        density=density,
        shared_ends=shared_ends,
        counter=known.counter(adapter),
    )
    return window, plan


def _planning_failed(run: Run, error: IngestError) -> float | None:
    failures = run.planning_failures + 1
    passes = isinstance(error, TransientSupplierError)
    if passes and failures < ERROR_BUDGET:
        Run.objects.filter(pk=run.pk).update(planning_failures=failures)
        wait = retries.pause_after(failures, share=0.5)
        log.warning("planning_failed", error=str(error), failures=failures, retry_in=round(wait, 1))
        return wait
    kind = error.kind if isinstance(error, SupplierError) else "configuration"
    why = str(error)
    if isinstance(error, SupplierAsks):
        price_meanings.ask(run, error)
        # Not everybody who sees runs may see what stones cost.
        why = error.question
    ending.fail_run(run, f"planning failed ({kind}): {why}")
    return None


def keep_plan(run: Run, lease: leases.Lease, window: StoneQuery, plan: Plan) -> None:
    """Write partitions, window and plan and move the run to ingesting, all at once or, if the lease is gone, not at all."""
    raw_store.make_days_ahead()
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        Partition.objects.bulk_create(
            Partition(
                run=run,
                ordinal=ordinal,
                price_from=piece.query.price_from,
                price_to=piece.query.price_to,
                carats_from=piece.query.carats_from,
                carats_to=piece.query.carats_to,
                shares_end=plan.shared_ends and piece.query.price_to is not None,
                offset_from=piece.offset_from,
                offset_to=piece.offset_to,
                next_offset=piece.offset_from,
                expected=piece.expected,
                due_at=Now(),
            )
            for ordinal, piece in enumerate(plan.slices)
        )
        # Where not all was counted, what was shown tells in the end (`ingest.settling`).
        suspect = "" if plan.uncounted else brakes.uncounted(total=plan.total, difference=plan.difference)
        transition(
            run,
            Run.State.INGESTING,
            window_from=window.window_from,
            window_to=window.window_to,
            suspect=suspect,
            plan=plan.kept(),
            crashes=0,
        )
        ring("ingest.tasks.walk", run.pk, times=min(len(plan.slices), settings.WALKERS))
    log.info(
        "run_planned",
        method=plan.method,
        stones=plan.total,
        partitions=len(plan.slices),
        largest=plan.largest,
        requests=plan.requests,
        uncounted=plan.uncounted,
    )
