"""Consolidation: from stored payloads to priced diamonds, in leased batches.

A batch is read, mapped, copied, priced and upserted in one transaction together with its own state. A stone that does not
map becomes a dead letter; rows that the database refuses are halved until the one at fault stands alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now
from psycopg import sql
from psycopg.errors import QueryCanceled

from catalog import upsert
from catalog.models import Availability
from diamondhub import leases
from diamondhub.database import psycopg_cursor
from diamondhub.doorbells import ring
from ingest import dead_letters
from ingest.errors import MappingError
from ingest.feeds.adapter import Adapter
from ingest.feeds.registry import adapter_for
from ingest.models import ConsolidationBatch, DeadLetter, RawDiamond, Run
from pricing.compile import price_expression, price_per_carat_expression
from pricing.models import RuleSet

log = structlog.get_logger(__name__)

#: A batch that takes longer is logged (seconds).
SLOW_SECONDS = 10.0
#: A worker looks for a new doorbell after this long, so that it can be told to stop (seconds).
SLICE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Payload:
    """A stored payload that the catalogue does not have yet."""

    raw_id: int
    diamond_id: uuid.UUID
    supplier_stone_id: str
    text: bytes
    payload_hash: bytes
    observed_at: datetime


@dataclass(slots=True)
class Outcome:
    """What became of a batch's stones."""

    stones: int = 0
    inserted: int = 0
    updated: int = 0
    letters: list[DeadLetter] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """Stones whose payload the catalogue had already, or a newer one."""
        return self.stones - self.inserted - self.updated - len(self.letters)


def open_batches() -> QuerySet[ConsolidationBatch]:
    """Batches that are not consolidated yet."""
    return ConsolidationBatch.objects.filter(state=ConsolidationBatch.State.READY)


def cut_batches(run: Run) -> int:
    """Cut the payloads that no batch of the run covers yet into batches by stone hash; returns their number.

    Part of the transaction that moves the run to consolidating.
    """
    through = run.batches.aggregate(newest=Max("raw_through"))["newest"] or 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index rawdiamond (run_id, diamond_id). */
            SELECT count(DISTINCT diamond_id), max(id) FROM ingest_rawdiamond WHERE run_id = %s AND id > %s
            """,
            [run.pk, through],
        )
        row = cursor.fetchone()
    assert row is not None
    stones, newest = row
    if not stones:
        return 0
    pieces = -(-stones // settings.CONSOLIDATION_BATCH_STONES)
    cuts = [uuid.UUID(int=(i << 128) // pieces) for i in range(pieces)]
    first = run.batches.count()
    ConsolidationBatch.objects.bulk_create(
        ConsolidationBatch(
            run=run,
            ordinal=first + i,
            stone_from=cuts[i],
            stone_to=cuts[i + 1] if i + 1 < pieces else None,
            raw_through=newest,
            due_at=Now(),
        )
        for i in range(pieces)
    )
    return pieces


def consolidate(run_id: int) -> None:
    """Consolidate batches of a run until none is free or the time slice is over; then ring for what follows."""
    end = monotonic() + SLICE_SECONDS
    while monotonic() < end:
        lease = leases.claim(
            ConsolidationBatch,
            where=sql.SQL("t.run_id = %(run)s AND t.state = 'ready'"),
            parameters={"run": run_id},
            order_by=sql.SQL("t.id"),
            seconds=settings.BATCH_LEASE_SECONDS,
        )
        if lease is None:
            ring("ingest.tasks.advance", run_id)
            return
        try:
            consolidate_batch(lease)
        except leases.LeaseLost:
            log.info("lease_lost", run_id=run_id, batch_id=lease.pk)
    ring("ingest.tasks.consolidate", run_id)


def consolidate_batch(lease: leases.Lease) -> Outcome:
    """Do one leased batch: everything or, if the lease is lost meanwhile, nothing (`LeaseLost`)."""
    started = monotonic()
    batch = ConsolidationBatch.objects.select_related("run__feed").get(pk=lease.pk)
    run = batch.run
    adapter = adapter_for(run.feed.adapter, run.feed.parameters)
    rule_set = RuleSet.objects.get(version=run.rule_set)
    with (
        structlog.contextvars.bound_contextvars(trace_id=run.trace_id, run_id=run.pk, batch_id=batch.pk),
        leases.heartbeat(lease, seconds=settings.BATCH_LEASE_SECONDS),
        transaction.atomic(),
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(settings.BATCH_STATEMENT_SECONDS * 1000)}")
        stones, payloads = changed_payloads(batch)
        outcome = Outcome(stones=stones)
        mapped = map_payloads(run, adapter, payloads, outcome)
        with psycopg_cursor() as copier:
            upsert.create_incoming(copier)
        _write(run, rule_set, mapped, outcome)
        DeadLetter.objects.bulk_create(outcome.letters)
        leases.finish(
            lease,
            state=ConsolidationBatch.State.COMPLETED,
            stones=outcome.stones,
            inserted=outcome.inserted,
            updated=outcome.updated,
            unchanged=outcome.unchanged,
            dead=len(outcome.letters),
            seconds=monotonic() - started,
            completed_at=Now(),
        )
        if monotonic() - started > SLOW_SECONDS:
            log.warning("batch_slow", stones=outcome.stones, seconds=round(monotonic() - started, 1))
    return outcome


def changed_payloads(batch: ConsolidationBatch) -> tuple[int, list[Payload]]:
    """How many stones the batch holds, and the newest payload of each that the catalogue does not have."""
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* The newest payload of each stone; index rawdiamond (run_id, diamond_id). What the catalogue has is counted
               but not fetched. */
            WITH newest AS (
                SELECT DISTINCT ON (r.diamond_id)
                    r.id, r.received_on, r.diamond_id, r.supplier_stone_id, r.payload_hash, r.observed_at
                FROM ingest_rawdiamond AS r
                WHERE r.run_id = %(run)s
                    AND r.diamond_id >= %(from)s
                    AND (%(to)s::uuid IS NULL OR r.diamond_id < %(to)s::uuid)
                    AND r.id <= %(through)s
                ORDER BY r.diamond_id, r.observed_at DESC, r.id DESC
            ), compared AS (
                SELECT newest.*, d.id IS NOT NULL AS known
                FROM newest
                LEFT JOIN catalog_diamond AS d
                    ON d.id = newest.diamond_id
                    AND d.payload_hash = newest.payload_hash
                    AND d.availability <> %(delisted)s
            )
            SELECT (SELECT count(*) FROM compared), c.id, c.diamond_id, c.supplier_stone_id,
                convert_to(r.payload::text, 'UTF8'), c.payload_hash, c.observed_at
            FROM (SELECT) AS one
            LEFT JOIN compared AS c ON NOT c.known
            LEFT JOIN ingest_rawdiamond AS r ON r.id = c.id AND r.received_on = c.received_on
            """,
            {
                "run": batch.run_id,
                "from": batch.stone_from,
                "to": batch.stone_to,
                "through": batch.raw_through,
                "delisted": Availability.DELISTED.value,
            },
        )
        rows = cursor.fetchall()
    stones = rows[0][0]
    return stones, [Payload(*row[1:]) for row in rows if row[1] is not None]


def map_payloads(
    run: Run, adapter: Adapter, payloads: Sequence[Payload], outcome: Outcome
) -> list[upsert.MappedStone]:
    """Map payloads; those that do not map become dead letters of the outcome."""
    feed = run.feed.slug
    mapped = []
    for payload in payloads:
        try:
            facts = adapter.to_diamond(payload.text)
        except MappingError as error:
            outcome.letters.append(_letter(run, payload, error))
        else:
            mapped.append(
                upsert.MappedStone(
                    payload.diamond_id,
                    feed,
                    payload.supplier_stone_id,
                    payload.payload_hash,
                    payload.raw_id,
                    payload.observed_at,
                    facts,
                )
            )
    return mapped


def _write(run: Run, rule_set: RuleSet, stones: Sequence[upsert.MappedStone], outcome: Outcome) -> None:
    """Copy and upsert; on rows that the database refuses, halve until the stone at fault stands alone."""
    if not stones:
        return
    price = price_expression(rule_set, "i")
    try:
        with transaction.atomic(), psycopg_cursor() as cursor:
            cursor.execute("TRUNCATE incoming")
            upsert.copy_rows(cursor, "incoming", upsert.INCOMING_COLUMNS, map(upsert.incoming_row, stones))
            done = upsert.upsert_incoming(
                cursor,
                price=price,
                price_per_carat=price_per_carat_expression(sql.SQL("p.price_cents"), "i"),
                rule_set=rule_set.version,
            )
    except (DataError, IntegrityError, OperationalError) as error:
        if isinstance(error, OperationalError) and not isinstance(error.__cause__, QueryCanceled):
            raise
        if len(stones) == 1:
            outcome.letters.append(_refused(run, stones[0], error))
            return
        log.warning("batch_halved", stones=len(stones), error=str(error).strip().splitlines()[0])
        middle = len(stones) // 2
        _write(run, rule_set, stones[:middle], outcome)
        _write(run, rule_set, stones[middle:], outcome)
    else:
        outcome.inserted += done.inserted
        outcome.updated += done.updated


def _letter(run: Run, payload: Payload, error: MappingError) -> DeadLetter:
    return dead_letters.letter(
        run,
        kind=DeadLetter.Kind.STONE,
        payload=payload.text,
        error=error,
        diamond_id=payload.diamond_id,
        supplier_stone_id=payload.supplier_stone_id,
    )


def _refused(run: Run, stone: upsert.MappedStone, error: Exception) -> DeadLetter:
    reason = str(error).strip().splitlines()[0]
    column = getattr(getattr(error.__cause__, "diag", None), "column_name", None) or "row"
    payload = RawDiamond.objects.get(pk=stone.raw_id).payload
    return dead_letters.letter(
        run,
        kind=DeadLetter.Kind.STONE,
        payload=payload.encode() if isinstance(payload, str) else str(payload).encode(),
        error=MappingError(column, f"the catalogue does not take it: {reason}"),
        diamond_id=stone.id,
        supplier_stone_id=stone.supplier_stone_id,
    )
