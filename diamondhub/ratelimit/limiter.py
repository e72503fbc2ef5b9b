"""The supplier limiter: one pace for all processes on all hosts.

A caller reserves the next free slot in Redis (`gcra.lua`, on Redis's own clock), sleeps until it, looks whether the
reservation still holds, and sends. With Redis away nobody sends: a limit per process would break the contract.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import redis
import structlog

log = structlog.get_logger(__name__)

#: Jitter on the way to the supplier that must never put one request too many into a second (seconds).
JITTER_SECONDS = 0.05
#: A caller that wakes later than this after its slot gives the slot up: late callers must not fire together (seconds).
LATE_SECONDS = 0.03
#: First and longest pause after a throttled answer that names none (seconds).
PENALTY_BASE_SECONDS, PENALTY_CAP_SECONDS = 1.0, 60.0

_SCRIPT = (Path(__file__).parent / "gcra.lua").read_text()


class LimiterUnavailable(Exception):
    """Redis cannot be reached, so nobody may send; try again later."""


class WaitTooLong(Exception):
    """The next free slot is further away than the caller accepts; nothing was reserved."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"the next free slot is {wait:.1f} s away")
        #: Seconds until the next free slot.
        self.wait = wait


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0, health_check_interval=15)


class Limiter:
    """The pace of one supplier account.

    `per_second` is the contract: requests in any one-second window. The spacing leaves room for `JITTER_SECONDS`, so that
    `ceil((1 + jitter) / spacing)` stays within the contract. Safe to share between threads.
    """

    def __init__(
        self,
        account: str,
        *,
        per_second: int,
        redis_url: str,
        max_wait: float = 8.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.key = f"limiter:{{{account}}}"
        self.per_second = per_second
        self.interval = (1.0 + JITTER_SECONDS) / per_second
        self.max_wait = max_wait
        self._sleep = sleep
        self._script = _client(redis_url).register_script(_SCRIPT)
        self._throttled_in_a_row = 0

    def acquire(self, *, max_wait: float | None = None) -> int:
        """Wait for this caller's slot; returns the epoch it belongs to. The caller sends at once.

        Raises `WaitTooLong` if the slot is further away than `max_wait` seconds (known at once, costs no slot), and
        `LimiterUnavailable` if Redis is away.
        """
        limit = self.max_wait if max_wait is None else max_wait
        while True:
            asked = time.monotonic()
            granted, wait, epoch = self._call("reserve", limit * 1e6)
            seconds = int(wait) / 1e6
            if not int(granted):
                raise WaitTooLong(seconds)
            # The wait counts from somewhere between asking and the answer; from the answer on is never too early.
            slot = time.monotonic() + seconds
            if seconds > 0:
                self._sleep(seconds)
            late = time.monotonic() - slot
            if late > LATE_SECONDS or time.monotonic() - asked > limit + 1:
                log.debug("slot_forfeited", reason="late", late=late)
                continue
            # A slot that came at once cannot have been voided meanwhile.
            if seconds > 0.005 and self._call("epoch")[0] != epoch:
                log.debug("slot_forfeited", reason="epoch")
                continue
            return int(epoch)

    def penalize(self, *, retry_after: float | None, epoch: int) -> float:
        """Push everybody's next slot back after a throttled answer; returns the seconds of the pause.

        Takes effect once per epoch: late answers of an earlier epoch change nothing.
        """
        if retry_after is None:
            ceiling = min(PENALTY_CAP_SECONDS, PENALTY_BASE_SECONDS * 2**self._throttled_in_a_row)
            retry_after = max(PENALTY_BASE_SECONDS / 2, random.uniform(0, ceiling))
        taken, pause, _ = self._call("penalize", retry_after * 1e6, str(epoch))
        if int(taken):
            self._throttled_in_a_row = min(self._throttled_in_a_row + 1, 10)
            log.warning("supplier_throttled", pause_seconds=round(int(pause) / 1e6, 2))
        return int(pause) / 1e6

    def succeeded(self) -> None:
        """Tell the limiter that an answer was not throttled, so that the next pause starts small again."""
        self._throttled_in_a_row = 0

    def _call(self, operation: str, amount: float = 0, epoch: str = "") -> list[bytes]:
        try:
            answer: list[bytes] = self._script(
                keys=[self.key], args=[operation, f"{self.interval * 1e6:.0f}", f"{amount:.0f}", epoch]
            )
        except redis.RedisError as error:
            raise LimiterUnavailable(f"the limiter's Redis cannot be reached: {type(error).__name__}") from error
        return answer
