"""The end of a run, however it ends: as failed with its reason, and followed by a repricing if it was overtaken."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from ingest.models import Run
from ingest.problems import runs as run_problems
from ingest.transitions import transition
from pricing import reprice


def follow(run: Run) -> None:
    """Start a repricing if the run has priced stones by what is not in force any more.

    Part of the transaction that ends the run, however it ends, once no batch of it can end any more.
    """
    if run.batches.exists():
        reprice.follow(
            run.pricing(),
            since=run.created_at,
            cause=f"run {run.pk} was overtaken",
            actor=f"run {run.pk}",
        )


def fail_run(run: Run, reason: str) -> None:
    """Fail a live run. Its failed partitions stay as they are, so that `retry_partitions` can take it up again."""
    with transaction.atomic():
        if transition(run, Run.State.FAILED, reason=reason, failure=reason, finished_at=Now()):
            follow(run)
            run_problems.failed(run, reason)
