"""The text of an API key, `dh_<id>_<secret><checksum>`: made, taken apart, hashed. Knows no database.

A publishable key, which everybody can read in a page, begins with `dhp_`, so that people see what it is. The secret is
256 random bits, so a fast keyed hash is as good as a slow one, and a slow one would only be a lever for whoever wants to
keep the server busy.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from diamondhub.access import peppers

SECRET, PUBLISHABLE = "dh", "dhp"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 12
#: Characters that 32 bytes, and a CRC32, need in base 62.
SECRET_LENGTH, CHECKSUM_LENGTH = 43, 6
_FORM = re.compile(
    rf"(?P<body>(?P<prefix>dhp?)_(?P<id>[0-9A-Za-z]{{{ID_LENGTH}}})_(?P<secret>[0-9A-Za-z]{{{SECRET_LENGTH}}}))"
    rf"(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True)
class PresentedKey:
    """A well-formed key: its id, and its secret, which no representation shows."""

    key_id: str
    secret: str
    prefix: str = SECRET

    def __repr__(self) -> str:
        return f"PresentedKey({self.key_id})"

    @property
    def text(self) -> str:
        """The whole key, as its client keeps it."""
        return self._body + _checksum(self._body)

    @property
    def is_publishable(self) -> bool:
        """Whether it says of itself that it is for browsers."""
        return self.prefix == PUBLISHABLE

    def hashed(self, version: int) -> bytes | None:
        """What is stored of the secret: 32 bytes, worthless without the pepper of this version. None if that is gone."""
        pepper = peppers.pepper(version)
        # As keys were hashed before there were peppers, and kinds of keys.
        message = f"{self.key_id}:{self.secret}" if version == peppers.OF_SECRET_KEY else self._body
        return hmac.digest(pepper, message.encode(), hashlib.sha256) if pepper is not None else None

    @property
    def _body(self) -> str:
        return f"{self.prefix}_{self.key_id}_{self.secret}"


def generate(*, publishable: bool = False) -> PresentedKey:
    """A new key."""
    key_id = "".join(secrets.choice(_DIGITS) for _ in range(ID_LENGTH))
    secret = _base62(int.from_bytes(secrets.token_bytes(32)), SECRET_LENGTH)
    return PresentedKey(key_id, secret, PUBLISHABLE if publishable else SECRET)


def parse(text: str) -> PresentedKey | None:
    """The key that a client presented; None if it is malformed or mistyped, which its checksum tells without a query."""
    found = _FORM.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(found["body"]), found["checksum"]):
        return None
    return PresentedKey(found["id"], found["secret"], found["prefix"])


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def secret_text(prefix: str) -> str:
    """256 random bits as text: `prefix`, 43 characters in base 62, and their checksum, by which scanners know it."""
    body = prefix + _base62(int.from_bytes(secrets.token_bytes(32)), SECRET_LENGTH)
    return body + _checksum(body)


def _base62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        characters.append(_DIGITS[digit])
    return "".join(reversed(characters))
