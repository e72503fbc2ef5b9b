"""Counts failed sign-ins by address, in Redis, by django-ratelimit, and turns those away who go on guessing.

Only a failure is counted and only what is wrong is turned away: a good key is never locked because a stranger at the same
address guesses, and needs no Redis. A process remembers which addresses have failed too often until their minute is over,
and then refuses their wrong keys without a look into the database.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import structlog
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled

from diamondhub.access import addresses, good_keys
from diamondhub.access.gate import Place, Step, Visit

log = structlog.get_logger(__name__)

#: Failed sign-ins by one address (or one IPv6 /64) before it has to wait for the rest of the minute.
FAILURES = "30/m"
#: One answer to every wrong key from an address that has to wait.
TOO_MANY = "Too many failed sign-ins from your address."
#: Addresses that a process remembers as having to wait; of more, the first are forgotten and counted on.
MAX_BLOCKED = 10_000


class FailedSignIns(Step):
    """Refuses wrong keys from an address that has failed too often, at no cost (429); a good key passes."""

    place = Place.FAILED_SIGN_INS

    def check(self, visit: Visit) -> None:
        # Signatures go on: whether one is right takes its whole check, and their senders are not locked out either.
        if good_keys.HEADER not in visit.request.headers:
            return
        wait = _blocked.wait(addresses.counted(visit.address))
        if wait and not good_keys.is_good(visit.request):
            raise too_many(wait)


def too_many(wait: int) -> Throttled:
    """The refusal of an address that has to wait so many seconds."""
    return Throttled(wait=wait, detail=TOO_MANY)


def count_failure(request: HttpRequest) -> int | None:
    """Count one failed sign-in; seconds to wait if there were too many, else None. With Redis away nobody is counted."""
    try:
        usage = get_usage(request, group="api-key", key="ip", rate=FAILURES, increment=True)
    except RedisError as error:
        log.warning("failed_sign_in_not_counted", error=type(error).__name__)
        return None
    if usage is None or not usage["should_limit"]:
        return None
    wait = max(1, int(usage["time_left"]))
    _blocked.add(addresses.counted(addresses.of(request.META)), wait)
    return wait


class _Blocked:
    """Which addresses have to wait, and until when by the monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[str, float] = OrderedDict()

    def add(self, address: str, wait: int) -> None:
        with self._lock:
            self._until[address] = time.monotonic() + wait
            self._until.move_to_end(address)
            while len(self._until) > MAX_BLOCKED:
                self._until.popitem(last=False)

    def wait(self, address: str) -> int:
        """Seconds that an address still has to wait, 0 if it has not."""
        left = self._until.get(address, 0.0) - time.monotonic()
        return int(left) + 1 if left > 0 else 0


_blocked = _Blocked()
