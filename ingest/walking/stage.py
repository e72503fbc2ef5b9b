"""Walking partitions: who takes which one, and what becomes of it when the supplier or the database fails.

How one is read is said in `ingest.walking.walkers`, how stones are asked for by id in `ingest.walking.confirmation`.
"""

from __future__ import annotations

import random
from functools import lru_cache
from time import monotonic

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from psycopg import sql

from diamondhub import leases
from diamondhub.doorbells import ring
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from diamondhub.telemetry import tracing
from ingest import resting, retries
from ingest.draining import Draining, draining, holding
from ingest.errors import Paused, SupplierError, TransientSupplierError
from ingest.feeds.adapters import adapter_of
from ingest.models import Feed, Partition
from ingest.transitions import wake
from ingest.walking.confirmation import Confirmation
from ingest.walking.walkers import Reading

log = structlog.get_logger(__name__)


def walk(run_id: int) -> None:
    """Walk partitions of a run, those with most left first, for one time slice; then ring for the next."""
    if draining.is_set():
        return
    end = monotonic() + settings.WALK_SLICE_SECONDS
    while monotonic() < end and not draining.is_set():
        lease = claim_partition(run_id)
        if lease is None:
            return
        try:
            with holding(lease):
                _walk_leased(lease, end)
        except leases.LeaseLost:
            log.info("lease_lost", run_id=run_id, partition_id=lease.pk)
    # When the process is asked to stop, whoever comes after it takes up the doorbell and goes on at once.
    ring("ingest.tasks.walk", run_id)


@lru_cache(maxsize=64)
def _partitions_of(run_id: int) -> int:
    """About how many partitions a run has, for its trace; asked once."""
    return Partition.objects.filter(run=run_id).count() if tracing.is_on() else 0


def claim_partition(run_id: int) -> leases.Lease | None:
    """Lease the run's partition with most left to read; None if none is free, enough walkers are at work, or all rests."""
    feed = Feed.objects.filter(runs=run_id).first()
    if feed is None:
        return None
    return leases.claim(
        Partition,
        where=sql.SQL(
            """t.run_id = %(run)s AND t.state = 'ready'
                AND (
                    SELECT count(*) FROM ingest_partition AS busy
                    WHERE busy.state = 'ready' AND busy.lease_expires_at > clock_timestamp()
                ) < %(walkers)s
                AND {}"""
        ).format(resting.NOT_PAUSED),
        parameters={"run": run_id, "walkers": settings.WALKERS, **resting.walking_of(feed)},
        order_by=sql.SQL("t.expected + t.offset_from - t.next_offset DESC, t.id"),
        seconds=settings.PARTITION_LEASE_SECONDS,
    )


def _walk_leased(lease: leases.Lease, end: float) -> None:
    partition = Partition.objects.select_related("run__feed").get(pk=lease.pk)
    run = partition.run
    with structlog.contextvars.bound_contextvars(
        trace_id=run.trace_id, run_id=run.pk, feed=run.feed.slug, partition_id=partition.pk
    ):
        try:
            adapter = adapter_of(run.feed)
            walker = Confirmation if partition.kind == Partition.Kind.CONFIRM else Reading
            with tracing.of_row(
                "walk",
                run.trace_id,
                when=tracing.keeps(partition.pk, _partitions_of(run.pk)) and tracing.keeps_attempt(partition.attempts),
                run_id=run.pk,
                partition_id=partition.pk,
                attempt=partition.attempts,
            ):
                finished = walker(lease, partition, adapter).walk(end)
        except leases.LeaseLost:
            raise
        except Draining:
            leases.give_back(lease)
        except Paused as error:
            log.info("walk_paused", reason=str(error))
            leases.give_back(lease)
        except WaitTooLong as error:
            leases.give_back(lease, due_in=random.uniform(0.5, 1.0) * error.wait)
        except LimiterUnavailable as error:
            log.warning("limiter_unavailable", error=str(error))
            retries.keep_error(lease, f"limiter away: {error}")
            leases.give_back(lease, due_in=random.uniform(0.5, 1.5))
        except SupplierError as error:
            retries.put_off_or_fail(lease, partition, error)
        except (InterfaceError, OperationalError) as error:
            log.warning("database_away", error=str(error).strip().splitlines()[0])
            leases.give_back_when_possible(lease)
        except Exception as error:
            # Nobody foresaw it, so it may pass; if it does not, it fails the partition where people see it.
            log.exception("walk_broke")
            broke = f"the walk broke: {type(error).__name__}: {str(error)[:300]!a}"
            retries.put_off_or_fail(lease, partition, TransientSupplierError(broke))
        else:
            if not finished:
                leases.give_back(lease)
            else:
                wake(run.pk)
