"""The peppers of API keys: secrets of their own, in versions, of which the newest hashes and all verify.

Version 0 is what keys were hashed under before there were peppers, made of `SECRET_KEY`; a key of an older version is
hashed anew when it is next used. So a pepper may go once no live key needs it any more, which `missing` tells: the system
check of the database, `/health/status` and the start page ask it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

#: Shorter ones are refused: a pepper is made by a machine (bytes).
MIN_LENGTH = 32
MAX_VERSION = 32_767
#: Version of the keys from before.
OF_SECRET_KEY = 0
FORM = (
    "must be like 2:<base64>,1:<base64>, each version once, of 32 bytes or more: `openssl rand -base64 32` makes them"
)


def parse(text: str) -> dict[int, bytes]:
    """Peppers by their versions, of `2:<base64>,1:<base64>`. Raises `ValueError`, whose message repeats nothing of it."""
    peppers: dict[int, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        number, _, encoded = part.partition(":")
        if not re.fullmatch(r"[1-9][0-9]{0,4}", number, re.ASCII) or not encoded:
            raise ValueError(FORM)
        try:
            pepper = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(FORM) from None
        version = int(number)
        if version in peppers or version > MAX_VERSION or len(pepper) < MIN_LENGTH:
            raise ValueError(FORM)
        peppers[version] = pepper
    return peppers


def newest() -> int:
    """The version that hashes."""
    return max(settings.API_KEY_PEPPERS)


def pepper(version: int) -> bytes | None:
    """The pepper of a version; None if the settings have it no more."""
    if version == OF_SECRET_KEY:
        return hmac.digest(settings.SECRET_KEY.encode(), b"diamondhub.access.api-keys", hashlib.sha256)
    peppers: Mapping[int, bytes] = settings.API_KEY_PEPPERS
    return peppers.get(version)


def fingerprint(version: int) -> str:
    """Tells one pepper from another and nothing else about it; empty for a version that the settings do not have."""
    secret = pepper(version)
    return hmac.digest(secret, b"fingerprint", hashlib.sha256)[:8].hex() if secret is not None else ""


def has(version: int, known: str) -> bool:
    """Whether the settings have this version still as the pepper whose fingerprint is `known`."""
    current = fingerprint(version)
    # Of a key from before nobody knows which SECRET_KEY it was.
    return current != "" and known in ("", current)


@dataclass(frozen=True, slots=True)
class Missing:
    """Live keys that nobody can use, for the pepper that they are hashed under is gone."""

    version: int
    keys: int
    #: The settings have that version, but as another secret.
    is_another: bool

    def __str__(self) -> str:
        keys = f"{self.keys:,} live API key{' is' if self.keys == 1 else 's are'}"
        gone = "which is another now" if self.is_another else "which is not there any more"
        return f"{keys} hashed under version {self.version} of API_KEY_PEPPERS, {gone}"


#: Live keys by what they are hashed under. Read by the primary key's table: keys are few.
LIVE_KEYS = """
SELECT k.pepper_version, k.pepper_fingerprint, count(*)
FROM access_apikey AS k JOIN access_apiclient AS c ON c.id = k.client_id
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND c.active
GROUP BY 1, 2 ORDER BY 1, 2
"""


def missing(cursor: Any) -> Iterator[Missing]:
    """What live keys are hashed under and the settings do not have, asked on any cursor."""
    cursor.execute(LIVE_KEYS)
    for version, known, count in cursor.fetchall():
        if not has(version, known):
            yield Missing(version, count, is_another=pepper(version) is not None)


def live_under_secret_key(cursor: Any) -> int:
    """Live keys that a new `SECRET_KEY` would end: those that have not been used since there are peppers."""
    cursor.execute(LIVE_KEYS)
    return sum(count for version, _known, count in cursor.fetchall() if version == OF_SECRET_KEY)
