"""The log as a channel: always there, so that no event is without a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from diamondhub.alerts.models import Event

_LEVELS = {"info": "info", "warning": "warning", "critical": "error"}


def send(event: Event) -> None:
    """Write the event as one log line at the level of its severity."""
    write = getattr(structlog.get_logger("diamondhub.alerts"), _LEVELS[event.severity])
    write("alert", kind=event.kind, subject=event.subject, trace_id=event.trace_id)
