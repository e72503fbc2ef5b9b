"""Leases: a row's current worker, the end of its right, and the fencing token that every later write must show.

One implementation for runs, partitions, batches and deliveries. All times are the database's. A lease is taken by one
guarded UPDATE; a worker that lost it finds its token outdated and changes nothing.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, models
from django.db.models import QuerySet
from django.db.models.functions import Now
from psycopg import sql


class LeaseLost(Exception):
    """The lease is another worker's now, or the row's work is over: the holder stops without writing anything."""


class Leased(models.Model):
    """Columns of a row that workers lease. `attempts` counts leases taken, before any work is done under them."""

    lease_owner = models.CharField(max_length=200, blank=True, default="", editable=False)
    lease_token = models.BigIntegerField(default=0, editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was granted: the row, the token to show, how many were granted so far, and the database's clock then."""

    model: type[Leased]
    pk: int
    token: int
    attempts: int
    granted_at: datetime


def owner() -> str:
    """This thread's name in leases: host, process and thread."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.current_thread().name}"


def claim(
    model: type[Leased],
    *,
    where: sql.Composable,
    parameters: Mapping[str, Any],
    order_by: sql.Composable,
    seconds: float,
    now: datetime | None = None,
) -> Lease | None:
    """Lease the first row that matches `where`, is due and is free; None if there is none.

    `where` and `order_by` may name columns of the table as `t`. Concurrent claims skip each other's rows. All clocks are
    the database's unless `now` is given, as by a test that lets days pass.
    """
    statement = sql.SQL(
        """
        /* Take one lease. Locks the one row it takes (SKIP LOCKED); served by the table's index on unfinished rows. */
        UPDATE {table} AS leased
        SET lease_owner = %(owner)s,
            lease_token = leased.lease_token + 1,
            lease_expires_at = coalesce(%(now)s::timestamptz, clock_timestamp()) + %(seconds)s * interval '1 second',
            attempts = leased.attempts + 1
        WHERE leased.id = (
            SELECT t.id
            FROM {table} AS t
            WHERE {where}
                AND t.due_at <= coalesce(%(now)s::timestamptz, clock_timestamp())
                AND (t.lease_expires_at IS NULL OR t.lease_expires_at <= coalesce(%(now)s::timestamptz, clock_timestamp()))
            ORDER BY {order_by}
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING leased.id, leased.lease_token, leased.attempts, coalesce(%(now)s::timestamptz, clock_timestamp())
        """
    ).format(table=sql.Identifier(model._meta.db_table), where=where, order_by=order_by)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"owner": owner(), "seconds": seconds, "now": now, **parameters})
        row = cursor.fetchone()
    return Lease(model, *row) if row else None


def claim_one(model: type[Leased], pk: int, *, state: str, seconds: float) -> Lease | None:
    """Lease this very row if it is in `state`, due and free; else None."""
    return claim(
        model,
        where=sql.SQL("t.id = %(pk)s AND t.state = %(state)s"),
        parameters={"pk": pk, "state": state},
        order_by=sql.SQL("t.id"),
        seconds=seconds,
    )


def renew(lease: Lease, *, seconds: float) -> datetime:
    """Push the lease's end to `seconds` from now; returns the database's clock. Raises `LeaseLost`."""
    statement = sql.SQL(
        """
        UPDATE {table}
        SET lease_expires_at = clock_timestamp() + %s * interval '1 second'
        WHERE id = %s AND lease_token = %s AND lease_expires_at IS NOT NULL
        RETURNING clock_timestamp()
        """
    ).format(table=sql.Identifier(lease.model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(statement, [seconds, lease.pk, lease.token])
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost
    now: datetime = row[0]
    return now


def give_back(lease: Lease, *, due_in: float = 0.0, now: datetime | None = None) -> bool:
    """End the lease; the row is due again `due_in` seconds from now. False if it was lost already."""
    statement = sql.SQL(
        """
        UPDATE {table}
        SET lease_expires_at = NULL, lease_owner = '',
            due_at = coalesce(%s::timestamptz, clock_timestamp()) + %s * interval '1 second'
        WHERE id = %s AND lease_token = %s AND lease_expires_at IS NOT NULL
        """
    ).format(table=sql.Identifier(lease.model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(statement, [now, due_in, lease.pk, lease.token])
        return bool(cursor.rowcount == 1)


def make_due(model: type[Leased], pk: int) -> None:
    """Make a free row due now instead of later, since something happened that it may be waiting for."""
    model._default_manager.filter(pk=pk, due_at__gt=Now(), lease_expires_at__isnull=True).update(due_at=Now())


def give_back_when_possible(lease: Lease, *, seconds: float = 20.0) -> bool:
    """`give_back` for a worker whose database went away: tries until it is back, for at most `seconds`.

    Without it the row would wait for the lease to run out. False if the lease was lost or time ran out.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.close()
            return give_back(lease)
        except (InterfaceError, OperationalError):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)


def finish(lease: Lease, *, state: str, **changes: Any) -> None:
    """End the lease and the row's work together: the row gets `state` and `changes`. Raises `LeaseLost`.

    Call it inside the transaction that writes the work's outcome, so that both are kept or neither.
    """
    rows: QuerySet[Any] = lease.model._default_manager.filter(
        pk=lease.pk, lease_token=lease.token, lease_expires_at__isnull=False
    )
    updated = rows.update(state=state, lease_expires_at=None, lease_owner="", due_at=None, **changes)
    if updated != 1:
        raise LeaseLost


@contextmanager
def heartbeat(lease: Lease, *, seconds: float) -> Iterator[None]:
    """Renew the lease from a thread of its own, six times per lease, while the block runs.

    The work's own transaction is not touched; if the lease is lost the heartbeat stops and the final write fails.
    """
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(seconds / 6):
            try:
                renew(lease, seconds=seconds)
            except LeaseLost:
                break
            except DatabaseError:
                # The database is away: the lease may outlast that; the final write decides.
                pass
            finally:
                connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
