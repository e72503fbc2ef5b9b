"""The limits in Redis, for all web processes on all hosts: one script (`limits.lua`), one call a request.

A server that does not answer within `REDIS_ANSWER_SECONDS` is away; `taking` then decides by `local`.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from diamondhub import redis_clients

#: By how much our reckoning of the server's clock may be off before it must not take anything any more (seconds).
SLACK_SECONDS = 0.02
#: How often a process says that it is there (seconds); the script counts it for ten minutes.
PRESENCE_SECONDS = 5.0

SCRIPT = (Path(__file__).parent / "limits.lua").read_text()
PREFIX = "limits"


class TooLate(redis.RedisError):
    """The server came to the call when nobody was to wait for its answer any more, and did nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """One line of the script's arguments: what is to be done with a key."""

    kind: str
    key: str
    arguments: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the script answers: `levels` has wait, left and time until full of each order, in microseconds."""

    now: int
    began: int
    outcome: int
    levels: tuple[tuple[int, int, int], ...]


class SharedLimits:
    """The script on one server. Raises `redis.RedisError` when the server does not do what is asked within the deadline."""

    def __init__(self, url: str, *, script: str = SCRIPT) -> None:
        # A call that is repeated would take twice.
        never = Retry(NoBackoff(), 0)
        self._seconds = settings.REDIS_ANSWER_SECONDS
        # Nothing is ever pushed to these connections: the older protocol's answers are read in half of the time.
        self._redis = redis_clients.client(url, seconds=self._seconds, retry=never, protocol=2)
        self._script = script
        self._digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._lock = threading.Lock()
        self._heard = 0
        self._began = 0
        #: The server's clock less ours, once it is known (microseconds).
        self._ahead: float | None = None
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._said_at = float("-inf")
        #: Web processes that share the limits, as far as this one has heard.
        self.processes = 1

    def call(self, orders: Sequence[Order]) -> Answer:
        """Have the orders carried out at once."""
        asked_at = time.monotonic()
        says = asked_at - self._said_at >= PRESENCE_SECONDS
        deadline = 0 if self._ahead is None else asked_at * 1e6 + self._ahead + (self._seconds + SLACK_SECONDS) * 1e6
        arguments: list[str | int] = [self._heard, f"{deadline:.0f}", self._name if says else ""]
        for order in orders:
            arguments += [order.kind, *order.arguments, *[""] * (5 - len(order.arguments))]
        keys = [f"{PREFIX}:epoch", f"{PREFIX}:processes", *(f"{PREFIX}:{order.key}" for order in orders)]
        said = self._said(len(keys), *keys, *arguments)
        now, began, processes, outcome, *numbers = map(int, said.split())
        answered_at = time.monotonic()
        with self._lock:
            # An answer that was long on its way says little about the clock.
            if self._ahead is None or outcome == -1 or answered_at - asked_at < SLACK_SECONDS:
                self._ahead = now - (asked_at + answered_at) / 2 * 1e6
            if outcome == -1:
                raise TooLate
            if processes:
                self.processes, self._said_at = processes, asked_at
            # A new epoch remembers nothing of the one before.
            self._heard = max(self._heard, now) if began == self._began else now
            self._began = began
        levels = tuple(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
        return Answer(now, began, outcome, levels)

    def _said(self, *arguments: str | int) -> bytes:
        """What the script answers. The client's own way of asking takes as long as all the rest of a call."""
        # redis-py does not say the types of its connections.
        connection: Any = self._redis.connection_pool.get_connection()
        try:
            connection.send_command("EVALSHA", self._digest, *arguments)
            try:
                said: bytes = connection.read_response()
            except NoScriptError:
                # The server is a new one, and knows the script from now on.
                connection.send_command("EVAL", self._script, *arguments)
                said = connection.read_response()
            return said
        except BaseException:
            # An answer that was not waited for must not be the next call's.
            connection.disconnect()
            raise
        finally:
            self._redis.connection_pool.release(connection)
