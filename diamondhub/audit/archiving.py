"""Old months of the audit go to files: written, read back and compared, and only then removed from the tables.

A month's file has one event a line (`{"table": …, "row": {…}}`, gzip); beside it lies a manifest with its SHA-256 and its
numbers of rows. `AUDIT_RETENTION_MONTHS` says how many whole months stay in the database; 0, the default, all of them. What
was archived can be put back for a while (`restore`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from psycopg import sql

from diamondhub.audit.models import ARCHIVE_STATES, AuditArchive
from diamondhub.audit.tracking import AUDITED
from diamondhub.operations.retention import CHUNK, Removed
from diamondhub.operations.sizes import Amount, bytes_a_row

log = structlog.get_logger(__name__)

#: Wait for the lock of a table of events, behind which audited changes queue (seconds).
LOCK_SECONDS = 3
#: Days for which a restored month stays in the database, unless somebody says otherwise.
RESTORED_DAYS = 30
#: What is read of a file at once (bytes).
PIECE = 1 << 20


class ArchiveError(Exception):
    """An archive is not what its row says, or cannot be had. The message names the month and the file."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file: its name, its digest (SHA-256 of the file as it lies there), its length, its rows by table."""

    file: str
    sha256: str
    bytes: int
    tables: dict[str, int]


def storage() -> Storage:
    """Where the files are."""
    return storages["archives"]


def tables() -> list[str]:
    """The tables of events."""
    return sorted({str(audited.events._meta.db_table) for audited in AUDITED.values()})


# --- which months ------------------------------------------------------------------------------------------------------


def _following(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _bounds(month: date) -> dict[str, datetime]:
    begin, end = (datetime(day.year, day.month, 1, tzinfo=UTC) for day in (month, _following(month)))
    return {"begin": begin, "end": end}


def kept_from() -> date | None:
    """The first month that stays; None if all do."""
    if not settings.AUDIT_RETENTION_MONTHS:
        return None
    today = datetime.now(UTC).date()
    months = today.year * 12 + today.month - 1 - settings.AUDIT_RETENTION_MONTHS
    return date(months // 12, months % 12 + 1, 1)


def months_to_archive() -> list[date]:
    """Months that are too old and have events in the tables, the oldest first; restored ones when their time is over."""
    first = kept_from()
    if first is None:
        return []
    end = datetime(first.year, first.month, 1, tzinfo=UTC)
    months: set[date] = set()
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(
                sql.SQL(
                    """
                    /* Index on the moment: a look for each month that has events. */
                    WITH RECURSIVE month (at) AS (
                        SELECT date_trunc('month', min(pgh_created_at), 'UTC') FROM {table} WHERE pgh_created_at < %(end)s
                        UNION ALL
                        SELECT (
                            SELECT date_trunc('month', min(pgh_created_at), 'UTC') FROM {table}
                            WHERE pgh_created_at >= ((month.at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
                                AND pgh_created_at < %(end)s
                        )
                        FROM month WHERE month.at IS NOT NULL
                    )
                    SELECT (at AT TIME ZONE 'UTC')::date FROM month WHERE at IS NOT NULL
                    """
                ).format(table=sql.Identifier(table)),
                {"end": end},
            )
            months |= {month for (month,) in cursor.fetchall()}
    wanted = AuditArchive.objects.filter(state=AuditArchive.State.RESTORED, restored_until__gt=Now())
    return sorted(months - set(wanted.values_list("month", flat=True)))


# --- the step of a pruning ---------------------------------------------------------------------------------------------


def would_archive() -> Removed:
    """How many months would go, with how many events."""
    months = months_to_archive()
    return {"audit_months": len(months), "audit_events": sum(_counted(month).total() for month in months)}


def would_free() -> Amount:
    """What these events take in the tables; their files take about a tenth."""
    total = Amount()
    for month in months_to_archive():
        for table, rows in _counted(month).items():
            total += Amount(rows, int(rows * bytes_a_row(table)))
    return total


def archive_months() -> Iterator[Removed]:
    """Archive old months, one after another: write, verify, and then remove table by table.

    A month that cannot be archived stays in the tables and keeps nothing else from its turn; the doctor tells of it.
    """
    for month in months_to_archive():
        try:
            yield from _archive(month)
        except (ArchiveError, IntegrityError, OSError) as error:
            log.error("audit_not_archived", month=f"{month:%Y-%m}", error=str(error).strip().splitlines()[0])


def _archive(month: date) -> Iterator[Removed]:
    archive = _written(month)
    verify(archive)
    if archive.state == AuditArchive.State.WRITTEN:
        ARCHIVE_STATES.move(archive, AuditArchive.State.VERIFIED)
    for table in archive.tables:
        if table not in archive.dropped:
            yield {"audit_events": _forget(archive, table)}
    ARCHIVE_STATES.move(archive, AuditArchive.State.DROPPED, dropped_at=Now())
    yield {"audit_months": 1}


def _counted(month: date) -> Counter[str]:
    rows: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(
                sql.SQL(
                    "SELECT count(*) FROM {} WHERE pgh_created_at >= %(begin)s AND pgh_created_at < %(end)s"
                ).format(sql.Identifier(table)),
                _bounds(month),
            )
            rows[table] = (cursor.fetchone() or (0,))[0]
    return +rows


def _written(month: date) -> AuditArchive:
    """The month's archive, which is written if there is none whose file is complete."""
    there = AuditArchive.objects.filter(month=month).first()
    if there is not None and there.state == AuditArchive.State.RESTORED:
        ARCHIVE_STATES.move(there, AuditArchive.State.VERIFIED, dropped=[], restored_until=None)
    if there is not None and there.state == AuditArchive.State.VERIFIED:
        return there
    if there is not None and there.state == AuditArchive.State.DROPPED:
        raise ArchiveError(f"{month:%Y-%m} was archived, and there are events of it again: look at who wrote them")
    # Of a pruning that was cut off: no verified archive is in it.
    for begun in {_name(month), there.file if there else _name(month)}:
        storage().delete(begun)
    contents = _write(month)
    values: dict[str, Any] = {
        "file": contents.file,
        "sha256": contents.sha256,
        "bytes": contents.bytes,
        "rows": sum(contents.tables.values()),
        "tables": contents.tables,
    }
    archive, _ = AuditArchive.objects.update_or_create(month=month, defaults=values)
    _write_manifest(archive)
    return archive


def _forget(archive: AuditArchive, table: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
        cursor.execute("SELECT audit_forget_month(%s, %s)", [archive.month, table])
        (gone,) = cursor.fetchone() or (0,)
    return int(gone)


# --- files -------------------------------------------------------------------------------------------------------------


def _name(month: date) -> str:
    return f"audit/{month:%Y-%m}.ndjson.gz"


def _write(month: date) -> Contents:
    name = _name(month)
    with tempfile.TemporaryFile() as aside:
        rows: Counter[str] = Counter()
        # Without a moment in it, the same events make the same file.
        with gzip.GzipFile(fileobj=aside, mode="wb", mtime=0) as packed:
            for table, line in _lines(month):
                packed.write(line)
                rows[table] += 1
        aside.seek(0)
        digest, size = _digest(aside)
        aside.seek(0)
        kept = storage().save(name, File(aside, name=name))
    return Contents(kept, digest, size, dict(rows))


def _lines(month: date) -> Iterator[tuple[str, bytes]]:
    for table in tables():
        after = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL(
                        """
                        SELECT pgh_id, to_jsonb(event)::text FROM {} AS event
                        WHERE pgh_created_at >= %(begin)s AND pgh_created_at < %(end)s AND pgh_id > %(after)s
                        ORDER BY pgh_id LIMIT %(chunk)s
                        """
                    ).format(sql.Identifier(table)),
                    {**_bounds(month), "after": after, "chunk": CHUNK},
                )
                rows = cursor.fetchall()
            if not rows:
                break
            for _number, row in rows:
                yield table, f'{{"table": "{table}", "row": {row}}}\n'.encode()
            after = rows[-1][0]


def _write_manifest(archive: AuditArchive) -> None:
    manifest = {
        "month": f"{archive.month:%Y-%m}",
        "file": archive.file,
        "sha256": archive.sha256,
        "bytes": archive.bytes,
        "rows": archive.rows,
        "tables": archive.tables,
        "made_at": archive.created_at.isoformat(),
    }
    name = f"{archive.file}.manifest.json"
    storage().delete(name)
    storage().save(name, ContentFile(json.dumps(manifest, indent=2).encode() + b"\n"))


def _digest(file: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


@contextmanager
def _opened(archive: AuditArchive) -> Iterator[Any]:
    try:
        with storage().open(archive.file, "rb") as file:
            yield file
    except OSError as error:
        words = getattr(error, "strerror", None) or type(error).__name__
        raise ArchiveError(f"{archive}: {archive.file} cannot be read: {words}") from error


def verify(archive: AuditArchive) -> None:
    """Read the whole file and compare it with what its row says. Raises `ArchiveError`."""
    with _opened(archive) as file:
        digest, _size = _digest(file)
    if digest != archive.sha256:
        raise ArchiveError(f"{archive}: {archive.file} is not what was written: its SHA-256 is {digest}")
    rows = Counter(table for table, _row in _events(archive))
    if rows != Counter(archive.tables):
        raise ArchiveError(f"{archive}: {archive.file} has {rows.total():,} events, and {archive.rows:,} were written")


def _events(archive: AuditArchive) -> Iterator[tuple[str, Any]]:
    with _opened(archive) as file, gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        try:
            for line in unpacked:
                event = json.loads(line)
                yield event["table"], event["row"]
        except (EOFError, ValueError, KeyError, TypeError, gzip.BadGzipFile) as error:
            raise ArchiveError(f"{archive}: {archive.file} is damaged") from error


# --- putting back ------------------------------------------------------------------------------------------------------


def restore(archive: AuditArchive, *, days: int = RESTORED_DAYS) -> int:
    """Put a month's events back into their tables for some days; returns their number. Raises `ArchiveError`."""
    if archive.state != AuditArchive.State.DROPPED:
        raise ArchiveError(f"{archive} is in the database: it is {archive.state}")
    verify(archive)
    restored = 0
    with transaction.atomic():
        waiting: dict[str, list[Any]] = {}
        for table, row in _events(archive):
            waiting.setdefault(table, []).append(row)
            if len(waiting[table]) >= CHUNK:
                restored += _insert(table, waiting.pop(table))
        for table, rows in waiting.items():
            restored += _insert(table, rows)
        if restored != archive.rows:
            raise ArchiveError(f"{archive}: {restored:,} of {archive.rows:,} events could be put back; nothing was")
        until = Now() + timedelta(days=days)
        if not ARCHIVE_STATES.move(archive, AuditArchive.State.RESTORED, restored_until=until, dropped=[]):
            raise ArchiveError(f"{archive}: somebody else restores it")
    return restored


def _insert(table: str, rows: list[Any]) -> int:
    if table not in tables():
        raise ArchiveError(f"there is no table {table} of events any more: read the file itself")
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                /* By the columns that the table has now. */
                INSERT INTO {table} OVERRIDING SYSTEM VALUE
                SELECT * FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) ON CONFLICT (pgh_id) DO NOTHING
                """
            ).format(table=sql.Identifier(table)),
            [json.dumps(rows)],
        )
        return int(cursor.rowcount)
