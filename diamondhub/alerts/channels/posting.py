"""One POST for channels that are addresses of the web: guarded, bounded and judged as webhooks are."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diamondhub.access import sealed
from diamondhub.access.secrets import SecretError
from diamondhub.alerts.channels.errors import ChannelError
from diamondhub.telemetry import scrub
from diamondhub.webhooks import sending

if TYPE_CHECKING:
    from diamondhub.alerts.models import Channel

#: Parts of addresses that are shorter are words, such as `services` and `v2` (characters).
MIN_HIDDEN = 10
#: Refusals that may be over when it is tried again.
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def opened(channel: Channel, name: str) -> str:
    """An opened secret of a channel; empty if it has none. Raises `ChannelError`."""
    try:
        plain = sealed.get(channel, name)
    except SecretError:
        words = "its address was changed: enter the token again" if name == "token" else "set it again"
        raise ChannelError(f"the channel's {name} does not open; {words}") from None
    text = plain.decode() if plain else ""
    hide(name, text)
    return text


def hide(name: str, text: str) -> None:
    """Have a secret of a channel hidden in all that this process writes down; of an address what is nowhere else a word."""
    if name != "url":
        scrub.know(text)
        return
    address = urlsplit(text)
    for part in (address.query, *address.path.split("/")):
        if len(part) >= MIN_HIDDEN:
            scrub.know(part)


def post(channel: Channel, body: bytes, headers: dict[str, str], *, path: str = "") -> None:
    """Post a body to the channel's address. Raises `ChannelError`, whose text never has the address."""
    url = opened(channel, "url")
    if not url:
        raise ChannelError("the channel has no address", permanent=True)
    try:
        sending.post(url + path, body, headers)
    except sending.NotSent as error:
        status = error.status or 0
        refused = 400 <= status < 500 and status not in _PASSING
        raise ChannelError(str(error), permanent=refused, wait=error.wait) from None
