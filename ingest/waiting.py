"""What a run waits for when it does not go on by itself: a person, the end of a pause, a worker, or a
supplier that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, Min, Q

from ingest import resting, watching
from ingest.models import Partition, Run


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run waits for, until when if that is known, and why in words."""

    what: Literal["approval", "pause", "worker", "retries", "supplier"]
    why: str
    until: datetime | None = None


def waiting_for(run: Run, now: datetime) -> Waiting | None:
    """What a run waits for at `now`, by the database's clock; None if it works, or is over."""
    if not run.live:
        return None
    if run.state == Run.State.IN_REVIEW:
        return Waiting("approval", watching.last_reason(run))
    if (pause := resting.in_force().stopping(run)) is not None:
        return Waiting("pause", pause.sentence, pause.until)
    if not watching.somebody_works():
        return Waiting("worker", "no worker is running: the run waits until one is started")
    if run.state == Run.State.INGESTING:
        return _for_supplier(run, now)
    later = run.due_at if run.due_at is not None and run.due_at > now and run.lease_expires_at is None else None
    if later and run.state == Run.State.PLANNING and run.planning_failures:
        return Waiting("supplier", f"planning failed {run.planning_failures} times and is tried again", later)
    if later and run.state == Run.State.SETTLING and run.partitions.filter(state=Partition.State.FAILED).exists():
        return Waiting("retries", "partitions failed; until then they can be retried before the run goes on", later)
    return None


def _for_supplier(run: Run, now: datetime) -> Waiting | None:
    opened = run.partitions.filter(state=Partition.State.READY).aggregate(
        partitions=Count("pk"), busy=Count("pk", filter=Q(lease_expires_at__gt=now)), next=Min("due_at")
    )
    if not opened["partitions"] or opened["busy"] or opened["next"] is None or opened["next"] <= now:
        return None
    return Waiting("supplier", "every open partition pauses after failures of the supplier", opened["next"])
