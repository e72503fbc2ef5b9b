"""Pruning: what is no longer needed goes, in bounded steps, once a day from the sweep or when a person says so.

What goes is registered with `retention`; here is the leased row that takes the steps, one after another and a time slice
after another.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from time import monotonic

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.doorbells import ring
from diamondhub.operations import retention
from diamondhub.operations.models import Pruning
from diamondhub.operations.sizes import Amount

log = structlog.get_logger(__name__)

#: A worker looks for a new doorbell after this long, so that consolidation has its turn (seconds).
SLICE_SECONDS = 20.0
#: Longer than any step takes (seconds).
LEASE_SECONDS = 120.0
#: How long to leave a table alone that others keep busy (seconds).
BUSY_SECONDS = 60.0


def ring_due() -> None:
    """The sweep's look: pieces of tables made ahead, one pruning a day, and prunings that nobody works at."""
    today = datetime.now(UTC).date()
    for table in retention.tables_made_ahead():
        try:
            table.make_ahead(today, patient=False)
        except OperationalError as error:
            # Others keep it busy; it has pieces for days, and the next sweep comes soon.
            log.warning("pieces_not_made", table=table.name, error=str(error).strip().splitlines()[0])
    if not Pruning.objects.filter(day=today).exists():
        # Two beats make one: the day is unique.
        Pruning.objects.bulk_create([Pruning(day=today, started_by="schedule", due_at=Now())], ignore_conflicts=True)
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    for pk in Pruning.objects.filter(free, state=Pruning.State.READY, due_at__lte=Now()).values_list("pk", flat=True):
        ring("diamondhub.operations.tasks.prune", pk)


def start(*, started_by: str) -> Pruning:
    """A pruning of a person's."""
    return Pruning.objects.create(started_by=started_by, due_at=Now())


def prune(pruning_id: int, *, seconds: float = SLICE_SECONDS) -> bool:
    """Go on with a pruning for a time slice; True if it is over. Does nothing if somebody else is at it."""
    if not Pruning.objects.filter(pk=pruning_id, state=Pruning.State.READY).exists():
        return True
    lease = leases.claim_one(Pruning, pruning_id, state=Pruning.State.READY, seconds=LEASE_SECONDS)
    if lease is None:
        return False
    end = monotonic() + seconds
    try:
        with leases.heartbeat(lease, seconds=LEASE_SECONDS):
            for step in retention.steps():
                for removed in step.remove():
                    _note(lease, removed)
                    if monotonic() > end:
                        leases.give_back(lease)
                        return False
        leases.finish(lease, state=Pruning.State.COMPLETED, completed_at=Now(), kept_from=_horizons())
    except leases.LeaseLost:
        log.info("lease_lost", pruning_id=pruning_id)
        return False
    except (InterfaceError, OperationalError) as error:
        # Away, or the table's lock was not to be had.
        log.warning("pruning_put_off", pruning_id=pruning_id, error=str(error).strip().splitlines()[0])
        connection.close()
        leases.give_back(lease, due_in=BUSY_SECONDS)
        return False
    log.info("pruned", pruning_id=pruning_id, **Pruning.objects.get(pk=pruning_id).removed)
    return True


def _note(lease: leases.Lease, removed: retention.Removed) -> None:
    """Add to what the pruning removed so far. Raises `LeaseLost`."""
    with transaction.atomic():
        leases.renew(lease, seconds=LEASE_SECONDS)
        row = Pruning.objects.get(pk=lease.pk)
        total = Counter(row.removed)
        total.update(removed)
        Pruning.objects.filter(pk=row.pk).update(removed=dict(total))


def _horizons() -> dict[str, str]:
    moments = {"history": retention.history_kept_from()}
    for step in retention.steps():
        if step.kept_from is not None and (moment := step.kept_from()) is not None:
            moments[step.name] = moment
    # All of one form, so that they sort as texts.
    return {store: moment.astimezone(UTC).isoformat(timespec="microseconds") for store, moment in moments.items()}


def kept_from(store: str) -> datetime | None:
    """The moment from which on a store has everything; None if nothing was pruned yet."""
    newest = Pruning.objects.aggregate(newest=Max(KT(f"kept_from__{store}")))["newest"]
    return datetime.fromisoformat(newest) if newest else None


def would_remove() -> retention.Removed:
    """What a pruning would remove now, by kind."""
    return {kind: count for step in retention.steps() for kind, count in step.would_remove().items()}


def would_free() -> dict[str, Amount]:
    """The rows and bytes that a pruning would free now, by step, of the steps that can tell."""
    return {step.name: step.would_free() for step in retention.steps() if step.would_free is not None}


def last() -> Pruning | None:
    """The last pruning that was completed."""
    return Pruning.objects.filter(state=Pruning.State.COMPLETED).order_by("-completed_at").first()


def old_prunings() -> QuerySet[Pruning]:
    """Prunings of long ago, but the last one that was completed."""
    later = Pruning.objects.filter(pk__gt=OuterRef("pk"), state=Pruning.State.COMPLETED)
    return Pruning.objects.filter(Exists(later), completed_at__lt=retention.history_kept_from())
