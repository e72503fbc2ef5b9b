"""What ingestion forgets, what it looks for, and what its banner says; what the start page shows is in `home_parts`."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from diamondhub.operations import away, retention
from diamondhub.operations.problems import looking
from ingest import (  # noqa: F401 - some fill tables by being imported
    archiving,
    dead_letters,
    doctor,
    expected_metrics,
    home_parts,
    raw_retention,
    raw_store,
    resting,
    seen_lists,
    state_metrics,
    uploads,
)
from ingest.models import (
    ConsolidationBatch,
    DeadLetter,
    Partition,
    Pause,
    Remap,
    ReviewStone,
    Run,
    RunEvent,
    ScheduleSlot,
)
from ingest.models.dead_letter import WAITING
from ingest.problems import looks


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


def old_pauses() -> QuerySet[Pause]:
    """Pauses that ended long ago."""
    return Pause.objects.filter(ended_at__lt=retention.history_kept_from())


def _old_runs() -> QuerySet[Run]:
    """Archived runs of long ago: their summaries have the sums, and what later runs are compared with."""
    return Run.objects.filter(archived_at__isnull=False, finished_at__lt=retention.history_kept_from())


def old_partitions() -> QuerySet[Partition]:
    """Partitions of runs of long ago, whose sums are on the runs."""
    return Partition.objects.filter(run__in=_old_runs())


def old_review_stones() -> QuerySet[ReviewStone]:
    """Stones that runs of long ago were held for."""
    return ReviewStone.objects.filter(run__in=_old_runs())


def old_batches() -> QuerySet[ConsolidationBatch]:
    """Batches of runs of long ago, whose sums are on the runs."""
    return ConsolidationBatch.objects.filter(run__in=_old_runs())


retention.register(
    retention.Step("ledgers", archiving.archive_ledgers, archiving.would_archive, would_free=archiving.would_free)
)
retention.register(
    retention.Step(
        "raw_days",
        raw_retention.drop_days,
        raw_retention.would_drop,
        # A day of payloads can only go when the ledgers that count them have gone.
        after=("ledgers",),
        kept_from=raw_retention.kept_from,
        would_free=raw_retention.would_free,
    )
)
retention.make_ahead(raw_store.DAYS)
# Of runs that are archived.
retention.register_rows("letters", old_letters, after=("ledgers",))
retention.register_months("attempt_months", dead_letters.ATTEMPTS)
retention.register_rows("run_events", old_run_events, after=("ledgers",))
retention.register_rows("partitions", old_partitions, after=("ledgers",))
retention.register_rows("batches", old_batches, after=("ledgers",))
retention.register_rows("review_stones", old_review_stones, after=("ledgers",))
retention.register_rows("slots", old_slots)
retention.register_rows("remaps", old_remaps)
retention.register_rows("pauses", old_pauses)
retention.register_rows("seen_lists", seen_lists.expired)
retention.register_rows("uploaded_lists", uploads.old_uploads)

retention.keep(
    "ingest.RawDiamond",
    how_long="RAW_RETENTION_DAYS days; what a live stone was mapped from, as long as it lives",
    by=("raw_days",),
)
retention.keep(
    "ingest.Page", how_long="LEDGER_RETENTION_DAYS days after the run's end; its sums stay on the run", by=("ledgers",)
)
retention.keep(
    "ingest.Partition",
    how_long="HISTORY_RETENTION_DAYS days after the run's end; the sums stay on the run",
    by=("partitions",),
)
retention.keep(
    "ingest.ConsolidationBatch",
    how_long="HISTORY_RETENTION_DAYS days after the run's end; the sums stay on the run",
    by=("batches",),
)
retention.keep("ingest.ReviewStone", how_long="HISTORY_RETENTION_DAYS days after the run's end", by=("review_stones",))
retention.keep(
    "ingest.DeadLetter", how_long="LETTER_RETENTION_DAYS days after it is closed; one that waits stays", by=("letters",)
)
retention.keep(
    "ingest.DeadLetterAttempt", how_long="HISTORY_RETENTION_DAYS days, by whole months", by=("attempt_months",)
)
retention.keep("ingest.RunEvent", how_long="HISTORY_RETENTION_DAYS days", by=("run_events",))
retention.keep("ingest.ScheduleSlot", how_long="HISTORY_RETENTION_DAYS days; each feed's last one stays", by=("slots",))
retention.keep("ingest.Remap", how_long="HISTORY_RETENTION_DAYS days; each feed's last one stays", by=("remaps",))
retention.keep("ingest.Run", how_long="for ever: one row with its summary for each run, some thousands a year")
retention.keep("ingest.Feed", "ingest.FeedSecret", how_long="for ever: few, made by people")
retention.keep(
    "ingest.SeenList", how_long="an hour, and three of one person: lists that somebody looks at", by=("seen_lists",)
)
retention.keep(
    "ingest.UploadedList",
    "ingest.UploadedPiece",
    how_long="RAW_RETENTION_DAYS days; the three newest of each inbox for ever",
    by=("uploaded_lists",),
)
retention.keep("ingest.Pause", how_long="HISTORY_RETENTION_DAYS days after its end", by=("pauses",))
retention.keep("ingest.SupplierRequests", how_long="14 days", by=("request_counts",))
retention.keep("ingest.SupplierPause", how_long="for ever: one row for each supplier account")
retention.register_rows("request_counts", looks.old_request_counts)


def pauses_in_force() -> Iterator[away.Away]:
    """What somebody has paused, for the banner of every page."""
    for pause in resting.in_force().pauses:
        yield away.Away(
            f"{pause.sentence[:1].upper()}{pause.sentence[1:]}.",
            "It ends by itself then, or when somebody resumes it.",
            pause.paused_at,
            reverse("admin:ingest_pause_changelist"),
            tone="warn",
        )


away.register(pauses_in_force)


# --- what is looked for ----------------------------------------------------------------------------------------------

looking.register(looks.troubled_suppliers, "supplier-failing", "supplier-throttling", every=5)
looking.register(looks.stale_feeds, "feed-stale")
looking.register(looks.unreadable_schedules, "schedule-unreadable")
looking.register(looks.stalled_runs, "run-stalled", every=30)
