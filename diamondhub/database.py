"""A plain psycopg cursor on Django's connection, for what the ORM cannot express: COPY, binary arrays, long statements; and
one on a connection of its own, for what must neither wait for Django's nor be part of its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

from diamondhub.telemetry import tracing


class TracedCursor(psycopg.Cursor[Any]):
    """A cursor whose statements and COPYs are spans where the current work is traced so closely."""

    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        with tracing.statement(query):
            return super().execute(query, *args, **options)

    def executemany(self, query: Any, *args: Any, **options: Any) -> None:
        with tracing.statement(query):
            super().executemany(query, *args, **options)

    @contextmanager
    def copy(self, statement: Any, *args: Any, **options: Any) -> Iterator[psycopg.Copy]:
        with tracing.statement(statement, copies=True), super().copy(statement, *args, **options) as copy:
            yield copy


@contextmanager
def psycopg_cursor(*, binary: bool = False) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with server-side binding inside Django's current transaction.

    Errors come as Django's (`django.db.DataError`, …), as from Django's own cursors. `binary` asks for binary results.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, TracedCursor(connection.connection) as cursor:
        cursor.format = psycopg.pq.Format.BINARY if binary else psycopg.pq.Format.TEXT
        yield cursor


@contextmanager
def separate_cursor(application_name: str) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor in autocommit on a connection that is made for the block, within two seconds.

    Not Django's: a pool that is used up, or a server that swallows packets, would be waited for too long. Raises
    `psycopg.Error`.
    """
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    parameters.update(connect_timeout=2, autocommit=True, application_name=application_name)
    with psycopg.connect(**parameters) as connection, connection.cursor() as cursor:
        yield cursor


def clock() -> datetime:
    """The database's current time, also within a transaction: one clock for all hosts, whose own clocks differ."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return cast(datetime, now)


def release_connection() -> None:
    """Give the connection back before something slow; it is taken again at the next query. No-op in a transaction."""
    if not connection.in_atomic_block:
        connection.close()
