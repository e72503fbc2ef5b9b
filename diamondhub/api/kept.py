"""Answers that are kept for a while in a Redis of their own, `CACHE_URL`: for who asks the same of the same version, and for
who had an answer lately when the database is away.

The server may forget them whenever it likes. Without one, and while it is away, nothing is kept and everything is asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import redis
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import patch_vary_headers

from diamondhub import redis_clients
from diamondhub.access.throttles.addresses import presented_by

log = structlog.get_logger(__name__)

#: So long an answer is kept, and so old may one be that is given while the database is away (seconds).
KEPT_SECONDS = 300
#: An answer that nobody needs again of the same version is written anew so often at most (seconds).
AGAIN_SECONDS = 60
#: How long a request waits for the cache, and how long none asks it after it did not answer (seconds).
ANSWER_SECONDS, AWAY_SECONDS = 0.1, 1.0
#: Who makes an answer that others wait for is believed to be at it for so long (seconds), and so long they wait at most.
FLIGHT_SECONDS, WAIT_SECONDS, LOOK_SECONDS = 2.5, 2.0, 0.05
#: Answers that are made at once by those who waited in vain, in one process.
MAX_AT_ONCE = 2
#: Answers that a process remembers to have written.
_MAX_REMEMBERED = 10_000
#: Longer answers are not kept (bytes).
MAX_BYTES = 1_000_000
#: Our name in `Cache-Status` (RFC 9211).
CACHE = "diamondhub"


class Kept(msgspec.Struct, frozen=True):
    """An answer: its body compressed, and what else it says. `tag` is the version that it was made of."""

    tag: str
    made_at: float
    body: bytes
    headers: dict[str, str]

    @property
    def age(self) -> int:
        """Whole seconds since it was made."""
        return max(0, int(time.time() - self.made_at))

    def response(self) -> HttpResponse:
        """The answer, to be given as it would be given anew."""
        response = HttpResponse(gzip.decompress(self.body), headers=self.headers)
        response["Age"] = str(self.age)
        response["Cache-Status"] = f"{CACHE}; hit"
        return response

    def stale_response(self, request: HttpRequest) -> HttpResponse:
        """The answer to who asks while nothing newer can be had; it is compressed here, as no middleware sees it."""
        takes_gzip = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        response = HttpResponse(self.body if takes_gzip else gzip.decompress(self.body), headers=self.headers)
        response["ETag"] = f'{"W/" if takes_gzip else ""}"{self.tag}"'
        if takes_gzip:
            response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(len(response.content))
        patch_vary_headers(response, ("Accept-Encoding",))
        response["Age"] = str(self.age)
        response["Cache-Status"] = f"{CACHE}; hit; ttl=-{self.age}; detail=database-away"
        return response


class KeptAnswers:
    """The answers on one server. Safe to share between threads; raises nothing when the server is away."""

    def __init__(self, url: str) -> None:
        self._redis = redis_clients.client(url, seconds=ANSWER_SECONDS) if url else None
        self._away_until = 0.0
        self._written: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()
        self._at_once = threading.BoundedSemaphore(MAX_AT_ONCE)

    @property
    def are_any(self) -> bool:
        """Whether there is a server that keeps them."""
        return self._redis is not None

    def read(self, key: str) -> Kept | None:
        """The answer that is kept under a key."""
        written: bytes | None = self._ask(lambda server: server.get(f"kept:answer:{key}"))
        return _decoded(written)

    def read_of(self, caller: str) -> Kept | None:
        """The answer that a caller had lately."""
        key: bytes | None = self._ask(lambda server: server.get(f"kept:caller:{caller}"))
        return None if key is None else self.read(key.decode())

    def keep(self, key: str, tag: str, response: HttpResponse, *, caller: str, again: bool) -> None:
        """Keep an answer under a key, and that a caller had it.

        `again`: others will want it of this very version. Otherwise it is written once in a while, for when nothing newer
        can be had.
        """
        if len(response.content) > MAX_BYTES or not self._is_due(key, caller, tag if again else ""):
            return
        kept = Kept(tag, time.time(), gzip.compress(response.content, 1), _headers(response))

        def write(server: redis.Redis) -> None:
            with server.pipeline(transaction=False) as orders:
                orders.set(f"kept:answer:{key}", msgspec.msgpack.encode(kept), ex=KEPT_SECONDS)
                if caller:
                    orders.set(f"kept:caller:{caller}", key, ex=KEPT_SECONDS)
                orders.execute()

        self._ask(write)

    def once(self, key: str, tag: str, make: Callable[[], HttpResponse]) -> HttpResponse:
        """What `make` answers, or what another request makes of the same version meanwhile: costly answers are made once.

        `make` keeps its answer before it returns.

        Who waits does so for `WAIT_SECONDS` at most, and then makes the answer itself, a few at once. A maker that dies is
        waited for no longer than `FLIGHT_SECONDS`.
        """
        flight, token = f"kept:flight:{key}:{tag}", secrets.token_hex(8)
        milliseconds = int(FLIGHT_SECONDS * 1000)
        mine = self._ask(lambda server: server.set(flight, token, px=milliseconds, nx=True) or False)
        if mine is not False:
            # Ours, or there is nobody to agree with.
            try:
                # Who left a moment ago has kept it.
                return (self._of_version(key, tag) if mine else None) or make()
            finally:
                if mine:
                    self._ask(lambda server: server.eval(_LEAVE, 1, flight, token))
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            # Looked at first: who leaves has kept the answer before.
            is_under_way = self._ask(lambda server: server.exists(flight))
            if (answer := self._of_version(key, tag)) is not None:
                return answer
            if not is_under_way:
                # It failed, or was too long about it.
                break
        with self._at_once:
            return make()

    def _of_version(self, key: str, tag: str) -> HttpResponse | None:
        kept = self.read(key)
        return kept.response() if kept is not None and kept.tag == tag else None

    def _ask(self, ask: Callable[[redis.Redis], Any]) -> Any:
        if self._redis is None or time.monotonic() < self._away_until:
            return None
        try:
            return ask(self._redis)
        except redis.RedisError as error:
            log.warning("answers_not_kept", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None

    def _is_due(self, key: str, caller: str, tag: str) -> bool:
        if self._redis is None:
            return False
        now = time.monotonic()
        with self._lock:
            written_at = self._written.get((key + tag, caller))
            if written_at is not None and now - written_at < AGAIN_SECONDS:
                return False
            self._written[key + tag, caller] = now
            self._written.move_to_end((key + tag, caller))
            while len(self._written) > _MAX_REMEMBERED:
                self._written.popitem(last=False)
        return True


#: Who was too long about it must not end the flight of who came after.
_LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@lru_cache(maxsize=4)
def _at(url: str) -> KeptAnswers:
    return KeptAnswers(url)


def answers() -> KeptAnswers:
    """The answers that this process shares with all others."""
    return _at(settings.CACHE_URL)


def caller_of(request: HttpRequest, address: str) -> str:
    """Who asks for what, from where: the same text only for the same key, page, address and question; "" for what is signed.

    It is keyed, so that what is stored tells nobody a key.
    """
    if request.method != "GET" or "HTTP_SIGNATURE" in request.META or "HTTP_X_API_KEY" not in request.META:
        return ""
    asked = (
        presented_by(request),
        address,
        *(request.META.get(name, "") for name in ("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_ACCEPT")),
        request.get_full_path(),
    )
    text = msgspec.json.encode([part.encode(errors="surrogateescape").hex() for part in asked])
    return hmac.digest(settings.SECRET_KEY.encode(), b"kept" + text, hashlib.sha256).hex()


def _headers(response: HttpResponse) -> dict[str, str]:
    told: Mapping[str, str] = response.headers
    return {name: value for name, value in told.items() if name not in {"Content-Length", "ETag"}}


def _decoded(written: bytes | None) -> Kept | None:
    if written is None:
        return None
    try:
        return msgspec.msgpack.decode(written, type=Kept)
    except (msgspec.ValidationError, msgspec.DecodeError):
        # Of another version of the software.
        return None
