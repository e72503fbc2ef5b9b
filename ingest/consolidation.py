"""Consolidation: from stored payloads to priced diamonds, in leased batches.

A batch is read, mapped, copied, priced and upserted in one transaction together with its own state; what becomes of each
stone is in `ingest.writing_stones`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic

import structlog
from django.conf import settings
from django.db import (
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models import F, Max, QuerySet, TextField
from django.db.models.functions import Cast, Now
from psycopg import sql

from catalog import upsert
from catalog.models import Availability
from diamondhub import leases
from diamondhub.database import psycopg_cursor
from diamondhub.doorbells import ring
from diamondhub.operations import measuring
from diamondhub.telemetry import process_metrics, tracing
from ingest import dead_letters, drift, resting
from ingest.errors import MappingError
from ingest.feeds.adapter import Adapter
from ingest.feeds.adapters import mapping_adapter_of
from ingest.measures import STONES
from ingest.models import ConsolidationBatch, DeadLetter, Feed, RawDiamond, Run
from ingest.transitions import wake
from ingest.writing_stones import Payload, bound_statements, map_payload, payload_of, stone_letter, write
from pricing.history import because

log = structlog.get_logger(__name__)

#: A batch that takes longer is logged (seconds).
SLOW_SECONDS = 10.0
#: Leases of a batch after which it is set aside as a whole, since none of its workers came to an end with it.
MAX_ATTEMPTS = 15
#: Time slice after which a worker returns for a new doorbell, so that it can be told to stop (seconds).
SLICE_SECONDS = 20.0


@dataclass(slots=True)
class Outcome:
    """The counts and dead letters of a batch."""

    stones: int = 0
    inserted: int = 0
    updated: int = 0
    letters: list[DeadLetter] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """Stones whose payload the catalogue had already, or a newer one."""
        return self.stones - self.inserted - self.updated - len(self.letters)


@dataclass(frozen=True, slots=True)
class Job:
    """A run whose batches are consolidated, and what maps and prices all of its stones."""

    run: Run
    adapter: Adapter
    pricing: upsert.Pricing


def job_of(run_id: int) -> Job:
    """The job of a run: what its rows say now. Raises `IngestError` where its feed's adapter is unknown."""
    run = Run.objects.select_related("feed").get(pk=run_id)
    return Job(run, mapping_adapter_of(run.feed), run.pricing())


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
    stones, newest = int(row[0]), row[1]
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
    """Consolidate batches of a run until none is free, all rests, or the time slice is over; then ring for what follows."""
    end = monotonic() + SLICE_SECONDS
    job: Job | None = None
    slug = Feed.objects.values_list("slug", flat=True).filter(runs=run_id).first() or ""
    while monotonic() < end:
        lease = leases.claim(
            ConsolidationBatch,
            # A claim counts as an attempt: one that would be given back is not made.
            where=sql.SQL("t.run_id = %(run)s AND t.state = 'ready' AND {}").format(resting.NOT_PAUSED),
            parameters={"run": run_id, **resting.consolidating_of(slug)},
            order_by=sql.SQL("t.id"),
            seconds=settings.BATCH_LEASE_SECONDS,
        )
        if lease is None:
            wake(run_id)
            return
        try:
            if not _set_aside(lease):
                # What is pinned stays, and what of a feed can be edited is read again in the next slice.
                job = job or job_of(run_id)
                consolidate_batch(lease, job)
        except leases.LeaseLost:
            log.info("lease_lost", run_id=run_id, batch_id=lease.pk)
        except (InterfaceError, OperationalError) as error:
            log.warning("database_away", run_id=run_id, batch_id=lease.pk, error=str(error).strip().splitlines()[0])
            if leases.give_back_when_possible(lease):
                # A lost database is not the batch's fault.
                ConsolidationBatch.objects.filter(pk=lease.pk).update(attempts=F("attempts") - 1)
        except Exception as error:
            # An unknown error must not stop the other batches; the batch is tried again, and set aside after `MAX_ATTEMPTS`.
            log.exception("batch_failed", run_id=run_id, batch_id=lease.pk)
            ConsolidationBatch.objects.filter(pk=lease.pk, lease_token=lease.token).update(
                last_error=f"{type(error).__name__}: {error}"
            )
            leases.give_back(lease, due_in=settings.RETRY_BASE_SECONDS)
    ring("ingest.tasks.consolidate", run_id)


def _set_aside(lease: leases.Lease) -> bool:
    """Turn a batch that was leased too often without ending into one dead letter; False if it may still be tried."""
    if lease.attempts <= MAX_ATTEMPTS:
        return False
    batch = ConsolidationBatch.objects.select_related("run").get(pk=lease.pk)
    reason = f"it was taken {batch.attempts - 1} times and never ended: {batch.last_error or 'its workers died'}"
    with transaction.atomic():
        stones, payloads = changed_payloads(batch)
        dead_letters.record_batch(batch, stones=len(payloads), reason=reason)
        leases.finish(
            lease,
            state=ConsolidationBatch.State.COMPLETED,
            stones=stones,
            unchanged=stones - len(payloads),
            dead=len(payloads),
            completed_at=Now(),
        )
    log.error("batch_set_aside", run_id=batch.run_id, batch_id=batch.pk, stones=len(payloads), reason=reason)
    return True


@lru_cache(maxsize=64)
def _batches_of(run_id: int) -> int:
    """About how many batches a run has, for its trace; asked once."""
    return ConsolidationBatch.objects.filter(run=run_id).count() if tracing.is_on() else 0


def consolidate_batch(lease: leases.Lease, job: Job | None = None) -> Outcome:
    """Consolidate a leased batch in one transaction; `job`, that of its run, is read if it is not given.

    Raises `LeaseLost`, with nothing changed, if the lease is lost.
    """
    started = monotonic()
    batch = ConsolidationBatch.objects.get(pk=lease.pk)
    job = job or job_of(batch.run_id)
    run = job.run
    with (
        structlog.contextvars.bound_contextvars(
            trace_id=run.trace_id, run_id=run.pk, feed=run.feed.slug, batch_id=batch.pk
        ),
        tracing.of_row(
            "batch",
            run.trace_id,
            when=tracing.keeps(batch.pk, _batches_of(run.pk)),
            run_id=run.pk,
            batch_id=batch.pk,
            attempt=batch.attempts,
        ),
        tracing.sampled("statements of a batch", run.trace_id, run_id=run.pk, batch_id=batch.pk),
        leases.heartbeat(lease, seconds=settings.BATCH_LEASE_SECONDS),
        transaction.atomic(),
    ):
        bound_statements()
        because("run", run.pk, run.started_by)
        stones, payloads = changed_payloads(batch)
        outcome = Outcome(stones=stones)
        mapped = map_payloads(run, job.adapter, payloads, outcome)
        rows = upsert.rows_of(mapped)
        seen = drift.count(job.adapter, drift.unknown_in(rows), [payload.text for payload in payloads])
        if mapped:
            with psycopg_cursor() as copier:
                upsert.create_incoming(copier)
        done = write(
            rows, job.pricing, refused=lambda stone, error: outcome.letters.append(_refused(run, stone, error))
        )
        outcome.inserted, outcome.updated = done.inserted, done.updated
        dead_letters.supersede(batch)
        DeadLetter.objects.bulk_create(outcome.letters)
        leases.finish(
            lease,
            state=ConsolidationBatch.State.COMPLETED,
            stones=outcome.stones,
            inserted=outcome.inserted,
            updated=outcome.updated,
            unchanged=outcome.unchanged,
            dead=len(outcome.letters),
            drift=seen,
            seconds=monotonic() - started,
            completed_at=Now(),
        )
        if monotonic() - started > SLOW_SECONDS:
            log.warning("batch_slow", stones=outcome.stones, seconds=round(monotonic() - started, 1))
    for what, count in (("new", outcome.inserted), ("changed", outcome.updated), ("same", outcome.unchanged)):
        measuring.add(STONES, run.feed.slug, what, count=count)
    process_metrics.observe("diamondhub_batch_seconds", run.feed.slug, seconds=monotonic() - started)
    return outcome


def changed_payloads(batch: ConsolidationBatch) -> tuple[int, list[Payload]]:
    """The number of stones in the batch, and the newest payload of each that the catalogue does not have.

    Payloads that earlier batches of the run cover are not the batch's, also where its ids are theirs.
    """
    earlier = ConsolidationBatch.objects.filter(run=batch.run_id, raw_through__lt=batch.raw_through)
    # Asked for by itself: the planner has to know the number to plan what is beside it.
    after = earlier.aggregate(newest=Max("raw_through"))["newest"] or 0
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* The newest payload of each stone, by index rawdiamond (run_id, diamond_id), then the diamonds' primary key, or
               the whole table while that is small. A stone whose payload the catalogue has is a row of nothing. */
            WITH newest AS (
                SELECT DISTINCT ON (r.diamond_id)
                    r.id, r.diamond_id, r.supplier_stone_id, r.payload, r.payload_hash, r.observed_at
                FROM ingest_rawdiamond AS r
                WHERE r.run_id = %(run)s
                    AND r.diamond_id >= %(from)s
                    AND (%(to)s::uuid IS NULL OR r.diamond_id < %(to)s::uuid)
                    AND r.id <= %(through)s
                    AND r.id > %(after)s
                ORDER BY r.diamond_id, r.observed_at DESC, r.id DESC
            )
            SELECT
                CASE WHEN d.id IS NULL THEN n.id END,
                CASE WHEN d.id IS NULL THEN n.diamond_id END,
                CASE WHEN d.id IS NULL THEN n.supplier_stone_id END,
                CASE WHEN d.id IS NULL THEN convert_to(n.payload::text, 'UTF8') END,
                CASE WHEN d.id IS NULL THEN n.payload_hash END,
                CASE WHEN d.id IS NULL THEN n.observed_at END
            FROM newest AS n
            LEFT JOIN catalog_diamond AS d
                ON d.id = n.diamond_id
                AND d.payload_hash = n.payload_hash
                AND d.availability <> %(delisted)s
            """,
            {
                "run": batch.run_id,
                "from": batch.stone_from,
                "to": batch.stone_to,
                "through": batch.raw_through,
                "after": after,
                "delisted": Availability.DELISTED.value,
            },
        )
        rows = cursor.fetchall()
    return len(rows), [Payload(*row) for row in rows if row[0] is not None]


def map_payloads(run: Run, adapter: Adapter, payloads: Sequence[Payload], outcome: Outcome) -> list[upsert.MappedStone]:
    """Map payloads; those that do not map become dead letters of the outcome."""
    feed = run.feed.slug
    mapped = []
    for payload in payloads:
        try:
            mapped.append(map_payload(feed, adapter, payload))
        except MappingError as error:
            outcome.letters.append(stone_letter(run, payload, error))
    return mapped


def _refused(run: Run, stone: upsert.MappedStone, error: MappingError) -> DeadLetter:
    # Read as text, since the driver would decode the JSON.
    text = RawDiamond.objects.values_list(Cast("payload", TextField()), flat=True).filter(pk=stone.raw_id)[:1].get()
    return stone_letter(run, payload_of(stone, text), error)
