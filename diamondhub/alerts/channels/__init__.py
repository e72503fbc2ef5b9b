"""Ways to reach people. A channel is a module here with `send(event)`; nothing outside knows its name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from diamondhub.alerts.channels.errors import ChannelError

if TYPE_CHECKING:
    from diamondhub.alerts.models import Event

__all__ = ["CHANNELS", "ChannelError", "send"]

#: Names that ALERT_CHANNELS accepts.
CHANNELS = ("log", "email")


def send(channel: str, event: Event) -> None:
    """Send one event through one channel. Raises `ChannelError` if it did not go out."""
    if channel not in CHANNELS:
        raise ChannelError(f"no such channel: {channel}")
    import_module(f"diamondhub.alerts.channels.{channel}").send(event)
