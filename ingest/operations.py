"""What ingestion shows on the start page, and what it forgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone

from catalog.on_sale import stones_on_sale
from diamondhub.admin.display import NOTHING, ago, badge, duration, number, row_link
from diamondhub.operations import home, retention
from ingest import archiving, dead_letters, raw_retention, raw_store
from ingest.models import DeadLetter, Feed, Remap, Run, RunEvent, ScheduleSlot
from ingest.models.dead_letter import WAITING
from ingest.models.run import LIVE_STATES
from ingest.progress import Progress, progress

# --- what is shown ---------------------------------------------------------------------------------------------------


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
    """Every live run; the card polls itself."""
    yield home.Card("Live runs", "admin/ingest/live_runs.html", {"live_runs": live_runs()})


def feeds_card() -> Iterator[home.Card]:
    """How fresh each feed is."""
    if rows := feeds():
        yield home.Card("Feeds", "admin/ingest/feed/home.html", {"feeds": rows})


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
    """Feeds with what the catalogue has of each on sale, what its last full run was shown, its freshness and last run."""
    own = Run.objects.filter(feed=OuterRef("pk")).order_by("-pk")
    full = own.filter(kind=Run.Kind.FULL, state=Run.State.COMPLETED)
    rows: Any = Feed.objects.order_by("slug").annotate(
        full_summary=Subquery(full.values("summary")[:1]),
        last_pk=Subquery(own.values("pk")[:1]),
        last_state=Subquery(own.values("state")[:1]),
    )
    on_sale = stones_on_sale()
    return [
        {
            "feed": feed,
            "on_sale": NOTHING if on_sale is None else number(on_sale.get(feed.slug, 0)),
            "watermark_age": ago(feed.watermark),
            "shown": _shown(feed.full_summary),
            "last_run": row_link(Run(pk=feed.last_pk), f"Run {feed.last_pk}") if feed.last_pk else "",
            "last_state": badge(feed.last_state) if feed.last_state else "",
        }
        for feed in rows
    ]


def _shown(summary: dict[str, Any] | None) -> str:
    """How many stones a run was shown, each counted once."""
    return number(summary["received"] - summary["repeats"]) if summary else NOTHING


home.register(open_letters, permission="ingest.view_deadletter")
home.register(live_runs_card, permission="ingest.view_run")
home.register(feeds_card, permission="ingest.view_feed")


# --- what is forgotten -----------------------------------------------------------------------------------------------


def old_letters() -> QuerySet[DeadLetter]:
    """Letters that were closed long ago, of runs whose ledgers do not count them any more."""
    return DeadLetter.objects.filter(
        Q(run__isnull=True) | Q(run__archived_at__isnull=False),
        closed_at__lt=retention.days_ago(settings.LETTER_RETENTION_DAYS),
    ).exclude(state__in=WAITING)


def old_run_events() -> QuerySet[RunEvent]:
    """The transitions of archived runs, long ago."""
    return RunEvent.objects.filter(at__lt=retention.history_kept_from(), run__archived_at__isnull=False)


def old_slots() -> QuerySet[ScheduleSlot]:
    """Slots of long ago, but each feed's and kind's last one: it says from when on the next ones are due."""
    later = ScheduleSlot.objects.filter(feed=OuterRef("feed"), kind=OuterRef("kind"), due_at__gt=OuterRef("due_at"))
    return ScheduleSlot.objects.filter(Exists(later), due_at__lt=retention.history_kept_from())


def old_remaps() -> QuerySet[Remap]:
    """Remaps of long ago, but a feed's last one: it says which mapper its stones were mapped by."""
    later = Remap.objects.filter(feed=OuterRef("feed"), pk__gt=OuterRef("pk"))
    return Remap.objects.filter(Exists(later), completed_at__lt=retention.history_kept_from())


retention.register(retention.Step("ledgers", archiving.archive_ledgers, archiving.would_archive))
retention.register(
    retention.Step(
        "raw_days",
        raw_retention.drop_days,
        raw_retention.would_drop,
        # A day of payloads can only go when the ledgers that count them have gone.
        after=("ledgers",),
        kept_from=raw_retention.kept_from,
    )
)
retention.make_ahead(raw_store.DAYS)
# Of runs that are archived.
retention.register_rows("letters", old_letters, after=("ledgers",))
retention.register_months("attempt_months", dead_letters.ATTEMPTS)
retention.register_rows("run_events", old_run_events, after=("ledgers",))
retention.register_rows("slots", old_slots)
retention.register_rows("remaps", old_remaps)
