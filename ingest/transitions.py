"""Transitions of runs: one guarded UPDATE and one audit event, in one transaction."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.doorbells import ring
from diamondhub.telemetry import tracing
from ingest.models import Run
from ingest.models.run import LIVE_STATES, RUN_STATES

log = structlog.get_logger(__name__)


def transition(run: Run, to: str, *, actor: str = "system", reason: str = "", **changes: Any) -> bool:
    """Move a run and record who did it and why. False, and nothing written, if somebody else moved it first."""
    was = run.state
    with transaction.atomic():
        if not RUN_STATES.move(run, to, **changes):
            return False
        run.events.create(from_state=was, to_state=to, actor=actor, reason=reason, at=Now())
    # Not the states without followers: a run that has ended may be taken up again, and then ends anew.
    if to not in LIVE_STATES:
        transaction.on_commit(
            lambda: tracing.root_of_row(
                f"{run.kind} run",
                run.trace_id,
                began=run.created_at,
                is_ok=to == Run.State.COMPLETED,
                run_id=run.pk,
                feed=run.feed.slug,
                state=str(to),
            )
        )
    log.info("run_moved", run_id=run.pk, feed=run.feed.slug, was=was, now=to, actor=actor, reason=reason or None)
    return True


def wake(run_id: int) -> None:
    """Make a run due now and ring for it, since something that it waits for has ended."""
    leases.make_due(Run, run_id)
    ring("ingest.tasks.advance", run_id)
