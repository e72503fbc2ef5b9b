"""Consolidation measured against the least that the database must do: a bare COPY of the same typed rows.

`fresh`: no stone is known; `all changed`: every stone has another payload; `unchanged`: every payload is the one that the
catalogue has. Two processes consolidate, as in the CPU worker of `up`; the figures of one process stand beside theirs. The
COPY is one stream into a table with the same indexes.
"""

from __future__ import annotations

import os
import subprocess
import sys
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
from diamondhub.local.stack import ROOT
from ingest import consolidation, raw_store
from ingest.demo import empty_catalogue, supplier_settings
from ingest.errors import IngestError
from ingest.feeds.nivoda import mapping
from ingest.models import ConsolidationBatch, Feed, Partition, Run

#: Goals of the shares of COPY's speed.
GOALS = {"fresh": 0.35, "all changed": 0.25, "unchanged": 0.6}
#: Processes of the CPU worker that `up` starts.
PROCESSES = 2
_CHUNK = 2000


def measure(number: int) -> list[Figure]:
    """Consolidate `number` stones three times and COPY their rows twice; the catalogue is empty before and full after."""
    feed = Feed.objects.get(slug="nivoda-natural")
    items = stones(number, feed=feed.slug)
    changed = [repriced(stone) for stone in items]
    seconds: dict[tuple[str, int], float] = {}
    copies = []
    for processes in (1, PROCESSES):
        empty_catalogue(of="bench")
        feed.refresh_from_db()
        seconds["fresh", processes] = _consolidated(feed, items, processes)
        rows = _catalogue_rows()
        copies.append(_copied(rows))
        seconds["all changed", processes] = _consolidated(feed, changed, processes)
        seconds["unchanged", processes] = _consolidated(feed, changed, processes)
        copies.append(_copied(rows))
    copy = sum(copies) / len(copies)
    return [
        Figure(
            f"consolidation, {case}",
            ratio=copy / seconds[case, PROCESSES],
            goal=goal,
            of="COPY of the same rows into an identically indexed table",
            detail=f"{number / seconds[case, PROCESSES]:,.0f} stones/s in {PROCESSES} processes against "
            f"{number / copy:,.0f} rows/s; one process alone {number / seconds[case, 1]:,.0f} stones/s, "
            f"{copy / seconds[case, 1]:.3f} of COPY",
        )
        for case, goal in GOALS.items()
    ]


def _consolidated(feed: Feed, items: Sequence[Stone], processes: int) -> float:
    """Store the payloads as a run of their own and consolidate them in `processes` processes; returns its seconds."""
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
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.consolidator", str(run.pk)],
            cwd=ROOT,
            env={**os.environ, **{name: str(getattr(settings, name)) for name in supplier_settings(0)}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    started = perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.close()
    # Not until the processes have ended: to unload all that they imported takes as long as three batches.
    done = [worker.stdout.readline() for worker in workers if worker.stdout is not None]
    took = perf_counter() - started
    statuses = [worker.wait() for worker in workers]
    if any(statuses) or done != ["done\n"] * processes:
        raise IngestError("a process that consolidated for the benchmark failed")
    Run.objects.filter(pk=run.pk).update(state=Run.State.COMPLETED, finished_at=Now())
    return took


def work(run_id: int) -> None:
    """Claim and consolidate batches of a run until none is left."""
    job = consolidation.job_of(run_id)
    while lease := leases.claim(
        ConsolidationBatch,
        where=sql.SQL("t.run_id = %(run)s AND t.state = 'ready'"),
        parameters={"run": run_id},
        order_by=sql.SQL("t.id"),
        seconds=settings.BATCH_LEASE_SECONDS,
    ):
        consolidation.consolidate_batch(lease, job)


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
    """Vacuum, analyze and checkpoint, so that no work of earlier steps falls into the measured time."""
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
