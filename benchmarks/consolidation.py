"""Consolidation against the least that the database must do: a bare COPY of the same typed rows into the same table.

One process does both, one after the other. `fresh`: no stone is known; `all changed`: every stone has another payload;
`unchanged`: every payload is the one that the catalogue has.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from psycopg import sql

from benchmarks.result import Figure
from benchmarks.stones import Stone, repriced, stones
from diamondhub import leases
from diamondhub.database import psycopg_cursor
from ingest import consolidation, raw_store
from ingest.feeds.nivoda import mapping
from ingest.models import ConsolidationBatch, Feed, Partition, Run

#: Goals of the shares of COPY's speed.
GOALS = {"fresh": 0.35, "all changed": 0.25, "unchanged": 0.6}
_CHUNK = 2000


def measure(number: int) -> list[Figure]:
    """Consolidate `number` stones three times and COPY their rows twice; the catalogue is empty before and full after."""
    feed = Feed.objects.get(slug="nivoda-natural")
    items = stones(number, feed=feed.slug)
    seconds = {"fresh": _consolidated(feed, items)}
    rows = _catalogue_rows()
    copies = [_copied(rows)]
    changed = [repriced(stone) for stone in items]
    seconds["all changed"] = _consolidated(feed, changed)
    seconds["unchanged"] = _consolidated(feed, changed)
    copies.append(_copied(rows))
    copy = sum(copies) / len(copies)
    return [
        Figure(
            f"consolidation, {case}",
            ratio=copy / took,
            goal=GOALS[case],
            of="COPY of the same rows into an identically indexed table",
            detail=f"{number / took:,.0f} stones/s against {number / copy:,.0f} rows/s",
        )
        for case, took in seconds.items()
    ]


def _consolidated(feed: Feed, items: Sequence[Stone]) -> float:
    """Store the payloads as a run of their own, then consolidate them; seconds of the latter."""
    run = Run.objects.create(
        feed=feed,
        kind=Run.Kind.FULL,
        state=Run.State.SETTLING,
        trace_id=uuid.uuid4().hex,
        started_by="bench",
        rule_set=1,
        mapper_version=mapping.MAPPER_VERSION,
    )
    partition = Partition.objects.create(run=run, ordinal=0, expected=len(items), state=Partition.State.COMPLETED)
    raw_store.make_days_ahead()
    now = _now()
    for first in range(0, len(items), _CHUNK):
        with transaction.atomic():
            received = [item.received() for item in items[first : first + _CHUNK]]
            raw_store.store(run.pk, partition.pk, now, received)
    consolidation.cut_batches(run)
    _settle()
    started = perf_counter()
    while lease := leases.claim(
        ConsolidationBatch,
        where=sql.SQL("t.run_id = %(run)s AND t.state = 'ready'"),
        parameters={"run": run.pk},
        order_by=sql.SQL("t.id"),
        seconds=settings.BATCH_LEASE_SECONDS,
    ):
        consolidation.consolidate_batch(lease)
    took = perf_counter() - started
    Run.objects.filter(pk=run.pk).update(state=Run.State.COMPLETED, finished_at=Now())
    return took


def _catalogue_rows() -> list[tuple[Any, ...]]:
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute("SELECT * FROM catalog_diamond")
        return cursor.fetchall()


def _copied(rows: Sequence[tuple[Any, ...]]) -> float:
    """Seconds of a COPY into an empty table with the catalogue's constraints and indexes."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_copy")
        cursor.execute("CREATE TABLE bench_copy (LIKE catalog_diamond INCLUDING ALL)")
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'bench_copy'::regclass AND attnum > 0")
        columns = tuple(row[0] for row in cursor.fetchall())
    _settle()
    started = perf_counter()
    statement = sql.SQL("COPY bench_copy ({}) FROM STDIN").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    with transaction.atomic(), psycopg_cursor() as copier, copier.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    took = perf_counter() - started
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_copy")
    return took


def _settle() -> None:
    """Leave nothing of what went before to be done while the clock runs."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) ingest_rawdiamond")
        cursor.execute("VACUUM (ANALYZE) catalog_diamond")
        cursor.execute("CHECKPOINT")


def _now() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    return row[0]
