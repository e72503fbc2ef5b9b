"""Ending a run as failed: with its reason, its audit event and its alert, in one transaction."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from diamondhub.alerts.outbox import announce
from ingest import following
from ingest.models import Run
from ingest.transitions import transition


def fail_run(run: Run, reason: str) -> None:
    """Fail a live run. Its failed partitions stay as they are, so that `retry_partitions` can take it up again."""
    with transaction.atomic():
        if transition(run, Run.State.FAILED, reason=reason, failure=reason, finished_at=Now()):
            following.follow(run)
            announce(
                dedupe_key=f"run:{run.pk}:failed:{run.events.count()}",
                kind="run_failed",
                severity="critical",
                subject=f"Run {run.pk} of {run.feed.slug} failed: {reason}",
                details={"reason": reason, "kind": run.kind},
                trace_id=run.trace_id,
            )
