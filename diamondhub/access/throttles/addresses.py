"""The limit of an address before anybody has signed in there, which strangers cannot use up for clients at their address.

A key that was proven from an address lately is not counted there again, whatever others do; one that was not has a bucket
beside that of requests without any. So what a flood from an address shuts out is the flood, and new keys in a flood of keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from math import ceil

from django.conf import settings
from django.http import HttpRequest

from diamondhub.access.addresses import counted
from diamondhub.access.gate import Visit
from diamondhub.access.throttles.buckets import Bucket, Verdict
from diamondhub.access.throttles.limits import Limit, LimitClass
from diamondhub.access.throttles.shared import Order
from diamondhub.access.throttles.taking import limits, returned

#: What `Visit.notes` calls what was taken of the address's limit.
TAKEN = "address limit"
#: A key that was proven from an address is known there for so long (seconds); this process says so again every hour.
PROVEN_SECONDS, SAY_AGAIN_SECONDS = 86_400, 3_600
#: Proven keys that a process remembers itself; it asks Redis for others.
MAX_REMEMBERED = 10_000

_KEY_ID = re.compile(r'keyid="([^"]{1,128})"')


def address_of(visit: Visit) -> str:
    """The caller's address."""
    return visit.address or visit.request.META.get("REMOTE_ADDR", "")


def presented_by(request: HttpRequest) -> str:
    """What a request signs in with, as it is written: its key, or the id of the key that it is signed with."""
    key: str = request.headers.get("X-API-Key", "")
    if key:
        return key
    signed_with = _KEY_ID.search(request.headers.get("Signature-Input", ""))
    return f"keyid:{signed_with[1]}" if signed_with else ""


def take_address(address: str, *, presented: str = "") -> Verdict:
    """Take one request from the limit of an address; `presented` is what it signs in with, "" if it does not."""
    mark = _mark(address, presented) if presented else ""
    if mark and _remembered(mark) is not None:
        return Verdict(())
    verdict = limits().take([_bucket(address, presented)], unless=mark)
    if verdict.is_marked:
        _remember(mark)
    return verdict


def proven(visit: Visit) -> list[Order]:
    """What the limits must hear once a visit's key is proven: the address gets back what it took, and knows the key."""
    presented = presented_by(visit.request)
    if not presented:
        return []
    address = address_of(visit)
    orders = []
    taken: Verdict | None = visit.notes.get(TAKEN)
    if taken is not None and taken.levels and taken.moment and not taken.is_marked:
        orders.append(returned(_bucket(address, presented), taken.moment))
    mark = _mark(address, presented)
    said_at = _remembered(mark)
    if said_at is None or time.monotonic() - said_at > SAY_AGAIN_SECONDS:
        orders.append(Order("mark", mark, (PROVEN_SECONDS * 1000,)))
        _remember(mark)
    return orders


def _bucket(address: str, presented: str) -> Bucket:
    kind = "keys" if presented else "strangers"
    return Bucket(f"address:{counted(address)}:{kind}", _limit(settings.ADDRESS_RATE, settings.ADDRESS_BURST))


@lru_cache(maxsize=16)
def _limit(per_second: float, burst: int) -> Limit:
    # Rounded up: never more than is set.
    return Limit(LimitClass.ADDRESS, ceil(1_000_000 / per_second), burst)


def _mark(address: str, presented: str) -> str:
    # Keyed: what is stored tells nobody a key.
    text = f"{counted(address)}\0{presented}".encode(errors="surrogateescape")
    return "proven:" + hmac.digest(settings.SECRET_KEY.encode(), text, hashlib.sha256).hex()[:32]


_proven: OrderedDict[str, float] = OrderedDict()
_lock = threading.Lock()


def _remembered(mark: str) -> float | None:
    """When this process last said that a mark is proven; None if it does not know it."""
    with _lock:
        since = _proven.get(mark)
        if since is not None and time.monotonic() - since > PROVEN_SECONDS:
            del _proven[mark]
            return None
        return since


def _remember(mark: str) -> None:
    with _lock:
        _proven[mark] = time.monotonic()
        _proven.move_to_end(mark)
        while len(_proven) > MAX_REMEMBERED:
            _proven.popitem(last=False)
