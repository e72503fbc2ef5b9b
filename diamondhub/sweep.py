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
_listeners: list[Callable[[], None]] = []


def register(sweeper: Callable[[], None]) -> Callable[[], None]:
    """Have `sweeper` called at every sweep. Called from an app's `ready`."""
    if sweeper not in _sweepers:
        _sweepers.append(sweeper)
    return sweeper


def when_good(listener: Callable[[], None]) -> None:
    """Have `listener` called after every sweep in which no sweeper failed."""
    if listener not in _listeners:
        _listeners.append(listener)


def sweep() -> None:
    """Call every sweeper once; one that fails is a problem and does not keep the others from their turn."""
    failures: dict[str, Exception] = {}
    for sweeper in _sweepers:
        try:
            sweeper()
        except DatabaseError as error:
            failures[_name(sweeper)] = error
            log.error("sweep_failed", sweeper=_name(sweeper), error=str(error).strip())
            if not connection.in_atomic_block:
                # One that broke under a sweeper would fail all others, too.
                connection.close_if_unusable_or_obsolete()
        except Exception as error:
            failures[_name(sweeper)] = error
            log.exception("sweep_failed", sweeper=_name(sweeper))
    Heartbeat.beat("sweep")
    _tell(failures)
    if not failures:
        for listener in _listeners:
            listener()


def _tell(failures: dict[str, Exception]) -> None:
    """Record which sweepers fail, and which do not any more."""
    # Their models are not there yet when apps register sweepers.
    from diamondhub.operations.problems import reading, tracking

    for name, error in failures.items():
        said = str(error).strip().splitlines()
        tracking.occurred(
            "sweeper-failing",
            name,
            subject=f"{name} fails at every sweep: {type(error).__name__}{f': {said[0]}' if said else ''}",
            details={"error": str(error)},
        )
    for name in reading.unresolved().filter(kind="sweeper-failing").values_list("about", flat=True):
        if name not in failures:
            tracking.resolve("sweeper-failing", name, why="the sweeper goes through again")


def _name(sweeper: Callable[[], None]) -> str:
    return f"{sweeper.__module__}.{getattr(sweeper, '__qualname__', type(sweeper).__name__)}"
