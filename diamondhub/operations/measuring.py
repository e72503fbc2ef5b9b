"""What happens too often for a row each: counted in the process, and written down by the minute every few seconds.

`add` only counts, and costs what a dictionary costs. Whoever serves or works calls `begin` once, so that a thread writes
what was counted; what a process that is killed had not written yet is lost. Minutes are those of the database's clock when
the count is written.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.operations.rounds import Rounds, Work

if TYPE_CHECKING:
    from diamondhub.operations.models import Measurement

#: How often a process writes what it counted (seconds).
EVERY_SECONDS = 10.0
#: Different counts that a process keeps until they are written; more are a mistake in their labels, and are not kept.
MAX_KEPT = 2_000
#: Days for which minutes are kept.
KEPT_DAYS = 8

#: Bounds of the classes by which durations are counted (seconds); the last class has no bound.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
UNBOUNDED = "more"

#: Calls of the API by outcome and class of duration; sums are seconds.
API_CALLS = "api-calls"

_Key = tuple[str, tuple[str, ...]]
_counts: dict[_Key, tuple[int, float]] = {}
_lock = threading.Lock()
_rounds: Rounds | None = None


def add(name: str, *labels: str, count: int = 1, total: float = 0.0) -> None:
    """Count `count` more of `name` with these labels, which have few values, and `total` more in sum."""
    if not count:
        return
    key = (name, labels)
    with _lock:
        before = _counts.get(key)
        if before is None and len(_counts) >= MAX_KEPT:
            return
        counted, summed = before or (0, 0.0)
        _counts[key] = (counted + count, summed + total)


def add_duration(name: str, *labels: str, seconds: float) -> None:
    """Count one that took so long, with the class of its duration as the last label."""
    bound = next((f"{bound:g}" for bound in BOUNDS if seconds <= bound), UNBOUNDED)
    add(name, *labels, bound, total=seconds)


def begin(also: Work | None = None) -> None:
    """Have a thread of this process write what is counted, from now on, and do `also` after it."""
    global _rounds

    def work(cursor: psycopg.Cursor[Any]) -> None:
        write(cursor)
        if also is not None:
            also(cursor)

    _rounds = Rounds("measuring", work, every=EVERY_SECONDS, at_end=write)
    _rounds.begin()


def end() -> None:
    """Write what is counted, and count no more rounds."""
    if _rounds is not None:
        _rounds.end()


def take() -> dict[_Key, tuple[int, float]]:
    """What was counted and is not written yet, which is forgotten with that."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    return taken


def write(cursor: psycopg.Cursor[Any]) -> None:
    """Write what was counted; what cannot be written stays counted."""
    taken = take()
    if not taken:
        return
    rows = [
        {"name": name, "labels": list(labels), "count": count, "sum": total}
        for (name, labels), (count, total) in taken.items()
    ]
    try:
        cursor.execute(
            """
            /* Adds to minutes, of which each has a row by name and labels (unique). In one order, so that two processes
               never wait for each other in a circle. */
            INSERT INTO operations_measurement AS kept (name, labels, minute, count, sum)
            SELECT added.name, added.labels, now.minute, added.count, added.sum
            FROM jsonb_to_recordset(%(rows)s::jsonb) AS added(name text, labels text[], count bigint, sum float8)
            CROSS JOIN (SELECT date_trunc('minute', clock_timestamp()) AS minute) AS now
            ORDER BY added.name, added.labels
            ON CONFLICT (name, labels, minute)
            DO UPDATE SET count = kept.count + EXCLUDED.count, sum = kept.sum + EXCLUDED.sum
            """,
            {"rows": msgspec.json.encode(rows).decode()},
        )
    except BaseException:
        for (name, labels), (count, total) in taken.items():
            add(name, *labels, count=count, total=total)
        raise


def note_level(name: str, level: int) -> None:
    """Keep how far something that only grows has come, as the count of this minute: what happened is the difference."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO operations_measurement AS kept (name, labels, minute, count, sum)
            VALUES (%s, '{}', date_trunc('minute', clock_timestamp()), %s, 0)
            ON CONFLICT (name, labels, minute) DO UPDATE SET count = greatest(kept.count, EXCLUDED.count)
            """,
            [name, level],
        )


#: Counts, or sums, by the beginning of quarters of an hour.
Quarters = dict[datetime, float]


def by_quarter(name: str, *, of: str = "count") -> dict[tuple[str, ...], Quarters]:
    """The counts (or the sums, `of="sum"`) of the last day, by labels and quarter of an hour."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index measurement_by_minute: one name's rows of a day. */
            SELECT labels, date_bin('15 minutes', minute, timestamptz '2000-01-01 00:00:00+00'), sum(count), sum(sum)
            FROM operations_measurement
            WHERE name = %s AND minute > now() - interval '1 day'
            GROUP BY 1, 2
            """,
            [name],
        )
        rows = cursor.fetchall()
    counted: dict[tuple[str, ...], Quarters] = {}
    for labels, quarter, count, total in rows:
        counted.setdefault(tuple(labels), {})[quarter] = float(count if of == "count" else total)
    return counted


def grown_by_quarter(name: str) -> Quarters:
    """By how much a level (`note_level`) has grown in each quarter of an hour of the last day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index measurement_by_minute: one name's rows of a day. */
            SELECT quarter, greatest(0, level - lag(level) OVER (ORDER BY quarter))
            FROM (
                SELECT date_bin('15 minutes', minute, timestamptz '2000-01-01 00:00:00+00') AS quarter, max(count) AS level
                FROM operations_measurement
                WHERE name = %s AND minute > now() - interval '25 hours'
                GROUP BY 1
            ) AS levels
            ORDER BY quarter
            """,
            [name],
        )
        return {quarter: float(growth) for quarter, growth in cursor.fetchall() if growth}


def summed(many: Iterable[Quarters]) -> Quarters:
    """Several counts as one."""
    total: Quarters = {}
    for values in many:
        for quarter, value in values.items():
            total[quarter] = total.get(quarter, 0.0) + value
    return total


def quantile(counts: Mapping[str, float], share: float) -> float | None:
    """Below which duration (seconds) this share of those counted by class are, at most; None if there are none.

    In the class that is not bounded it is that class's lower bound.
    """
    total = sum(counts.values())
    if not total:
        return None
    below = 0.0
    for bound in BOUNDS:
        below += counts.get(f"{bound:g}", 0.0)
        if below >= share * total:
            return bound
    return BOUNDS[-1]


def forgotten() -> QuerySet[Measurement]:
    """Minutes that nobody needs any more."""
    # Who counts may be loaded before there are models.
    from diamondhub.operations.models import Measurement

    return Measurement.objects.filter(minute__lt=Now() - timedelta(days=KEPT_DAYS))
