"""Who works at a partition or batch, since when nothing was heard of it, and what it waits for: shown before it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from diamondhub.admin.display import NOTHING, ago, badge, duration
from ingest.models import ConsolidationBatch, Partition, Run

#: Batches that the run's page shows; all of them have a list of their own.
MAX_BATCHES = 20


@dataclass(frozen=True, slots=True)
class AtWork:
    """A leased row's work in words; what there is nothing to say of is a dash."""

    holder: str
    heard_of: str
    next_try: str


def at_work(row: Partition | ConsolidationBatch, now: datetime) -> AtWork:
    """What the row's lease says. Whoever works renews the lease, so its end tells when that was last."""
    lasts = settings.PARTITION_LEASE_SECONDS if isinstance(row, Partition) else settings.BATCH_LEASE_SECONDS
    if row.state != "ready":
        return AtWork(NOTHING, NOTHING, NOTHING)
    if row.lease_expires_at is None:
        return AtWork(NOTHING, NOTHING, _until(row.due_at, now))
    heard_of = f"{duration(now - row.lease_expires_at + timedelta(seconds=lasts))} ago"
    if row.lease_expires_at <= now:
        return AtWork(f"{row.lease_owner}, which is silent", heard_of, "as soon as a worker is free")
    return AtWork(row.lease_owner, heard_of, NOTHING)


def _until(due_at: datetime | None, now: datetime) -> str:
    if due_at is None:
        return NOTHING
    return f"in {duration(due_at - now)}" if due_at > now else "as soon as a worker is free"


def last_error(partition: Partition) -> str:
    """What a partition ran into last, how long ago, and whether a page has gone well since; empty for none."""
    if not partition.last_error:
        return ""
    gone_well = partition.state == Partition.State.COMPLETED
    return f"{partition.last_error} ({ago(partition.last_error_at)}{', got over' if gone_well else ''})"


def batches(run: Run) -> Sequence[Any]:
    """The batches that ask for attention first: with an error, worked at, waiting; those that are over come last."""
    now = timezone.now()
    rows: list[Any] = list(
        run.batches.defer("drift")
        .annotate(
            working=Q(state="ready", lease_expires_at__gt=Now()),
            rank=Case(
                When(~Q(last_error=""), state="ready", then=Value(0)),
                When(state="ready", lease_expires_at__gt=Now(), then=Value(1)),
                When(state="ready", then=Value(2)),
                default=Value(3),
                output_field=IntegerField(),
            ),
        )
        .order_by("rank", "ordinal")[:MAX_BATCHES]
    )
    for batch in rows:
        batch.badge = badge("working" if batch.working else batch.state)
        batch.at_work = at_work(batch, now)
    return rows
