"""Doorbell of prunings."""

from __future__ import annotations

from celery import shared_task

from diamondhub.doorbells import answering
from diamondhub.operations import pruning


@shared_task(name="diamondhub.operations.tasks.prune")
def prune(pruning_id: int) -> None:
    """Remove what is no longer needed, a slice at a time."""
    with answering():
        pruning.prune(pruning_id)
