"""The admin's start page: what runs, how fresh each feed is, and what waits for a person.

Named in the settings and called by the admin for its index. Every number is cheap at any size: stones are those of the last
full run's summary, counts of what should be rare stop at a cap.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from diamondhub.admin.display import ago, badge, duration, row_link
from diamondhub.alerts.models import Delivery
from diamondhub.telemetry.models import Heartbeat
from ingest.models import DeadLetter, Feed, Run
from ingest.models.run import LIVE_STATES
from ingest.progress import Progress, progress

#: Counts on the start page stop here.
CAP = 1_000


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the parts that this person may see to the index page's context."""
    can = request.user.has_perm
    if can("ingest.view_run"):
        context["live_runs"] = live_runs()
        context["shows_live_runs"] = True
    if can("ingest.view_feed"):
        context["feeds"] = feeds()
    context["figures"] = [
        *([open_letters()] if can("ingest.view_deadletter") else []),
        *(undelivered_alerts() if can("alerts.view_event") else []),
        *([last_sweep()] if can("telemetry.view_heartbeat") else []),
    ]
    return context


def live_runs() -> list[dict[str, Any]]:
    """Every live run with its progress; a feed has one at most."""
    runs = Run.objects.select_related("feed").filter(state__in=LIVE_STATES).order_by("pk")
    return [_live(run) for run in runs]


def _live(run: Run) -> dict[str, Any]:
    now = progress(run)
    return {
        "run": run,
        "progress": now,
        "badge": badge(run.state),
        "words": in_words(now),
        "age": duration(timezone.now() - run.created_at),
    }


def in_words(now: Progress) -> str:
    """How far a live run is, in the terms of its stage."""
    if now.state == Run.State.PLANNING:
        return "counting stones and cutting partitions"
    if now.state == Run.State.CONSOLIDATING:
        return f"{now.batches_completed:,} of {now.batches:,} batches"
    words = [
        f"{now.received:,} of {now.expected:,} stones",
        f"{now.partitions_completed:,} of {now.partitions:,} partitions",
    ]
    if now.partitions_failed:
        words.append(f"{now.partitions_failed:,} failed")
    if now.state == Run.State.INGESTING:
        words.append(f"{now.per_second:.1f} pages/s")
    if now.seconds_left is not None:
        words.append(f"about {duration(now.seconds_left)} left")
    return ", ".join(words)


def feeds() -> list[dict[str, Any]]:
    """Feeds with their freshness, the stones of their last full run, and their last run; one query."""
    own = Run.objects.filter(feed=OuterRef("pk")).order_by("-pk")
    full = own.filter(kind=Run.Kind.FULL, state=Run.State.COMPLETED)
    rows: Any = Feed.objects.order_by("slug").annotate(
        full_summary=Subquery(full.values("summary")[:1]),
        last_pk=Subquery(own.values("pk")[:1]),
        last_state=Subquery(own.values("state")[:1]),
    )
    return [
        {
            "feed": feed,
            "watermark_age": ago(feed.watermark),
            "stones": _stones(feed.full_summary),
            "last_run": row_link(Run(pk=feed.last_pk), f"Run {feed.last_pk}") if feed.last_pk else "",
            "last_state": badge(feed.last_state) if feed.last_state else "",
        }
        for feed in rows
    ]


def _stones(summary: dict[str, Any] | None) -> str:
    return f"{summary['received'] - summary['repeats']:,}" if summary else "–"


def open_letters() -> dict[str, Any]:
    """How many dead letters wait."""
    letters, text = _capped(DeadLetter.objects.filter(state=DeadLetter.State.OPEN))
    return {
        "title": "open dead letters",
        "value": text,
        "tone": "warn" if letters else "good",
        "url": reverse("admin:ingest_deadletter_changelist") + "?state__exact=open",
    }


def undelivered_alerts() -> list[dict[str, Any]]:
    """Alerts that are on their way, and those that nobody could be told of."""
    url = reverse("admin:alerts_event_changelist")
    pending, pending_text = _capped(Delivery.objects.filter(state=Delivery.State.PENDING))
    dead, dead_text = _capped(Delivery.objects.filter(state=Delivery.State.DEAD))
    return [
        {
            "title": "alerts on their way",
            "value": pending_text,
            "tone": "warn" if pending else "good",
            "url": f"{url}?delivery=pending",
        },
        {
            "title": "alerts undeliverable",
            "value": dead_text,
            "tone": "bad" if dead else "good",
            "url": f"{url}?delivery=dead",
        },
    ]


def last_sweep() -> dict[str, Any]:
    """How long ago beat's sweep went round: long means that no beat or no worker is alive."""
    beat = Heartbeat.objects.filter(name="sweep").first()
    late = beat is None or timezone.now() - beat.seen_at > timedelta(seconds=max(30.0, settings.SWEEP_SECONDS * 6))
    return {
        "title": "last sweep",
        "value": ago(beat.seen_at) if beat else "never",
        "tone": "bad" if late else "good",
        "note": "no beat or no worker is running" if late else "",
        "url": reverse("admin:telemetry_heartbeat_changelist"),
    }


def _capped(rows: QuerySet[Any]) -> tuple[int, str]:
    found = rows.order_by()[: CAP + 1].count()
    return found, f"{found:,}" if found <= CAP else f"{CAP:,}+"
