"""The log as a channel: always there, so that no event is without a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from diamondhub.alerts.messages import Message
    from diamondhub.alerts.models import Channel

_LEVELS = {"info": "info", "warning": "warning", "critical": "error"}


def send(_channel: Channel, message: Message) -> None:
    """Write the message as one log line at the level of its severity."""
    write = getattr(structlog.get_logger("diamondhub.alerts"), _LEVELS[message.severity])
    write("alert", kind=message.kind, subject=message.title, trace_id=message.trace_id)
