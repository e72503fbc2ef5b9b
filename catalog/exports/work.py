"""The worker of exports: takes one, writes it from one snapshot, and finishes its row with the file's name.

A worker that was killed, or cut off, loses its lease, and another begins anew; what it had written is removed. Whoever lost
the lease, or whose export was cancelled, hears of it within a second, stops PostgreSQL and leaves nothing behind.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from psycopg.errors import QueryCanceled
from rest_framework.exceptions import PermissionDenied

from catalog.exports import asking, files, jobs, stock, writing
from catalog.exports.models import Export
from diamondhub import leases
from diamondhub.access.models import ApiClient
from diamondhub.access.throttles.rows import RowsUsedUp, take_rows
from diamondhub.api.problems import InvalidBody

log = structlog.get_logger(__name__)

#: A worker that does not say within this time that it goes on has lost its export (seconds).
LEASE_SECONDS = 30.0
#: How often it says so, and hears of a cancellation (seconds).
BEAT_SECONDS = 1.0
#: Leases that end without a file before the export is given up.
MAX_ATTEMPTS = 5
#: Pause before a failed attempt is repeated (seconds), times the attempts so far.
RETRY_SECONDS = 5.0

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _CannotBe(Exception):
    """The export cannot be made, however often it is tried; the message is for its client."""


def work(export_id: int) -> None:
    """Write an export, if it is free and there is room for one more; then the next one that waits is rung for."""
    lease = _claim(export_id)
    if lease is None:
        return
    export = Export.objects.select_related("client", "stock__client").get(pk=lease.pk)
    with structlog.contextvars.bound_contextvars(export_id=export.pk):
        try:
            _attempt(lease, export)
        except leases.LeaseLost:
            log.info("lease_lost", export_id=export.pk)
    jobs.ring_due()


def _claim(export_id: int) -> leases.Lease | None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Of many that are rung for at once, each sees those that were taken before.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('catalog_export'))")
        pending = Export.objects.filter(state=Export.State.PENDING)
        if pending.filter(lease_expires_at__gt=Now()).count() >= settings.EXPORTS_AT_ONCE:
            return None
        lease = leases.claim_one(Export, export_id, state=Export.State.PENDING, seconds=LEASE_SECONDS)
        if lease is not None:
            pending.filter(pk=lease.pk, started_at__isnull=True).update(started_at=Now())
    return lease


def _attempt(lease: leases.Lease, export: Export) -> None:
    """One attempt; an error ends the export if it will be there again, or if there were too many. Raises `LeaseLost`."""
    if export.attempts > MAX_ATTEMPTS:
        _fail(lease, "it could not be written; tell us its number", export.last_error or "its workers died")
        return
    watch = _Watch(lease)
    try:
        _write(lease, export, watch)
    except leases.LeaseLost:
        raise
    except _CannotBe as error:
        _fail(lease, str(error), "")
    except OSError as error:
        if error.errno not in _NO_SPACE:
            _again(lease, export, error)
            return
        log.error("export_without_space", error=str(error))
        _fail(lease, "there is no room for its file on our side; ask again later", str(error))
    except OperationalError as error:
        if watch.is_lost:
            raise leases.LeaseLost from None
        if isinstance(error.__cause__, QueryCanceled):
            _fail(lease, "it took too long to read; narrow its filters, or ask for fewer fields", str(error))
            return
        _again(lease, export, error)
    except InterfaceError as error:
        _again(lease, export, error)
    except Exception as error:
        # Whatever it is, it must not be tried for ever, nor stop the others.
        log.exception("export_attempt_failed", attempt=export.attempts)
        _try_again(lease, export, error)


def _write(lease: leases.Lease, export: Export, watch: _Watch) -> None:
    client, choice = _choice_of(export)
    with files.aside(export.pk, lease.token) as path, watch:
        with writing.snapshot(seconds=settings.EXPORT_STATEMENT_SECONDS) as snapshot:
            with watch.stopping(snapshot.cancel):
                rows = snapshot.count(choice)
                _in_a_transaction_aside(lambda: _take_rows(lease, client, rows))
                written = snapshot.write(choice, path, watch.tell)
        export.dataset_version = snapshot.version
        name = files.keep(path, f"{export.pk}-{lease.token}-{export.file_name}")
    try:
        _finish(lease, export, written, name)
    except BaseException:
        files.remove(name)
        raise


def _finish(lease: leases.Lease, export: Export, written: writing.Written, name: str) -> None:
    kept = timedelta(hours=stock.KEPT_HOURS if export.client_id is None else settings.EXPORT_HOURS)
    with transaction.atomic():
        leases.finish(
            lease,
            state=Export.State.FINISHED,
            finished_at=Now(),
            expires_at=Now() + kept,
            dataset_version=export.dataset_version,
            rows_written=written.rows,
            rows=written.rows,
            bytes=written.bytes,
            sha256=written.sha256,
            file=name,
        )
    log.info("export_finished", export_id=export.pk, rows=written.rows, bytes=written.bytes)


def _fail(lease: leases.Lease, reason: str, error: str) -> None:
    """End an export without a file; the client has its rows back. Raises `LeaseLost`."""
    with transaction.atomic():
        jobs.give_back(_held(lease))
        leases.finish(
            lease, state=Export.State.FAILED, finished_at=Now(), rows_taken=0, reason=reason[:300], last_error=error
        )
    log.warning("export_failed", export_id=lease.pk, reason=reason)


def _again(lease: leases.Lease, export: Export, error: Exception) -> None:
    """Have the export tried again in a while."""
    log.warning("export_attempt_failed", attempt=export.attempts, error=f"{type(error).__name__}: {error}"[:500])
    _try_again(lease, export, error)


def _try_again(lease: leases.Lease, export: Export, error: Exception) -> None:
    if not leases.give_back_when_possible(lease):
        return
    Export.objects.filter(pk=lease.pk, lease_token=lease.token, state=Export.State.PENDING).update(
        last_error=f"{type(error).__name__}: {error}",
        due_at=Now() + timedelta(seconds=RETRY_SECONDS * export.attempts),
    )


def _take_rows(lease: leases.Lease, client: ApiClient | None, rows: int) -> None:
    """Note how many stones there are, and take them of the client's day. Raises `LeaseLost`, `_CannotBe`."""
    export = _held(lease)
    noted = Export.objects.filter(pk=export.pk)
    noted.update(rows_expected=rows)
    if client is None:
        return
    # What a worker took that was killed since.
    jobs.give_back(export)
    try:
        taken = take_rows(client, rows)
    except RowsUsedUp as error:
        raise _CannotBe(f"it has {rows:,} stones: {error}") from None
    noted.update(rows_taken=rows, rows_taken_on=taken.day)


def _held(lease: leases.Lease) -> Export:
    """The export, locked, whose lease this still is. Raises `LeaseLost`."""
    rows = Export.objects.select_for_update(no_key=True)
    export = rows.filter(pk=lease.pk, lease_token=lease.token, lease_expires_at__isnull=False).first()
    if export is None:
        raise leases.LeaseLost
    return export


def _in_a_transaction_aside(act: Callable[[], None]) -> None:
    """Do something by another connection: this thread's reads a snapshot."""

    def do() -> None:
        try:
            with transaction.atomic():
                act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1, thread_name_prefix="export-rows") as aside:
        aside.submit(do).result()


def _choice_of(export: Export) -> tuple[ApiClient | None, writing.Choice]:
    """Whose rows are taken, and what is written. Raises `_CannotBe`."""
    client = export.client or (export.stock.client if export.stock else None)
    if client is None or not asking.may_export(client):
        raise _CannotBe("its client may not export any more")
    if asking.seen_by_now(export, client) != export.seen_as:
        raise _CannotBe("what its client may see has changed since; start a new one")
    try:
        view = asking.view_for(client, export.asked)
        names = asking.fields_of(client, export.fields)
        asked = asking.conditions_of(client, export.asked)
    except (InvalidBody, PermissionDenied) as error:
        raise _CannotBe(f"it cannot be asked for any more: {error}"[:250]) from None
    choice = writing.Choice(asked, names, view.exchange, export.format, export.gzip, view.max_rows)
    return export.client, choice


class _Watch:
    """A thread that renews the lease while the block runs and notes how far it is; stops PostgreSQL if the lease is lost."""

    def __init__(self, lease: leases.Lease) -> None:
        self._lease = lease
        self._over, self._lost = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._rows = 0
        self._thread = threading.Thread(target=self._run, name="export-watch", daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def is_lost(self) -> bool:
        """Whether the lease is another's by now."""
        return self._lost.is_set()

    def tell(self, rows: int) -> None:
        """Note how many rows are written. Raises `LeaseLost`."""
        self._rows = rows
        if self.is_lost:
            raise leases.LeaseLost

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Have `stop` called from the thread if the lease is lost within the block."""
        with self._lock:
            self._stop = stop
        try:
            yield
        finally:
            # A statement of somebody else must never be stopped.
            with self._lock:
                self._stop = None

    def _run(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                try:
                    leases.renew(self._lease, seconds=LEASE_SECONDS)
                    held = Export.objects.filter(pk=self._lease.pk, lease_token=self._lease.token)
                    held.update(rows_written=self._rows)
                except leases.LeaseLost:
                    self._lost.set()
                    self._stop_until_over()
                    return
                except DatabaseError:
                    # The lease may outlast that; the final write decides.
                    connection.close()
        finally:
            connection.close()

    def _stop_until_over(self) -> None:
        """Stop PostgreSQL again and again: what comes between two statements stops neither."""
        while True:
            with self._lock:
                if self._stop is not None:
                    self._stop()
            if self._over.wait(BEAT_SECONDS):
                return
