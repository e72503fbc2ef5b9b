"""Doorbell of the outbox."""

from __future__ import annotations

from celery import shared_task

from diamondhub.alerts import outbox
from diamondhub.doorbells import answering


@shared_task(name="diamondhub.alerts.tasks.deliver")
def deliver(_event_id: int) -> None:
    """Make one delivery round."""
    with answering():
        outbox.round_trip()
