"""How long payloads are kept: old days of the raw store are dropped whole.

What live diamonds were mapped from is carried over to today's piece first, under its old id, so that a remap always has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min, QuerySet
from psycopg import sql

from catalog.models import Availability
from diamondhub.operations.retention import CHUNK, Removed, days_ago
from diamondhub.operations.sizes import Amount, of_pieces
from diamondhub.timed_tables import Piece
from ingest import raw_store
from ingest.archiving import runs_to_archive
from ingest.models import Run

#: Diamonds whose payload is worth carrying over: the others are stored anew when they are shown again.
LIVE = (Availability.AVAILABLE.value, Availability.ON_HOLD.value, Availability.UNAVAILABLE.value)


def _days_to_drop() -> list[Piece]:
    """Days that are too old, and older than every run that still has its ledger: what it stored must be there with it."""
    return raw_store.DAYS.older_than(_keep_from())


def _keep_from(among: QuerySet[Run] | None = None) -> date:
    """The first day whose payloads must stay; `among` are the runs whose ledgers there are, all unless told otherwise."""
    runs = Run.objects.all() if among is None else among
    oldest = runs.filter(archived_at__isnull=True).aggregate(oldest=Min("created_at"))["oldest"]
    by_age = days_ago(settings.RAW_RETENTION_DAYS).date()
    return min(by_age, oldest.date()) if oldest else by_age


def would_drop() -> Removed:
    """What would go now, and what would be carried over."""
    days = _days_that_would_go()
    return {
        "raw_days": len(days),
        "raw_payloads": sum(_rows(day.name) for day in days),
        "carried_over": sum(_live_payloads(day) for day in days),
    }


def would_free() -> Amount:
    """What these days take; what is carried over takes some of it again."""
    return of_pieces(day.name for day in _days_that_would_go())


def _days_that_would_go() -> list[Piece]:
    # As it will be when the old ledgers are gone.
    return raw_store.DAYS.older_than(_keep_from(Run.objects.exclude(pk__in=runs_to_archive().values("pk"))))


def drop_days() -> Iterator[Removed]:
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


def kept_from() -> datetime | None:
    """The moment from which on all payloads are there: the beginning of the first day's piece, in UTC."""
    pieces = raw_store.DAYS.pieces()
    return datetime.combine(pieces[0].first, time(), UTC) if pieces else None
