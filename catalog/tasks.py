"""Doorbells of the catalogue."""

from __future__ import annotations

from celery import shared_task

from catalog.exports import work
from diamondhub.doorbells import answering


@shared_task(name="catalog.tasks.export")
def export(export_id: int) -> None:
    """Write an export."""
    with answering():
        work.work(export_id)
