"""What follows a run that was overtaken: its stones are priced by what is in force now."""

from __future__ import annotations

from ingest.models import Run
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
