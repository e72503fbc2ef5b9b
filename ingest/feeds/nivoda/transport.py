"""The way of a client's requests to Nivoda: on connections kept open, one slot of the limiter each, cut off when an answer
takes too long or grows too large.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from diamondhub.pace.limiter import MAX_LATE_SECONDS, Lane, Limiter, Slot
from ingest.errors import AnswerTooLong, SupplierTooSlow, TransientSupplierError

#: A connection that is not made by then is not going to be (seconds).
CONNECT_SECONDS = 10.0
#: Largest answer that is read: 50 items have some 250 kB (bytes, decompressed).
ANSWER_LIMIT = 32_000_000

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}

#: `slot` and `limiter` of the request that this thread is about to send.
_sending = threading.local()


class _SlotMissed(Exception):
    """The process was stopped between its slot and the wire; nothing was sent."""


class _TellingConnection(HTTPConnection):
    """Says when a request is on its way."""

    def request(self, *args: Any, **options: Any) -> None:
        """Write the request, unless its slot is long over, and tell."""
        if _sending.slot.age > MAX_LATE_SECONDS:
            raise _SlotMissed
        super().request(*args, **options)
        _sending.limiter.sent(_sending.slot)


class _TellingSecureConnection(_TellingConnection, HTTPSConnection):
    """The same over TLS."""


class _TellingPool(HTTPConnectionPool):
    ConnectionCls = _TellingConnection


class _TellingSecurePool(HTTPSConnectionPool):
    ConnectionCls = _TellingSecureConnection


class _TellingAdapter(HTTPAdapter):
    """An adapter whose connections say when a request is on its way."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of such connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _TellingPool, "https": _TellingSecurePool}


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came. `body` is decompressed, `elapsed` the seconds from the slot to the last byte."""

    response: requests.Response
    body: bytes
    elapsed: float
    slot: Slot


class Transport:
    """The connections to one endpoint; safe to share between threads. No redirects, no cookies, no proxies."""

    def __init__(self, endpoint: str, limiter: Limiter) -> None:
        self._endpoint = endpoint
        self._limiter = limiter
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _TellingAdapter(pool_maxsize=64)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def post(
        self, body: bytes, *, lane: Lane, max_wait: float | None, timeout: float, answer_limit: int | None
    ) -> Received:
        """Send `body` in a slot of `lane` and read the answer, `timeout` seconds at most and `answer_limit` bytes.

        Raises `WaitTooLong` and `LimiterUnavailable` as the limiter does, `TransientSupplierError` without an answer,
        `SupplierTooSlow` and `AnswerTooLong`. What becomes of the slot is told to the limiter but for an answer, which has
        to be understood first.
        """
        request = self._session.prepare_request(requests.Request("POST", self._endpoint, _HEADERS, data=body))
        patience = urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), total=timeout)
        while True:
            # Everything is ready: between the slot and the wire nothing should take time.
            slot = self._limiter.acquire(lane=lane, max_wait=max_wait)
            started = monotonic()
            _sending.limiter, _sending.slot = self._limiter, slot
            try:
                with self._session.send(
                    request,
                    timeout=patience,  # type: ignore[arg-type]  # the stubs know no urllib3.Timeout, requests does
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    received = _read(response, started + timeout, answer_limit or ANSWER_LIMIT)
            except _SlotMissed:
                continue
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                self._limiter.failed()
                raise _no_answer(error) from error
            return Received(response, received, monotonic() - started, slot)


def _read(response: requests.Response, deadline: float, limit: int) -> bytes:
    """The whole body; a supplier that trickles, or never stops, is cut off."""
    pieces, size = [], 0
    # What has arrived, not a full buffer: a trickle would fill that for hours.
    while piece := response.raw.read1(65_536, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise AnswerTooLong(f"the supplier's answer is longer than {limit:,} bytes")
        if monotonic() > deadline:
            raise SupplierTooSlow("the supplier's answer takes too long")
    return b"".join(pieces)


def _no_answer(error: Exception) -> TransientSupplierError:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return SupplierTooSlow("no answer from the supplier: time ran out")
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.ProtocolError):
        return TransientSupplierError("no answer from the supplier: the connection failed or was cut")
    return TransientSupplierError(f"no answer from the supplier: {type(error).__name__}")
