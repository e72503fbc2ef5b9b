"""Rows that a client may take a day (UTC), whatever happens to Redis: they are counted in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil

from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest

from diamondhub.access.models import ApiClient, RowsTaken
from diamondhub.access.throttles.limits import ROWS_A_DAY

# Adds rows to a client's day if they fit: of many at once, each waits for the one before and sees what it took. The unique
# index of client and day serves it.
_TAKE = """
INSERT INTO access_rowstaken AS taken (client_id, day, rows)
SELECT %(client)s, (statement_timestamp() AT TIME ZONE 'UTC')::date, %(rows)s
WHERE %(rows)s <= %(limit)s
ON CONFLICT (client_id, day) DO UPDATE
SET rows = taken.rows + excluded.rows
WHERE taken.rows + excluded.rows <= %(limit)s
RETURNING rows, day
"""
# What a client has taken today, and the moment by which that is today.
_TAKEN = """
SELECT coalesce(sum(rows), 0), statement_timestamp() AT TIME ZONE 'UTC'
FROM access_rowstaken
WHERE client_id = %(client)s AND day = (statement_timestamp() AT TIME ZONE 'UTC')::date
"""


class RowsUsedUp(Exception):
    """The client may not take so many rows today; nothing was taken."""

    def __init__(self, *, limit: int, left: int, retry_after: int) -> None:
        again = f"ask again in {retry_after} s" if limit else "this client may take none"
        super().__init__(f"of {limit:,} rows a day {left:,} are left today (UTC); {again}")
        self.limit = limit
        self.left = left
        #: Seconds until the next day begins (UTC).
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class TakenRows:
    """Rows that were taken, of which day (UTC), and how many are left of it."""

    client_id: int
    day: date
    rows: int
    left: int


def limit_of(client: ApiClient) -> int:
    """Rows that a client may take a day: its own limit, or the one of all."""
    return ROWS_A_DAY if client.max_rows_a_day is None else client.max_rows_a_day


def take_rows(client: ApiClient, rows: int) -> TakenRows:
    """Take `rows` of a client's day, in the caller's transaction, with which they are taken or not.

    Exact for any number of callers at once: the second waits for the first one's transaction, so that should be short.
    Raises `RowsUsedUp` if they are more than are left.
    """
    if rows < 0:
        raise ValueError("rows cannot be fewer than none")
    limit = limit_of(client)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"client": client.pk, "rows": rows, "limit": limit})
        taken = cursor.fetchone()
        if taken is not None:
            return TakenRows(client.pk, taken[1], rows, limit - taken[0])
    raise _used_up(client, limit)


def require_rows(client: ApiClient, rows: int) -> None:
    """Raise `RowsUsedUp` if `rows` are more than are left of the client's day; nothing is taken."""
    limit = limit_of(client)
    refusal = _used_up(client, limit)
    if not limit or rows > refusal.left:
        raise refusal


def _used_up(client: ApiClient, limit: int) -> RowsUsedUp:
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, {"client": client.pk})
        sum_of_day, now = cursor.fetchone()
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time())
    left = max(0, limit - int(sum_of_day))
    return RowsUsedUp(limit=limit, left=left, retry_after=ceil((tomorrow - now).total_seconds()))


def give_rows(taken: TakenRows, rows: int | None = None) -> None:
    """Give back what was not needed, or all of it, to the day of which it was taken."""
    unused = taken.rows if rows is None else min(rows, taken.rows)
    RowsTaken.objects.filter(client=taken.client_id, day=taken.day).update(rows=Greatest(F("rows") - unused, 0))
