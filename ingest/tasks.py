"""Doorbells of ingestion: each loads nothing, knows nothing, and calls one function."""

from __future__ import annotations

from celery import shared_task, signals

from ingest import consolidation, runs, walking


@shared_task(name="ingest.tasks.advance")
def advance(run_id: int) -> None:
    """Take a run as far as its rows allow."""
    runs.advance(run_id)


@shared_task(name="ingest.tasks.walk")
def walk(run_id: int) -> None:
    """Walk partitions of a run."""
    walking.walk(run_id)


@shared_task(name="ingest.tasks.consolidate")
def consolidate(run_id: int) -> None:
    """Consolidate batches of a run."""
    consolidation.consolidate(run_id)


@signals.worker_shutting_down.connect
def _drain(**_: object) -> None:
    walking.draining.set()
