"""A plain psycopg cursor on Django's connection, for what the ORM cannot express: COPY, binary arrays, long statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import psycopg
from django.db import connection


@contextmanager
def psycopg_cursor(*, binary: bool = False) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with server-side binding inside Django's current transaction.

    Errors come as Django's (`django.db.DataError`, …), as from Django's own cursors. `binary` asks for binary results.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.format = psycopg.pq.Format.BINARY if binary else psycopg.pq.Format.TEXT
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
