"""The Celery tasks of ingestion, which answer doorbells: each calls one function with the id that it was given."""

from __future__ import annotations

from typing import Any

from celery import shared_task, signals

from diamondhub.doorbells import answering, ring
from ingest import consolidation, dead_letters, draining, remapping, runs
from ingest.walking import stage as walking


@shared_task(name="ingest.tasks.advance")
def advance(run_id: int) -> None:
    """Take a run as far as its rows allow."""
    with answering():
        runs.advance(run_id)


@shared_task(name="ingest.tasks.walk")
def walk(run_id: int) -> None:
    """Walk partitions of a run."""
    with answering():
        walking.walk(run_id)


@shared_task(name="ingest.tasks.consolidate")
def consolidate(run_id: int) -> None:
    """Consolidate batches of a run."""
    with answering():
        consolidation.consolidate(run_id)


@shared_task(name="ingest.tasks.remap")
def remap(remap_id: int) -> None:
    """Map a feed's stones again, a slice at a time."""
    with answering():
        if not remapping.work(remap_id):
            ring("ingest.tasks.remap", remap_id)


@signals.task_failure.connect
def _keep_message(sender: Any = None, args: Any = (), exception: BaseException | None = None, **_: object) -> None:
    """Turn a doorbell whose task failed for an unforeseen reason into a dead letter."""
    name = str(getattr(sender, "name", sender))
    dead_letters.keep_message(name, args or (), reason=f"{type(exception).__name__}: {exception}")


@signals.task_unknown.connect
def _keep_unknown(name: str = "", message: Any = None, **_: object) -> None:
    """Turn a doorbell of an unknown task into a dead letter."""
    body = getattr(message, "payload", None)
    arguments = body[0] if isinstance(body, list | tuple) and body else ()
    dead_letters.keep_message(name, arguments, reason="there is no such task")


@signals.worker_shutting_down.connect
def _drain(**_: object) -> None:
    draining.begin()
