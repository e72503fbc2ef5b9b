"""Pruning: what is no longer needed goes, in bounded steps, once a day from the sweep or when a person says so.

Old ledgers are folded into their runs' summaries, days of payloads and months of attempts are dropped whole, and closed
letters, audit events and alerts go in chunks, the oldest first. What a live diamond was mapped from is carried over before
its day goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from psycopg import sql

from catalog.models import Availability
from diamondhub import leases
from diamondhub.alerts.models import Delivery, Event
from diamondhub.doorbells import ring
from diamondhub.timed_tables import Piece, TimedTable
from ingest import dead_letters, raw_store
from ingest.errors import IngestError
from ingest.models import DeadLetter, Page, Partition, Pruning, Remap, Run, RunEvent, ScheduleSlot
from ingest.models.dead_letter import WAITING
from ingest.models.run import LIVE_STATES
from ingest.report import page_totals, report
from pricing.history import CHANGES
from pricing.models import Repricing

log = structlog.get_logger(__name__)

#: Rows that one statement deletes or carries over.
CHUNK = 5_000
#: A worker looks for a new doorbell after this long, so that consolidation has its turn (seconds).
SLICE_SECONDS = 20.0
#: Longer than any step takes (seconds).
LEASE_SECONDS = 120.0
#: How long to leave a table alone that others keep busy (seconds).
BUSY_SECONDS = 60.0

#: Diamonds whose payload is worth carrying over: the others are stored anew when they are shown again.
LIVE = (Availability.AVAILABLE.value, Availability.ON_HOLD.value, Availability.UNAVAILABLE.value)


class PruningUnderWay(IngestError):
    """Somebody else is pruning: try again when that is over."""


def ring_due() -> None:
    """The sweep's look: pieces of tables made ahead, one pruning a day, and prunings that nobody works at."""
    today = datetime.now(UTC).date()
    raw_store.DAYS.make_ahead(today, patient=False)
    dead_letters.ATTEMPTS.make_ahead(today, patient=False)
    if not Pruning.objects.filter(day=today).exists():
        # Two beats make one: the day is unique.
        Pruning.objects.bulk_create([Pruning(day=today, started_by="schedule", due_at=Now())], ignore_conflicts=True)
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    for pk in Pruning.objects.filter(free, state=Pruning.State.READY, due_at__lte=Now()).values_list("pk", flat=True):
        ring("ingest.tasks.prune", pk)


def start(*, started_by: str) -> Pruning:
    """A pruning of a person's."""
    return Pruning.objects.create(started_by=started_by, due_at=Now())


def prune(pruning_id: int, *, seconds: float = SLICE_SECONDS) -> bool:
    """Go on with a pruning for a time slice; True if it is over. Does nothing if somebody else is at it."""
    if not Pruning.objects.filter(pk=pruning_id, state=Pruning.State.READY).exists():
        return True
    lease = leases.claim_one(Pruning, pruning_id, state=Pruning.State.READY, seconds=LEASE_SECONDS)
    if lease is None:
        return False
    end = monotonic() + seconds
    try:
        with leases.heartbeat(lease, seconds=LEASE_SECONDS):
            for step in STEPS.values():
                for removed in step():
                    _note(lease, removed)
                    if monotonic() > end:
                        leases.give_back(lease)
                        return False
        horizons = {"raw_kept_from": _raw_kept_from(), "history_kept_from": _days_ago(settings.HISTORY_RETENTION_DAYS)}
        leases.finish(lease, state=Pruning.State.COMPLETED, completed_at=Now(), **horizons)
    except leases.LeaseLost:
        log.info("lease_lost", pruning_id=pruning_id)
        return False
    except (InterfaceError, OperationalError) as error:
        # Away, or the table's lock was not to be had.
        log.warning("pruning_put_off", pruning_id=pruning_id, error=str(error).strip().splitlines()[0])
        connection.close()
        leases.give_back(lease, due_in=BUSY_SECONDS)
        return False
    log.info("pruned", pruning_id=pruning_id, **Pruning.objects.get(pk=pruning_id).removed)
    return True


def _note(lease: leases.Lease, removed: dict[str, int]) -> None:
    """Add to what the pruning removed so far. Raises `LeaseLost`."""
    with transaction.atomic():
        leases.renew(lease, seconds=LEASE_SECONDS)
        row = Pruning.objects.get(pk=lease.pk)
        total = Counter(row.removed)
        total.update(removed)
        Pruning.objects.filter(pk=row.pk).update(removed=dict(total))


def plan() -> dict[str, int]:
    """What a pruning would remove now, by kind."""
    # As it will be when the old ledgers are gone.
    days = raw_store.DAYS.older_than(_keep_from(Run.objects.exclude(pk__in=_runs_to_archive().values("pk"))))
    return {
        "ledgers": _runs_to_archive().count(),
        "raw_days": len(days),
        "raw_payloads": sum(_rows(day.name) for day in days),
        "carried_over": sum(_live_payloads(day) for day in days),
        "letters": _letters().count(),
        "attempt_months": len(_months_to_drop(dead_letters.ATTEMPTS)),
        "price_months": len(_months_to_drop(CHANGES)),
        "run_events": _run_events().count(),
        "alerts": _alerts().count(),
        "slots": _slots().count(),
        "remaps": _remaps().count(),
        "repricings": _repricings().count(),
        "prunings": _prunings().count(),
    }


def last() -> Pruning | None:
    """The last pruning that was completed."""
    return Pruning.objects.filter(state=Pruning.State.COMPLETED).order_by("-completed_at").first()


def _days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


# --- ledgers ---------------------------------------------------------------------------------------------------------


def _runs_to_archive() -> QuerySet[Run]:
    """Runs that are over for longer than their ledgers are kept."""
    return Run.objects.filter(
        archived_at__isnull=True, finished_at__lt=_days_ago(settings.LEDGER_RETENTION_DAYS)
    ).exclude(state__in=LIVE_STATES)


def archive_ledgers() -> Iterator[dict[str, int]]:
    """Fold the pages of old runs into sums on their summaries, a run at a time."""
    for pk in list(_runs_to_archive().order_by("pk").values_list("pk", flat=True)):
        pages = archive(pk)
        if pages is not None:
            yield {"ledgers": 1, "pages": pages}


def archive(run_id: int) -> int | None:
    """Fold one run's pages; returns how many they were, or None if it is not to be archived any more.

    Holds the run's row, so that nobody retries it meanwhile.
    """
    with transaction.atomic():
        run = _runs_to_archive().select_for_update(of=("self",)).select_related("feed").filter(pk=run_id).first()
        if run is None:
            return None
        summary = run.summary or report(run)
        Run.objects.filter(pk=run.pk).update(summary={**summary, "ledger": page_totals(run)}, archived_at=Now())
        pages, _ = Page.objects.filter(run_id=run.pk).delete()
        run.partitions.filter(kind=Partition.Kind.CONFIRM).update(stone_ids=[], unnamed=[])
    return pages


# --- payloads --------------------------------------------------------------------------------------------------------


def _days_to_drop() -> list[Piece]:
    """Days that are too old, and older than every run that still has its ledger: what it stored must be there with it."""
    return raw_store.DAYS.older_than(_keep_from())


def _keep_from(among: QuerySet[Run] | None = None) -> date:
    """The first day whose payloads must stay; `among` are the runs whose ledgers there are, all unless told otherwise."""
    runs = Run.objects.all() if among is None else among
    oldest = runs.filter(archived_at__isnull=True).aggregate(oldest=Min("created_at"))["oldest"]
    by_age = _days_ago(settings.RAW_RETENTION_DAYS).date()
    return min(by_age, oldest.date()) if oldest else by_age


def drop_days() -> Iterator[dict[str, int]]:
    """Drop days of payloads, each after what live diamonds were mapped from has been carried over to today."""
    for day in _days_to_drop():
        position: int | None = 0
        while position is not None:
            position, carried = _carry_over(day, position)
            yield {"carried_over": carried}
        with transaction.atomic():
            # What became the newest payload of a diamond meanwhile.
            _position, carried = _carry_over(day, 0, limit=None)
            payloads = _rows(day.name)
            raw_store.DAYS.drop(day)
        yield {"raw_days": 1, "raw_payloads": payloads, "carried_over": carried}
    yield {"raw_payloads": _delete_from_net()}


_LIVE_PAYLOADS = sql.SQL(
    """
    FROM {day} AS raw
    JOIN catalog_diamond AS d
        ON d.id = raw.diamond_id AND d.raw_id = raw.id AND d.availability = ANY(%(live)s)
    WHERE raw.id > %(after)s
    """
)


def _live_payloads(day: Piece) -> int:
    """How many payloads of a day live diamonds were mapped from."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT count(*) {}").format(_LIVE_PAYLOADS.format(day=sql.Identifier(day.name))),
            {"live": list(LIVE), "after": 0},
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _carry_over(day: Piece, after: int, *, limit: int | None = CHUNK) -> tuple[int | None, int]:
    """Copy payloads that live diamonds were mapped from to today's piece, under their old ids.

    Returns the last id of this chunk, None if it was the last one, and the number of payloads that were not there yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                /* The day's primary key gives the order, the diamonds' primary key the newest payloads. */
                WITH live AS (
                    SELECT raw.* {live} ORDER BY raw.id LIMIT %(limit)s
                ), carried AS (
                    INSERT INTO ingest_rawdiamond
                        (id, received_on, run_id, partition_id, diamond_id, supplier_stone_id,
                            payload, payload_hash, observed_at)
                    SELECT id, %(today)s, run_id, %(partition)s, diamond_id, supplier_stone_id,
                        payload, payload_hash, observed_at
                    FROM live
                    WHERE NOT EXISTS (
                        SELECT FROM ingest_rawdiamond AS there
                        WHERE there.id = live.id AND there.received_on > live.received_on
                    )
                    ON CONFLICT DO NOTHING
                    RETURNING id
                )
                SELECT (SELECT count(*) FROM live), (SELECT max(id) FROM live), (SELECT count(*) FROM carried)
                """
            ).format(live=_LIVE_PAYLOADS.format(day=sql.Identifier(day.name))),
            {
                "live": list(LIVE),
                "after": after,
                "limit": limit,
                "today": datetime.now(UTC).date(),
                "partition": raw_store.NO_PARTITION,
            },
        )
        live, newest, carried = cursor.fetchone() or (0, None, 0)
    return (newest if limit and live == limit else None), int(carried)


def _rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _delete_from_net() -> int:
    """Delete what the net caught and is too old; it is empty as long as days are made ahead."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM ingest_rawdiamond_default AS raw
            WHERE raw.received_on < %s
                AND NOT EXISTS (SELECT FROM catalog_diamond AS d WHERE d.id = raw.diamond_id AND d.raw_id = raw.id)
            """,
            [_keep_from()],
        )
        return int(cursor.rowcount)


def _raw_kept_from() -> date | None:
    pieces = raw_store.DAYS.pieces()
    return pieces[0].first if pieces else None


# --- histories -------------------------------------------------------------------------------------------------------


def _letters() -> QuerySet[DeadLetter]:
    """Letters that were closed long ago, of runs whose ledgers do not count them any more."""
    return DeadLetter.objects.filter(
        Q(run__isnull=True) | Q(run__archived_at__isnull=False),
        closed_at__lt=_days_ago(settings.LETTER_RETENTION_DAYS),
    ).exclude(state__in=WAITING)


def _months_to_drop(table: TimedTable) -> list[Piece]:
    return table.older_than(_days_ago(settings.HISTORY_RETENTION_DAYS).date())


def _in_months(kind: str, table: TimedTable) -> Callable[[], Iterator[dict[str, int]]]:
    """A step that drops a history's months."""

    def step() -> Iterator[dict[str, int]]:
        for month in _months_to_drop(table):
            table.drop(month)
            yield {kind: 1}

    return step


def _run_events() -> QuerySet[RunEvent]:
    return RunEvent.objects.filter(at__lt=_days_ago(settings.HISTORY_RETENTION_DAYS), run__archived_at__isnull=False)


def _alerts() -> QuerySet[Event]:
    """Alerts of long ago of which no delivery is under way."""
    pending = Delivery.objects.filter(event=OuterRef("pk"), state=Delivery.State.PENDING)
    return Event.objects.filter(~Exists(pending), created_at__lt=_days_ago(settings.HISTORY_RETENTION_DAYS))


def _remaps() -> QuerySet[Remap]:
    """Remaps of long ago, but a feed's last one: it says which mapper its stones were mapped by."""
    later = Remap.objects.filter(feed=OuterRef("feed"), pk__gt=OuterRef("pk"))
    return Remap.objects.filter(Exists(later), completed_at__lt=_days_ago(settings.HISTORY_RETENTION_DAYS))


def _repricings() -> QuerySet[Repricing]:
    """Repricings of long ago, but the last one that was not cancelled: it says up to which day rules were heeded."""
    later = Repricing.objects.filter(pk__gt=OuterRef("pk")).exclude(state=Repricing.State.CANCELLED)
    return Repricing.objects.filter(Exists(later), finished_at__lt=_days_ago(settings.HISTORY_RETENTION_DAYS))


def _prunings() -> QuerySet[Pruning]:
    later = Pruning.objects.filter(pk__gt=OuterRef("pk"), state=Pruning.State.COMPLETED)
    return Pruning.objects.filter(Exists(later), completed_at__lt=_days_ago(settings.HISTORY_RETENTION_DAYS))


def _slots() -> QuerySet[ScheduleSlot]:
    """Slots of long ago, but each feed's and kind's last one: it says from when on the next ones are due."""
    later = ScheduleSlot.objects.filter(feed=OuterRef("feed"), kind=OuterRef("kind"), due_at__gt=OuterRef("due_at"))
    return ScheduleSlot.objects.filter(Exists(later), due_at__lt=_days_ago(settings.HISTORY_RETENTION_DAYS))


def _in_chunks(kind: str, rows: Callable[[], QuerySet[Any]]) -> Callable[[], Iterator[dict[str, int]]]:
    """A step that deletes rows in chunks, the oldest first, with what hangs on them."""

    def step() -> Iterator[dict[str, int]]:
        while chunk := list(rows().order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            with transaction.atomic():
                rows().model._default_manager.filter(pk__in=chunk).delete()
            yield {kind: len(chunk)}

    return step


#: What is done, in this order: a day of payloads can only go when the ledgers that count them have gone.
STEPS: dict[str, Callable[[], Iterator[dict[str, int]]]] = {
    "ledgers": archive_ledgers,
    "raw_days": drop_days,
    "letters": _in_chunks("letters", _letters),
    "attempts": _in_months("attempt_months", dead_letters.ATTEMPTS),
    "prices": _in_months("price_months", CHANGES),
    "run_events": _in_chunks("run_events", _run_events),
    "alerts": _in_chunks("alerts", _alerts),
    "slots": _in_chunks("slots", _slots),
    "remaps": _in_chunks("remaps", _remaps),
    "repricings": _in_chunks("repricings", _repricings),
    "prunings": _in_chunks("prunings", _prunings),
}
