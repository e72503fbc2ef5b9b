"""Retries after failures of the supplier: how long the next try pauses, and when a partition has failed for good.

Planning and walking ask here. A person's retry of failed partitions is in `ingest.runs`.
"""

from __future__ import annotations

import random

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from diamondhub import leases
from ingest import dead_letters
from ingest.errors import SupplierError, ThrottledBySupplier, TransientSupplierError, UndecodableAnswer
from ingest.models import Partition
from ingest.transitions import wake

log = structlog.get_logger(__name__)


def pause_after(failures: int, *, share: float = 0.0) -> float:
    """The pause (seconds) before the next try: it doubles with each failure up to the cap, with jitter above `share`."""
    ceiling = min(settings.RETRY_CAP_SECONDS, settings.RETRY_BASE_SECONDS * 2.0 ** min(failures, 16))
    return random.uniform(share * ceiling, ceiling)


def keep_error(lease: leases.Lease, words: str) -> None:
    """Keep what a partition waits for that is no failure of its own, if the lease still holds."""
    Partition.objects.filter(pk=lease.pk, lease_token=lease.token).update(last_error=words, last_error_at=Now())


def put_off_or_fail(lease: leases.Lease, partition: Partition, error: SupplierError) -> None:
    """Put the partition off with growing pauses; fail it, with the reason, when waiting does not help any more.

    What it ran into is kept on it either way, so that people see why it waits before it has failed. A throttled answer
    is no failure of the partition: the limiter slows everybody down.
    """
    throttled = isinstance(error, ThrottledBySupplier)
    waiting_helps = throttled or isinstance(error, TransientSupplierError)
    partition.refresh_from_db(fields=["errors"])
    errors = partition.errors + (0 if throttled else 1)
    failure = f"{error.kind}: {error}"
    with transaction.atomic():
        if waiting_helps and errors < settings.PARTITION_ERROR_BUDGET:
            wait = random.uniform(0.2, 1.0) if throttled else pause_after(errors)
            Partition.objects.filter(pk=partition.pk, lease_token=lease.token).update(
                errors=errors, other_requests=F("other_requests") + 1, last_error=failure, last_error_at=Now()
            )
            leases.give_back(lease, due_in=wait)
            log.warning("page_failed", kind=error.kind, error=str(error), errors=errors, retry_in=round(wait, 2))
        else:
            leases.finish(
                lease,
                state=Partition.State.FAILED,
                failure=failure,
                errors=errors,
                other_requests=F("other_requests") + 1,
                last_error=failure,
                last_error_at=Now(),
            )
            if isinstance(error, UndecodableAnswer):
                dead_letters.record_page(partition, error)
            log.error("partition_failed", failure=failure, errors=errors)
            wake(partition.run_id)
