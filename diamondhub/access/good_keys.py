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
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from diamondhub.access import keys
from diamondhub.access.models import ApiKey

log = structlog.get_logger(__name__)

HEADER = "X-API-Key"
#: How soon after a look the table may be looked at again (seconds).
PAUSE_SECONDS = 1.0
#: How long what was read is believed; a key revoked since is refused all the same, only later on its way (seconds).
KEPT_SECONDS = 5.0
_NO_HASH = bytes(32)


class _Remembered:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes: dict[str, bytes] = {}
        self._read_at = -KEPT_SECONDS

    def hash_of(self, key_id: str) -> bytes:
        """The hash of a usable key; of none if there is no such key."""
        age = time.monotonic() - self._read_at
        if age > KEPT_SECONDS or (age > PAUSE_SECONDS and key_id not in self._hashes):
            self._read()
        return self._hashes.get(key_id, _NO_HASH)

    def _read(self) -> None:
        if not self._lock.acquire(blocking=False):
            # Somebody is looking; who waits would be a thread that a flood has.
            return
        try:
            self._read_at = time.monotonic()
            usable = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)
            rows = usable.filter(client__active=True).values_list("key_id", "secret_hash")
            self._hashes = {key_id: bytes(secret_hash) for key_id, secret_hash in rows}
        except DatabaseError as error:
            log.warning("keys_not_read", error=type(error).__name__)
        finally:
            self._lock.release()

    def forget(self) -> None:
        self._read_at = -KEPT_SECONDS


_remembered = _Remembered()


def is_good(request: HttpRequest) -> bool:
    """Whether the request's `X-API-Key` is one that is usable, or was a moment ago."""
    presented = keys.parse(request.headers.get(HEADER, ""))
    if presented is None:
        return False
    return hmac.compare_digest(_remembered.hash_of(presented.key_id), presented.secret_hash)


def forget() -> None:
    """Look anew at the next request."""
    _remembered.forget()
