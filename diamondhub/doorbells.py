"""Doorbells: Celery messages that carry one id and wake somebody up to look at the rows.

Nothing depends on their arrival: the sweep rings again for whatever is still due.
"""

from __future__ import annotations

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def ring(task: str, identifier: int, *, times: int = 1) -> None:
    """Ring after the current transaction commits (at once outside one).

    A doorbell that nobody answered within a few sweeps is stale and dropped by the worker, so a long outage leaves no
    pile of messages behind. A broker that is away is logged, never raised: the sweep rings again.
    """

    def send() -> None:
        try:
            for _ in range(times):
                current_app.send_task(
                    task, args=[identifier], expires=max(settings.SWEEP_SECONDS * 4, 10), ignore_result=True
                )
        except (OperationalError, OSError) as error:
            log.warning("doorbell_not_rung", task=task, identifier=identifier, error=type(error).__name__)

    transaction.on_commit(send)
