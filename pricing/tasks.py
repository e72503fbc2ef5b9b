"""Doorbells of pricing."""

from __future__ import annotations

from celery import shared_task

from diamondhub.doorbells import answering
from pricing import reprice as repricing


@shared_task(name="pricing.tasks.reprice")
def reprice(repricing_id: int) -> None:
    """Do batches of a repricing, a slice at a time."""
    with answering():
        repricing.work(repricing_id)
