"""What ingestion shows on the start page: dead letters, live runs, feeds, what waits in its stages, and its charts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from catalog.on_sale import stones_on_sale
from diamondhub.admin.display import NOTHING, ago, badge, duration, number, row_link
from diamondhub.operations import home, measuring, stages
from diamondhub.operations.charts import Series, chart
from ingest import freshness, resting, scheduling
from ingest.live import live_runs
from ingest.measures import STONES
from ingest.models import ConsolidationBatch, DeadLetter, Feed, Partition, Remap, Run
from ingest.models.run import LIVE_STATES

#: Feeds that are shown.
MAX_FEEDS = 50


def open_letters() -> Iterator[home.Figure]:
    """How many dead letters wait."""
    letters, text = home.capped_count(DeadLetter.objects.filter(state=DeadLetter.State.OPEN))
    yield home.Figure(
        title="open dead letters",
        value=text,
        url=reverse("admin:ingest_deadletter_changelist") + "?state__exact=open",
        tone="warn" if letters else "good",
    )


def live_runs_card() -> Iterator[home.Card]:
    """Every live run."""
    yield home.Card("Live runs", "admin/ingest/live_runs.html", {"live_runs": live_runs()})


def pauses_card() -> Iterator[home.Card]:
    """What somebody has paused, if anything."""
    if words := resting.banner_text():
        yield home.Card("Paused", "admin/ingest/pause/home.html", {"words": words})


def feeds_card() -> Iterator[home.Card]:
    """How fresh each feed is."""
    if rows := feeds():
        yield home.Card("Feeds", "admin/ingest/feed/home.html", {"feeds": rows})


def feeds() -> list[dict[str, Any]]:
    """Feeds with what is on sale of each, what its last full run was shown, its freshness, its last and its next run."""
    own = Run.objects.filter(feed=OuterRef("pk")).order_by("-pk")
    full = own.filter(kind=Run.Kind.FULL, state=Run.State.COMPLETED)
    rows: Any = Feed.objects.order_by("slug").annotate(
        full_summary=Subquery(full.values("summary")[:1]),
        last_pk=Subquery(own.values("pk")[:1]),
        last_state=Subquery(own.values("state")[:1]),
        begun=Subquery(freshness.at_work().filter(feed=OuterRef("pk")).values("created_at")[:1]),
    )
    on_sale, now = stones_on_sale(), timezone.now()
    return [
        {
            "feed": feed,
            "on_sale": NOTHING if on_sale is None else number(on_sale.get(feed.slug, 0)),
            "watermark_age": ago(feed.watermark),
            "bound": f"within {duration(freshness.bound(feed, now))}",
            "fresh": _fresh(feed, now),
            "shown": _shown(feed.full_summary),
            "last_run": row_link(Run(pk=feed.last_pk), f"Run {feed.last_pk}") if feed.last_pk else "",
            "last_state": badge(feed.last_state) if feed.last_state else "",
            "next": _next(feed),
        }
        for feed in rows[:MAX_FEEDS]
    ]


def _fresh(feed: Any, now: datetime) -> SafeString | str:
    """Whether a feed is as young as it should be; nothing is asked of one that is switched off."""
    if not feed.enabled:
        return ""
    is_fresh = freshness.age_with(feed, now, feed.begun) <= freshness.bound(feed, now)
    return badge("active", "fresh") if is_fresh else badge("failed", "too old")


def _shown(summary: dict[str, Any] | None) -> str:
    """How many stones a run was shown, each counted once."""
    return number(summary["received"] - summary["repeats"]) if summary else NOTHING


def _next(feed: Feed) -> str:
    """When the feed's schedules start the next run."""
    if not feed.enabled:
        return NOTHING
    now = timezone.now()
    for slot, kind in scheduling.next_slots(feed, now, 1):
        return f"{kind} at {slot:%H:%M} UTC, in {duration(slot - now)}"
    return "nothing is scheduled"


def stones_chart() -> Iterator[home.Card]:
    """Stones that runs brought in the last day."""
    now = timezone.now()
    counted = measuring.by_quarter(STONES)
    new, changed = (
        measuring.summed(values for labels, values in counted.items() if labels[1:] == (what,))
        for what in ("new", "changed")
    )
    words = f"{sum(new.values()):,.0f} new stones and {sum(changed.values()):,.0f} changed ones in the last day."
    yield home.Card(
        "Stones",
        "admin/home/charts.html",
        {
            "charts": [
                chart(
                    "Stones",
                    "a quarter of an hour",
                    [Series("new", "one", new), Series("changed", "two", changed)],
                    now,
                    words=words,
                )
            ]
        },
    )


def requests_chart() -> Iterator[home.Card]:
    """Requests to suppliers in the last day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index supplier_requests_at: a day's rows. */
            SELECT date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00'),
                sum(requests - throttled - failed), sum(throttled), sum(failed)
            FROM ingest_supplierrequests
            WHERE at > now() - interval '1 day'
            GROUP BY 1
            """
        )
        rows = cursor.fetchall()
    answered, throttled, failed = ({row[0]: float(row[place]) for row in rows} for place in (1, 2, 3))
    words = (
        f"{sum(sum(map(float, row[1:])) for row in rows):,.0f} requests in the last day, {sum(throttled.values()):,.0f} of "
        f"them refused as too many and {sum(failed.values()):,.0f} failed."
    )
    series = [
        Series("answered", "one", answered),
        Series("refused", "three", throttled),
        Series("failed", "bad", failed),
    ]
    chosen = chart("Requests to suppliers", "a quarter of an hour", series, timezone.now(), words=words)
    yield home.Card("Suppliers", "admin/home/charts.html", {"charts": [chosen]})


home.register(open_letters, permission="ingest.view_deadletter", every=5)
home.register(pauses_card, permission="ingest.view_pause")
home.register(live_runs_card, permission="ingest.view_run")
home.register(feeds_card, permission="ingest.view_feed", every=5)
home.register(requests_chart, permission="ingest.view_run", every=60)
home.register(stones_chart, permission="ingest.view_run", every=60)


def _live_runs(*states: str) -> Any:
    return Run.objects.filter(state__in=states)


def _list_of(model: str, query: str = "") -> Any:
    return lambda: f"{reverse(f'admin:ingest_{model}_changelist')}{query}"


stages.register(
    "planning",
    lambda: _live_runs(Run.State.PLANNING),
    url=_list_of("run", f"?state__exact={Run.State.PLANNING}"),
    paused=resting.paused_runs,
)
stages.register(
    "walking (partitions)",
    lambda: Partition.objects.filter(state=Partition.State.READY, run__state__in=LIVE_STATES),
    url=_list_of("run", f"?state__exact={Run.State.INGESTING}"),
    paused=resting.paused_partitions,
)
stages.register(
    "settling and finishing",
    lambda: _live_runs(Run.State.INGESTING, Run.State.SETTLING, Run.State.CONSOLIDATING),
    url=_list_of("run", f"?state__exact={Run.State.SETTLING}"),
    paused=resting.paused_runs,
)
stages.register(
    "consolidation (batches)",
    lambda: ConsolidationBatch.objects.filter(state=ConsolidationBatch.State.READY, run__state__in=LIVE_STATES),
    url=_list_of("run", f"?state__exact={Run.State.CONSOLIDATING}"),
    paused=resting.paused_batches,
)
stages.register("remapping", lambda: Remap.objects.filter(state=Remap.State.READY), url=_list_of("feed"))
