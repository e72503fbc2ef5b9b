"""What a channel raises."""

from __future__ import annotations


class ChannelError(Exception):
    """The channel did not take the event."""
