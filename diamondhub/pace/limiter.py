"""The supplier limiter: one pace for all processes on all hosts.

A caller reserves the next free slot in Redis (`gcra.lua`, on Redis's own clock), sleeps until it, redeems it, and sends.
Requests are counted from when their slots are redeemed, so a caller that wakes late costs the others nothing. While Redis
is away nobody sends: a limit per process would break the contract.
"""

from __future__ import annotations

import enum
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import redis
import structlog

from diamondhub import redis_clients
from diamondhub.telemetry import process_metrics

log = structlog.get_logger(__name__)

#: Allowance for the jitter between sending a request and its arrival, so that the supplier never sees one too many in a
#: second (seconds). It costs throughput: 25 in 1.07 s are 23.4 a second.
JITTER_SECONDS = 0.07
#: A grant that arrives later than this is forfeited, since a process that was stopped meanwhile must not send (seconds).
LATE_SECONDS = 0.03
#: On a machine that is late every time, the tolerance doubles up to this (seconds): a late request is counted from when it
#: is sent, which keeps every window right as long as `sent` is called well within a second.
MAX_LATE_SECONDS = 0.24
#: The words for why a slot is refused, as they are counted: of `WaitTooLong`, and of a limiter that is away.
REFUSALS = ("busy", "lane", "open", "unavailable")
#: A request that is sent this soon after its grant needs no `sent` (seconds).
PROMPT_SECONDS = 0.01
#: First and longest pause after a throttled answer that names none (seconds).
PENALTY_BASE_SECONDS, PENALTY_CAP_SECONDS = 1.0, 60.0
#: Callers of one lane that may wait for a slot at the same time; at 25 requests a second, both lanes full, the last of
#: them waits 1.4 s. Longer queues wait in the database, where they survive a restart.
LANE_LENGTH = 16

#: Part of a caller's name.
_HOST = socket.gethostname()
_SCRIPT = (Path(__file__).parent / "gcra.lua").read_text()


class Lane(enum.StrEnum):
    """The kinds of callers. Each lane has its own places in the queue, so neither can take all of the other's slots."""

    BULK = "bulk"
    INTERACTIVE = "interactive"


class LimiterUnavailable(Exception):
    """Redis cannot be reached, so nobody may send; try again later."""


class WaitTooLong(Exception):
    """No slot is free within the time that the caller accepts; nothing was reserved."""

    def __init__(self, wait: float, reason: str = "") -> None:
        why = {"open": "the supplier does not answer", "lane": "too many wait already"}.get(reason, "no slot is free")
        super().__init__(f"{why}; worth asking again in {wait:.1f} s")
        #: Seconds until it is worth asking again.
        self.wait = wait
        #: A word for why: `open`, `lane` or `busy`.
        self.reason = reason if reason in ("open", "lane") else "busy"


class PauseStore(Protocol):
    """A store in which a pause that the supplier asked for outlives Redis."""

    def keep(self, account: str, seconds: float) -> None:
        """Remember that nobody may send for `seconds`."""

    def left(self, account: str) -> float:
        """Seconds of the remembered pause that are left; 0 if there is none."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A granted slot: the caller sends now.

    `epoch` distinguishes it from slots before a pause; `moment` is its name in Redis; `heard_at` is this process's monotonic
    clock when it was asked for; `expectant` means that the limiter waits to hear whether the supplier answered.
    """

    epoch: int
    expectant: bool
    moment: str = ""
    heard_at: float = 0.0

    @property
    def age(self) -> float:
        """Seconds since the grant, or a little more."""
        return time.monotonic() - self.heard_at


def interval(per_second: int) -> float:
    """Seconds from slot to slot at a contract of `per_second` requests in any second."""
    return (1.0 + JITTER_SECONDS) / per_second


@cache
def _client(url: str) -> redis.Redis:
    return redis_clients.client(url, health_check_interval=15)


class Limiter:
    """The pace of one supplier account.

    `per_second` is the contract: requests in any one-second window. As many are let through in any window that is longer
    by `JITTER_SECONDS`, never two closer than half an interval. `pauses` keeps the pauses that a flushed Redis forgets. Safe
    to share between threads.
    """

    def __init__(
        self,
        account: str,
        *,
        per_second: int,
        redis_url: str,
        max_wait: float = 8.0,
        pauses: PauseStore | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.account = account
        self.per_second = per_second
        self.interval = interval(per_second)
        self.max_wait = max_wait
        self._key = f"limiter:{{{account}}}"
        self._pauses = pauses
        self._sleep = sleep
        self._redis = _client(redis_url)
        self._script = self._redis.register_script(_SCRIPT)
        self._known_epoch: int | None = None
        self._throttled_in_a_row = 0

    def acquire(self, *, lane: Lane = Lane.BULK, max_wait: float | None = None) -> Slot:
        """Wait for this caller's slot and return it; the caller sends at once and reports the outcome.

        Raises `WaitTooLong` if there is none within `max_wait` seconds or too many wait already (known at once, costs no
        slot), and `LimiterUnavailable` if Redis is away. A thread that was refused because too many wait keeps the
        place that it was told of if it asks again in time.
        """
        began = time.monotonic()
        try:
            slot = self._acquired(lane, self.max_wait if max_wait is None else max_wait)
        except WaitTooLong as error:
            self._count_refusal(lane, error.reason)
            raise
        except LimiterUnavailable:
            self._count_refusal(lane, "unavailable")
            raise
        process_metrics.observe("diamondhub_limiter_wait_seconds", self.account, lane, seconds=time.monotonic() - began)
        return slot

    def _count_refusal(self, lane: Lane, reason: str) -> None:
        process_metrics.count("diamondhub_limiter_refusals_total", self.account, lane, reason)

    def _acquired(self, lane: Lane, limit: float) -> Slot:
        give_up = time.monotonic() + limit
        forfeited, tolerated = "", LATE_SECONDS
        while True:
            accepted = max(0.0, give_up - time.monotonic())
            asked = time.monotonic()
            granted, wait, epoch, word, moment = self._call("reserve", lane, accepted, forfeited)
            if not granted:
                raise WaitTooLong(wait, word)
            if not wait and time.monotonic() - asked > tolerated:
                forfeited, tolerated = "late", min(2 * tolerated, MAX_LATE_SECONDS)
                continue
            if epoch != self._known_epoch and self._remembered_pause(epoch):
                forfeited = "epoch"
                continue
            forfeited = ""
            if wait:
                forfeited, asked, moment = self._redeem(epoch, wait, tolerated)
            if forfeited == "late":
                tolerated = min(2 * tolerated, MAX_LATE_SECONDS)
            if not forfeited:
                return Slot(epoch, word in ("probe", "troubled"), moment, asked)

    def sent(self, slot: Slot) -> None:
        """Report that the request was sent, right after sending it; a late one is counted from now."""
        if (late := slot.age) > PROMPT_SECONDS:
            self._call("sent", Lane.BULK, late, slot.moment)

    def _redeem(self, epoch: int, wait: float, tolerated: float) -> tuple[str, float, str]:
        """Redeem a reserved slot after the wait; returns why it is forfeited (or ""), when it was asked for, its name."""
        while True:
            self._sleep(wait)
            asked = time.monotonic()
            granted, wait, _, word, moment = self._call("redeem", Lane.BULK, 0.0, str(epoch))
            if word == "void":
                return "epoch", asked, moment
            if granted:
                late = time.monotonic() - asked > tolerated
                return "late" if late else "", asked, moment

    def penalize(self, slot: Slot, *, retry_after: float | None) -> float:
        """Push everybody's next slot back after a throttled answer; returns the seconds of the pause.

        Takes effect once per epoch: late answers of an earlier epoch change nothing.
        """
        if retry_after is None:
            ceiling = min(PENALTY_CAP_SECONDS, PENALTY_BASE_SECONDS * 2**self._throttled_in_a_row)
            retry_after = max(PENALTY_BASE_SECONDS / 2, random.uniform(0, ceiling))
        taken, pause, _, _, _ = self._call("penalize", Lane.BULK, retry_after, str(slot.epoch))
        if taken:
            self._throttled_in_a_row = min(self._throttled_in_a_row + 1, 10)
            log.warning("supplier_throttled", account=self.account, pause_seconds=round(pause, 2))
            if self._pauses is not None:
                self._pauses.keep(self.account, pause)
        return pause

    def succeeded(self, slot: Slot) -> None:
        """Report that the supplier answered: the next pause starts small again, and an open breaker closes."""
        self._throttled_in_a_row = 0
        if slot.expectant:
            self._call("succeeded", Lane.BULK, 0.0, "")

    def failed(self) -> None:
        """Report that the supplier did not answer at all; several in a row open the breaker for everybody."""
        _, opened, _, _, _ = self._call("failed", Lane.BULK, 0.0, "")
        if opened:
            log.warning("supplier_does_not_answer", account=self.account, next_try_seconds=round(opened, 1))

    def counters(self) -> dict[str, int]:
        """The counters of all processes since the last flush: granted, refused, forfeited_late, forfeited_epoch,
        penalties, failures, opened, waited_microseconds; and the current `interval_microseconds`.

        `granted` has the slots that were forfeited because the grant came late, too.
        """
        try:
            counted: dict[bytes, bytes] = self._redis.hgetall(f"{self._key}:counters")  # type: ignore[assignment]
            interval = self._redis.hget(self._key, "interval")
        except redis.RedisError as error:
            raise _unavailable(error) from error
        counters = {name.decode(): int(value) for name, value in counted.items()}
        return {**counters, "interval_microseconds": int(interval or self.interval * 1e6)}

    def _remembered_pause(self, epoch: int) -> bool:
        """Restore the pause that a flushed Redis forgot, in an epoch new to this process; True if there was one."""
        left = self._pauses.left(self.account) if self._pauses is not None else 0.0
        blocked = float(self._redis_blocked())
        if left > blocked + 0.5:
            self._call("block", Lane.BULK, left, "")
            return True
        self._known_epoch = epoch
        return False

    def _redis_blocked(self) -> float:
        """Seconds that are left of the pause that Redis itself knows."""
        try:
            blocked = self._redis.hget(self._key, "blocked")
            seconds, microseconds = self._redis.time()
        except redis.RedisError as error:
            raise _unavailable(error) from error
        return max(0.0, int(blocked or 0) / 1e6 - seconds - microseconds / 1e6)

    def _call(self, operation: str, lane: Lane, seconds: float, word: str) -> tuple[bool, float, int, str, str]:
        try:
            granted, wait, epoch, told, now = self._script(
                keys=[
                    self._key,
                    f"{self._key}:{lane}",
                    f"{self._key}:counters",
                    f"{self._key}:grants",
                    f"{self._key}:{lane}:refused",
                    f"{self._key}:{lane}:expected",
                ],
                args=[
                    operation,
                    f"{self.interval * 1e6:.0f}",
                    f"{seconds * 1e6:.0f}",
                    word,
                    LANE_LENGTH,
                    self.per_second,
                    f"{_HOST}:{os.getpid()}:{threading.get_ident()}",
                ],
            )
        except redis.RedisError as error:
            raise _unavailable(error) from error
        return bool(int(granted)), int(wait) / 1e6, int(epoch), told.decode(), now.decode()


def _unavailable(error: redis.RedisError) -> LimiterUnavailable:
    return LimiterUnavailable(f"the limiter's Redis cannot be reached: {type(error).__name__}")
