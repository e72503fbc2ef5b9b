"""Snapshots: what a page that many look at is made of, taken once every few seconds for all of them.

A snapshot is a row. Whoever finds it old begins to take it anew, by one guarded UPDATE, and all others meanwhile see the
former one. It is in the database, since what is shown is trusted, and a Redis that is away must be told of, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

#: A snapshot that is so old is taken anew (seconds).
FRESH_SECONDS = 2.0
#: One that is older is shown to nobody: who comes waits for whoever takes it, or takes one of their own (seconds).
STALE_SECONDS = 8.0
#: How long somebody else's snapshot is waited for, and how often it is looked for (seconds).
WAIT_SECONDS, LOOK_SECONDS = 2.0, 0.05


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot as it is kept: its body, and the seconds since it was taken and since somebody last began to."""

    body: str
    age: float
    since_begun: float


def of(name: str, take: Callable[[str], str]) -> str:
    """The body of the snapshot `name`, at most `STALE_SECONDS` old; `take` makes it from the former one ("" if none)."""
    kept = read(name)
    if kept is not None and kept.body and kept.age < FRESH_SECONDS:
        return kept.body
    former = kept.body if kept is not None else ""
    if (kept is None or kept.since_begun >= FRESH_SECONDS) and begin(name):
        body = take(former)
        _keep(name, body)
        return body
    if kept is not None and kept.body and kept.age < STALE_SECONDS:
        return kept.body
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        kept = read(name)
        if kept is not None and kept.body and kept.age < STALE_SECONDS:
            return kept.body
    # Whoever began does not come to an end.
    return take(former)


def read(name: str) -> Kept | None:
    """The snapshot as it is; None if nobody ever began to take it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* One row by its primary key. */
            SELECT body,
                coalesce(extract(epoch FROM clock_timestamp() - taken_at), 1e9)::float,
                extract(epoch FROM clock_timestamp() - begun_at)::float
            FROM operations_snapshot WHERE name = %s
            """,
            [name],
        )
        row = cursor.fetchone()
    return Kept(*row) if row else None


def begin(name: str) -> bool:
    """Whether it is for the caller to take the snapshot: of many who ask at once, one is told so."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* One row by its primary key; the second of two waits for the first, and then finds it begun. */
            INSERT INTO operations_snapshot AS kept (name, begun_at, taken, body)
            VALUES (%(name)s, clock_timestamp(), 0, '')
            ON CONFLICT (name) DO UPDATE SET begun_at = clock_timestamp()
            WHERE kept.begun_at <= clock_timestamp() - %(fresh)s * interval '1 second'
            RETURNING name
            """,
            {"name": name, "fresh": FRESH_SECONDS},
        )
        return cursor.fetchone() is not None


def _keep(name: str, body: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE operations_snapshot SET body = %s, taken_at = clock_timestamp(), taken = taken + 1 WHERE name = %s",
            [body, name],
        )
