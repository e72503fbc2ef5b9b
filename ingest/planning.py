"""Planning: cutting a run's window into partitions by asking the supplier for nothing but counts.

The window's end is taken from the supplier's clock. The price axis (whole dollars per carat, 0 and up, open-ended) is cut
at quantiles that are searched for all at once: each round asks, in as few requests as possible, for the count below one
guess per cut. Every partition is then counted once more, and the counts are held against that of the whole window.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from time import monotonic

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.doorbells import ring
from diamondhub.ratelimit.limiter import LimiterUnavailable, WaitTooLong
from ingest import failing, raw_store
from ingest.errors import IngestError, SupplierError, ThrottledBySupplier, TransientSupplierError
from ingest.feeds.adapter import Adapter, StoneQuery
from ingest.feeds.registry import adapter_for
from ingest.models import Partition, Run
from ingest.quantiles import Edges, quantile_edges
from ingest.transitions import transition

log = structlog.get_logger(__name__)

#: Partitions aim at this share of the largest allowed size, so that the largest stays within 1.25 × the mean.
FILL = 0.8
#: First look at the price axis (dollars per carat): dense where the trade is.
PRICE_GRID = (100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 8_000, 12_000, 20_000, 50_000, 100_000)
#: First look at the carat axis (hundredths of a carat).
CARAT_GRID = (30, 50, 70, 100, 150, 200, 300, 500)
#: Failures in a row that planning survives.
ERROR_BUDGET = 6


@dataclass(frozen=True, slots=True)
class Slice:
    """A planned partition: its query and the supplier's count of it."""

    query: StoneQuery
    expected: int


@dataclass(slots=True)
class Plan:
    """What planning found out.

    `density` are (dollars per carat, stones below) pairs; `difference` is what the partitions' counts lack against the
    count of the whole window (positive: lacking); `requests` counts requests to the supplier.
    """

    total: int
    slices: list[Slice]
    density: list[tuple[int, int]]
    shared_ends: bool
    difference: int
    requests: int = 0
    seconds: float = 0.0

    @property
    def largest(self) -> int:
        """Stones in the largest partition."""
        return max((piece.expected for piece in self.slices), default=0)


class _Counter:
    """Counts slices of the window and knows what that cost."""

    def __init__(self, adapter: Adapter, before_request: Callable[[], object]) -> None:
        self._adapter = adapter
        self._before_request = before_request
        self.requests = 0

    def __call__(self, queries: Sequence[StoneQuery]) -> list[int]:
        counts: list[int] = []
        step = self._adapter.counts_per_request
        for first in range(0, len(queries), step):
            self._before_request()
            self.requests += 1
            counts += self._adapter.count(queries[first : first + step])
        return counts


def make_plan(
    adapter: Adapter,
    window: StoneQuery,
    *,
    max_stones: int,
    before_request: Callable[[], object] = lambda: None,
) -> Plan:
    """Cut a window into slices of at most `max_stones` stones that tile the price axis.

    `before_request` is called before every request, e.g. to renew a lease. Raises what the adapter raises.
    """
    started = monotonic()
    count = _Counter(adapter, before_request)
    (total,) = count([window])
    edges = _price_edges(count, window, total, max_stones)
    cuts = edges.chosen
    queries = _tiles(window, cuts, shared=False)
    counts = count(queries)
    shared = False
    if sum(counts) < total:
        # Stones may have left the window meanwhile, or prices fall between whole dollars: then ranges share their ends.
        (total,) = count([window])
        if sum(counts) < total:
            shared = True
            queries = _tiles(window, cuts, shared=True)
            counts = count(queries)
    slices: list[Slice] = []
    for query, expected in zip(queries, counts, strict=True):
        slices += _split(count, query, expected, max_stones, shared)
    return Plan(
        total=total,
        slices=slices,
        density=edges.known,
        shared_ends=shared,
        difference=max(0, total - sum(piece.expected for piece in slices)),
        requests=count.requests,
        seconds=monotonic() - started,
    )


def _price_edges(count: _Counter, window: StoneQuery, total: int, max_stones: int) -> Edges:
    def below(prices: Sequence[int]) -> list[int]:
        return count([replace(window, price_from=0, price_to=price - 1) for price in prices])

    pieces = -(-total // max(1, int(max_stones * FILL))) if total > max_stones else 1
    return quantile_edges(below, total=total, pieces=pieces, grid=PRICE_GRID)


def _tiles(window: StoneQuery, cuts: Sequence[int], *, shared: bool) -> list[StoneQuery]:
    starts = [0, *cuts]
    ends: list[int | None] = [cut if shared else cut - 1 for cut in cuts]
    return [
        replace(window, price_from=start, price_to=end) for start, end in zip(starts, [*ends, None], strict=True)
    ]


def _split(count: _Counter, query: StoneQuery, expected: int, max_stones: int, shared: bool) -> list[Slice]:
    """Split what is still too big: by price as long as there are whole dollars between its ends, then by carat."""
    if expected <= max_stones:
        return [Slice(query, expected)]
    low, high = query.price_from, query.price_to
    width = None if high is None else high - low + (0 if shared else 1)
    if width is None or width > 1:
        return _split_by_price(count, query, expected, max_stones, shared)
    return _split_by_carats(count, query, expected, max_stones, shared)


def _split_by_price(
    count: _Counter, query: StoneQuery, expected: int, max_stones: int, shared: bool
) -> list[Slice]:
    high = query.price_to
    middle = (query.price_from + high + 1) // 2 if high is not None else max(query.price_from * 2, 1_000)
    if high is None and middle > 10**9:
        # Whatever costs more than a billion a carat will not be cut finer by price.
        return [Slice(query, expected)]
    halves = [
        replace(query, price_to=middle if shared else middle - 1),
        replace(query, price_from=middle),
    ]
    found: list[Slice] = []
    for half, number in zip(halves, count(halves), strict=True):
        found += _split(count, half, number, max_stones, shared)
    return found


def _split_by_carats(
    count: _Counter, query: StoneQuery, expected: int, max_stones: int, shared: bool
) -> list[Slice]:
    def carats(hundredths: int) -> Decimal:
        return Decimal(hundredths).scaleb(-2)

    # The query must name both ends to hold carats at all; stones of unknown weight count as 0.
    base = replace(query, carats_from=Decimal(0), carats_to=None)

    def below(edges: Sequence[int]) -> list[int]:
        return count([replace(base, carats_to=carats(edge - 1)) for edge in edges])

    pieces = -(-expected // max(1, int(max_stones * FILL)))
    cuts = quantile_edges(below, total=expected, pieces=pieces, grid=CARAT_GRID).chosen
    queries = [
        # Carats have three decimals, ranges two: neighbours share their end, a stone seen twice is stored once.
        replace(base, carats_from=carats(start), carats_to=None if end is None else carats(end))
        for start, end in zip([0, *cuts], [*cuts, None], strict=True)
    ]
    found = [Slice(piece, number) for piece, number in zip(queries, count(queries), strict=True)]
    if sum(piece.expected for piece in found) < expected or not cuts:
        # The supplier loses stones when asked by carat (or all weigh the same): walk the crowded price as one.
        return [Slice(query, expected)]
    return found


def window_of(run: Run, adapter: Adapter) -> StoneQuery:
    """The run's window by the supplier's clock: its end a lag before now; incremental ones start before the watermark."""
    feed = run.feed
    until = adapter.server_time() - timedelta(seconds=feed.window_lag_seconds)
    if run.kind == Run.Kind.FULL:
        return StoneQuery(window_to=until, available_only=True)
    assert feed.watermark is not None
    start = feed.watermark - timedelta(seconds=feed.overlap_seconds)
    return StoneQuery(window_from=start, window_to=max(until, start), available_only=False)


def plan_run(run: Run, lease: leases.Lease) -> float | None:
    """Plan the run and let it ingest; returns None if it moved on, else seconds until planning is tried again."""
    try:
        adapter = adapter_for(run.feed.adapter, run.feed.parameters)
        window = window_of(run, adapter)
        plan = make_plan(
            adapter,
            window,
            max_stones=run.feed.max_partition_stones,
            before_request=lambda: leases.renew(lease, seconds=90.0),
        )
    except leases.LeaseLost:
        return 0.0
    except (ThrottledBySupplier, WaitTooLong, LimiterUnavailable) as error:
        log.warning("planning_waits", reason=str(error))
        return random.uniform(1.0, 3.0)
    except IngestError as error:
        return _planning_failed(run, error)
    keep_plan(run, lease, window, plan)
    return None


def _planning_failed(run: Run, error: IngestError) -> float | None:
    failures = int(run.plan.get("failures", 0)) + 1
    passes = isinstance(error, TransientSupplierError)
    if passes and failures < ERROR_BUDGET:
        Run.objects.filter(pk=run.pk).update(plan={**run.plan, "failures": failures})
        wait = min(settings.RETRY_CAP_SECONDS, settings.RETRY_BASE_SECONDS * 2**failures)
        log.warning("planning_failed", error=str(error), failures=failures, retry_in=round(wait, 1))
        return random.uniform(0.5, 1.0) * wait
    kind = error.kind if isinstance(error, SupplierError) else "configuration"
    failing.fail_run(run, f"planning failed ({kind}): {error}")
    return None


def keep_plan(run: Run, lease: leases.Lease, window: StoneQuery, plan: Plan) -> None:
    """Write partitions, window and plan and move the run to ingesting, all at once or, if the lease is gone, not at all."""
    raw_store.make_days_ahead()
    with transaction.atomic():
        leases.renew(lease, seconds=90.0)
        Partition.objects.bulk_create(
            Partition(
                run=run,
                ordinal=ordinal,
                price_from=piece.query.price_from,
                price_to=piece.query.price_to,
                carats_from=piece.query.carats_from,
                carats_to=piece.query.carats_to,
                expected=piece.expected,
                due_at=Now(),
            )
            for ordinal, piece in enumerate(plan.slices)
        )
        suspect = ""
        if plan.difference > plan.total * 0.001:
            suspect = f"the partitions' counts lack {plan.difference} of {plan.total} stones"
        transition(
            run,
            Run.State.INGESTING,
            window_from=window.window_from,
            window_to=window.window_to,
            suspect=suspect,
            plan={
                "total": plan.total,
                "partitions": len(plan.slices),
                "largest": plan.largest,
                "requests": plan.requests + 1,
                "seconds": round(plan.seconds, 3),
                "shared_ends": plan.shared_ends,
                "difference": plan.difference,
                "density": plan.density,
            },
        )
        ring("ingest.tasks.walk", run.pk, times=min(len(plan.slices), settings.WALKERS))
    log.info("run_planned", stones=plan.total, partitions=len(plan.slices), requests=plan.requests + 1)
