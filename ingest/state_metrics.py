"""What ingestion tells of the state as metrics: how old feeds are against their bounds, and live runs by stage."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone

from diamondhub.telemetry import state_metrics
from diamondhub.telemetry.state_metrics import Gauge, Value
from ingest import freshness
from ingest.models import Feed, Run
from ingest.models.run import LIVE_STATES


def feeds() -> Iterator[Value]:
    """Enabled feeds: how old their stones are, and how old is too old."""
    begun = freshness.at_work().filter(feed=OuterRef("pk")).values("created_at")[:1]
    now = timezone.now()
    for feed in Feed.objects.filter(enabled=True).annotate(begun=Subquery(begun)).order_by("slug"):
        age = freshness.age_with(feed, now, feed.begun)
        yield Value("diamondhub_feed_age_seconds", (feed.slug,), age.total_seconds())
        yield Value("diamondhub_feed_max_age_seconds", (feed.slug,), freshness.bound(feed, now).total_seconds())


def live_runs() -> Iterator[Value]:
    """Live runs by stage, and 0 for a stage that has none."""
    counted = Run.objects.filter(state__in=LIVE_STATES).order_by().values_list("state").annotate(n=Count("pk"))
    for state, number in {**dict.fromkeys(map(str, LIVE_STATES), 0), **dict(counted)}.items():
        yield Value("diamondhub_live_runs", (state,), number)


state_metrics.register(
    "feeds",
    feeds,
    Gauge("diamondhub_feed_age_seconds", "How old the stones of a feed are.", ("feed",)),
    Gauge("diamondhub_feed_max_age_seconds", "How old the stones of a feed may be.", ("feed",)),
)
state_metrics.register("live_runs", live_runs, Gauge("diamondhub_live_runs", "Live runs.", ("state",)))
