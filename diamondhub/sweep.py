"""What is due rings its doorbell.

Apps register a function that looks at its own rows; beat's single task calls them all every few seconds. Two beats at
once only ring twice.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.db import DatabaseError, connection

from diamondhub.telemetry.models import Heartbeat

log = structlog.get_logger(__name__)

_sweepers: list[Callable[[], None]] = []


def register(sweeper: Callable[[], None]) -> Callable[[], None]:
    """Have `sweeper` called at every sweep. Called from an app's `ready`."""
    if sweeper not in _sweepers:
        _sweepers.append(sweeper)
    return sweeper


def sweep() -> None:
    """Call every sweeper once; one that fails is logged and does not keep the others from their turn."""
    for sweeper in _sweepers:
        try:
            sweeper()
        except DatabaseError as error:
            log.error("sweep_failed", sweeper=_name(sweeper), error=str(error).strip())
            if not connection.in_atomic_block:
                # One that broke under a sweeper would fail all others, too.
                connection.close_if_unusable_or_obsolete()
        except Exception:
            log.exception("sweep_failed", sweeper=_name(sweeper))
    Heartbeat.beat("sweep")


def _name(sweeper: Callable[[], None]) -> str:
    return f"{sweeper.__module__}.{getattr(sweeper, '__qualname__', type(sweeper).__name__)}"
