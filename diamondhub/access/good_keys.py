"""Whether a request carries a good key, by what this process remembers: for the checks that turn floods and guesses away.

They must cost next to nothing and yet never turn away who has a key. So a process keeps what the table has of usable keys,
and looks again, once a second at most, when it is shown one that it does not know. Nobody is let in by this: the gate looks
every key up where it is to open something.
"""

from __future__ import annotations

import hmac
import threading
import time

import structlog
from django.db import DatabaseError
from django.http import HttpRequest

from diamondhub.access import keys, peppers
from diamondhub.access.clients import USABLE
from diamondhub.access.models import ApiKey

log = structlog.get_logger(__name__)

HEADER = "X-API-Key"
#: How soon after a look the table may be looked at again (seconds).
PAUSE_SECONDS = 1.0
#: How long what was read is believed; a key revoked since is refused all the same, only later on its way (seconds).
KEPT_SECONDS = 5.0


class _Remembered:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Hashes, and the versions of the peppers under which they were made, by the ids of keys.
        self._hashes: dict[str, tuple[bytes, int]] = {}
        self._read_at = -KEPT_SECONDS

    def hash_of(self, key_id: str) -> tuple[bytes, int]:
        """The hash of a usable key with its pepper's version; one of no key if there is no such key."""
        age = time.monotonic() - self._read_at
        if age > KEPT_SECONDS or (age > PAUSE_SECONDS and key_id not in self._hashes):
            self._read()
        return self._hashes.get(key_id) or (bytes(32), peppers.newest())

    def _read(self) -> None:
        if not self._lock.acquire(blocking=False):
            # Somebody is looking; who waits would be a thread that a flood has.
            return
        try:
            self._read_at = time.monotonic()
            rows = ApiKey.objects.filter(USABLE, client__active=True)
            self._hashes = {
                key_id: (bytes(secret_hash), version)
                for key_id, secret_hash, version in rows.values_list("key_id", "secret_hash", "pepper_version")
            }
        except DatabaseError as error:
            log.warning("keys_not_read", error=type(error).__name__)
        finally:
            self._lock.release()

    def forget(self) -> None:
        self._read_at = -KEPT_SECONDS


_remembered = _Remembered()


def is_good(request: HttpRequest, *, secret: bool = False) -> bool:
    """Whether the request's `X-API-Key` is one that is usable, or was a moment ago; with `secret`, no publishable one."""
    presented = keys.parse(request.headers.get(HEADER, ""))
    if presented is None or (secret and presented.is_publishable):
        return False
    expected, version = _remembered.hash_of(presented.key_id)
    made = presented.hashed(version)
    return made is not None and hmac.compare_digest(expected, made)


def forget() -> None:
    """Look anew at the next request."""
    _remembered.forget()
