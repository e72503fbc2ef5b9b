"""The addresses that can be subscribed: `https` at a host's name. Whether it is public is judged at every sending."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from diamondhub.api import fields
from diamondhub.webhooks.models import MAX_URL_LENGTH

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: The last label begins with a letter, so that no number is a host, however it is written.
_LAST = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/{also}-]|%[0-9A-Fa-f]{{2}})"
_PATH, _QUERY = _CHARACTER.format(also=""), _CHARACTER.format(also="?")
_BEHIND_PORT = rf"(?:/{_PATH}*)?(?:\?{_QUERY}*)?"
PATTERN = rf"https://(?:{_LABEL}\.){{1,8}}{_LAST}(?::[1-9][0-9]{{0,3}})?{_BEHIND_PORT}"
ACCEPTED = (
    "an address such as https://shop.example.com/webhooks: https, the name of a public host, a port below 10000 if any, "
    "no user, no password, no fragment"
)


class WebhookAddress(fields.Text):
    """An address to be told at. Hosts of `WEBHOOK_HOSTS` may be private, and may be told without TLS."""

    def __init__(self, **options: Any) -> None:
        super().__init__(PATTERN, ACCEPTED, max_length=MAX_URL_LENGTH, **options)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, str) and len(data) <= MAX_URL_LENGTH and _is_exempt(data):
            return data
        return super().to_internal_value(data)


#: A port of any size: these are machines of our own.
_AT_ANY_PORT = rf"https?://[A-Za-z0-9.-]+(?::[1-9][0-9]{{0,4}})?{_BEHIND_PORT}"


def _is_exempt(url: str) -> bool:
    allowed = {host.lower() for host in settings.WEBHOOK_HOSTS}
    return bool(re.fullmatch(_AT_ANY_PORT, url, re.ASCII)) and urlsplit(url).hostname in allowed
