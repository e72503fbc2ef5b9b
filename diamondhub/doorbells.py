"""Doorbells: Celery messages that carry one id and tell a worker to look at the rows.

Nothing depends on their arrival: the sweep rings again for whatever is still due.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import current_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from kombu import exceptions as kombu

from diamondhub.audit.acting import SYSTEM, acting
from diamondhub.database import release_connection

log = structlog.get_logger(__name__)


@contextmanager
def answering() -> Iterator[None]:
    """The context of a task's work: a database that goes away costs one log line, since the sweep rings again.

    The audit attributes the changes made within to the system, by means of the task; log lines have its name and id.
    """
    task: Any = current_task
    context = {"task": task.name, "task_id": task.request.id} if task else {}
    try:
        with (
            structlog.contextvars.bound_contextvars(**context),
            acting(SYSTEM, via=f"celery:{task.name}" if task else "celery", request_id=context.get("task_id") or ""),
        ):
            yield
    except (InterfaceError, OperationalError) as error:
        log.warning("database_away", error=str(error).strip().splitlines()[0])
    finally:
        release_connection()


def ring(task: str, identifier: int, *, times: int = 1) -> None:
    """Ring after the current transaction commits (at once outside one).

    A doorbell that nobody answered within a few sweeps is stale and dropped by the worker, so a long outage leaves no
    pile of messages behind. A broker that is away is logged, never raised: the sweep rings again.
    """

    def send() -> None:
        # Imported here, since nothing else in a command loads the app that knows the broker.
        from diamondhub.celery import app

        try:
            for _ in range(times):
                app.send_task(task, args=[identifier], expires=max(settings.SWEEP_SECONDS * 4, 10), ignore_result=True)
        except (kombu.OperationalError, OSError) as error:
            log.warning("doorbell_not_rung", task=task, identifier=identifier, error=type(error).__name__)

    transaction.on_commit(send)
