"""Page commits of one walker, with a supplier that answers at once, against the supplier's limit."""

from __future__ import annotations

import uuid
from time import perf_counter

from django.conf import settings
from django.db.models.functions import Now

from benchmarks.result import Figure
from benchmarks.stones import stones
from benchmarks.supplied import build
from ingest import raw_store
from ingest.feeds.registry import ADAPTERS
from ingest.models import Feed, Page, Partition, Run
from ingest.walking import stage as walking


def measure(number: int) -> list[Figure]:
    """Walk `number` stones twice: all new to the raw store, then all known to the catalogue or the run."""
    ADAPTERS["bench"] = "benchmarks.supplied"
    feed, _ = Feed.objects.get_or_create(slug="bench", defaults={"name": "Benchmark", "adapter": "bench"})
    try:
        build.inventory[:] = stones(number, feed=feed.slug)
        raw_store.make_days_ahead()
        return [_figure("all payloads new", feed, number), _figure("payloads of another run", feed, number)]
    finally:
        build.inventory.clear()
        Run.objects.filter(feed=feed).delete()
        feed.delete()
        del ADAPTERS["bench"]


def _figure(case: str, feed: Feed, number: int) -> Figure:
    run = Run.objects.create(
        feed=feed,
        kind=Run.Kind.FULL,
        state=Run.State.INGESTING,
        trace_id=uuid.uuid4().hex,
        started_by="bench",
        rule_set=1,
    )
    partition = Partition.objects.create(run=run, ordinal=0, expected=number, due_at=Now())
    started = perf_counter()
    while Partition.objects.filter(pk=partition.pk, state=Partition.State.READY).exists():
        walking.walk(run.pk)
    took = perf_counter() - started
    pages = Page.objects.filter(run_id=run.pk).count()
    Run.objects.filter(pk=run.pk).update(state=Run.State.CANCELLED)
    return Figure(
        f"page commits, {case}",
        ratio=pages / took / settings.NIVODA_RATE_LIMIT,
        of=f"the supplier's limit of {settings.NIVODA_RATE_LIMIT} requests/s",
        detail=f"{pages / took:,.0f} pages/s, {number / took:,.0f} stones/s, one walker",
    )
