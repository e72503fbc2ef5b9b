"""Ways to reach people. A kind of channel is a module here with `send(channel, message)`; nothing outside knows its name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from diamondhub.alerts.channels.errors import ChannelError

if TYPE_CHECKING:
    from diamondhub.alerts.messages import Message
    from diamondhub.alerts.models import Channel

__all__ = ["PACE_SECONDS", "ChannelError", "send"]

#: The pause after each message, by kind: Slack takes one a second.
PACE_SECONDS = {"slack": 1.0}


def send(channel: Channel, message: Message) -> None:
    """Send one message on one channel. Raises `ChannelError` if it did not go out."""
    import_module(f"diamondhub.alerts.channels.{channel.kind}").send(channel, message)
