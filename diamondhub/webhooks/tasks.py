"""Doorbell of the webhooks' outbox."""

from __future__ import annotations

from celery import shared_task

from diamondhub.doorbells import answering
from diamondhub.webhooks import outbox


@shared_task(name="diamondhub.webhooks.tasks.deliver")
def deliver(_delivery_id: int) -> None:
    """Send what is due."""
    with answering():
        outbox.deliver_due()
