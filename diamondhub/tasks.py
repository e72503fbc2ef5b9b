"""The one periodic task: beat rings it, the sweep does the rest."""

from __future__ import annotations

from celery import shared_task

from diamondhub import sweep as sweeping
from diamondhub.doorbells import answering


@shared_task(name="diamondhub.tasks.sweep")
def sweep() -> None:
    """Ring the doorbell of everything that is due."""
    with answering():
        sweeping.sweep()
