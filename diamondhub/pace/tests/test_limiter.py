"""The limiter on a real server, with callers in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from diamondhub.pace.limiter import LANE_LENGTH, Lane, Limiter, LimiterUnavailable, WaitTooLong
from diamondhub.pace.tests.used import used_slots

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parent.parent.parent.parent
#: Takes slots until it is told to stop, with several threads; prints when each was used, by the machine's clock.
CALLER = """
import json, sys, threading, time
from diamondhub.pace.limiter import Limiter, LimiterUnavailable, WaitTooLong
from diamondhub.pace.tests.used import used_slots
account, url, per_second, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
limiter = Limiter(account, per_second=per_second, redis_url=url)
used, waits, end = [], [], time.monotonic() + seconds
def call():
    while time.monotonic() < end:
        asked = time.monotonic()
        try:
            slot = limiter.acquire()
        except WaitTooLong as error:
            time.sleep(min(0.5, error.wait))
        except LimiterUnavailable:
            time.sleep(0.1)
        else:
            used.append(time.monotonic())
            limiter.sent(slot)
            waits.append(used[-1] - asked)
callers = [threading.Thread(target=call) for _ in range(threads)]
print("ready", flush=True)
[one.start() for one in callers]
[one.join() for one in callers]
print(json.dumps([used, waits]), flush=True)
"""


class Callers:
    """Processes that take slots of one account."""

    def __init__(self, account: str, *, processes: int, threads: int, per_second: int, seconds: float) -> None:
        self.processes = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    CALLER,
                    account,
                    settings.REDIS_URL,
                    str(per_second),
                    str(threads),
                    str(seconds),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def ended(self) -> tuple[list[float], list[float]]:
        """Moments at which slots were used, sorted, and how long each was waited for; in seconds."""
        used: list[float] = []
        waits: list[float] = []
        for process in self.processes:
            output, _ = process.communicate(timeout=300)
            moments, waited = json.loads(output)
            used += moments
            waits += waited
        return sorted(used), waits


def most_in_one_second(moments: Sequence[float]) -> int:
    """The largest number of moments in any window of one second."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.fixture
def account(redis_server: str) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex}"
    yield name
    server = redis.Redis.from_url(settings.REDIS_URL)
    server.delete(*(server.keys(f"limiter:{{{name}}}*") or ["nothing"]))


def limiter(account: str, **options: object) -> Limiter:
    return Limiter(account, redis_url=settings.REDIS_URL, **{"per_second": 25, **options})  # type: ignore[arg-type]


def assert_left(wait: float, *, of: float, since: float) -> None:
    """A wait of `of` seconds that began after `since` is as long as it can be now."""
    assert of - (time.monotonic() - since) - 0.1 <= wait <= of + 0.1


def test_processes_together_stay_within_the_limit_and_use_it(account: str) -> None:
    callers = Callers(account, processes=4, threads=3, per_second=25, seconds=8)

    used, waits = callers.ended()

    assert most_in_one_second(used) <= 25
    # The first second is waited out; after it slots are used but for those that come late, more of them on a busy machine.
    # How few they are otherwise is measured by `bench`.
    steady = [moment for moment in used if moment >= used[0] + 1]
    assert len(steady) / (steady[-1] - steady[0]) >= 12
    # First come, first served: nobody waits much longer than the others.
    settled = sorted(waits[len(waits) // 4 :])
    assert settled[-1] <= 3 * (sum(settled) / len(settled)) + 1.0


def test_callers_that_were_stopped_for_seconds_do_not_fire_together_afterwards(account: str) -> None:
    callers = Callers(account, processes=3, threads=4, per_second=25, seconds=8)
    time.sleep(2)
    for process in callers.processes[:2]:
        os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2)
    for process in callers.processes[:2]:
        os.kill(process.pid, signal.SIGCONT)

    used, _ = callers.ended()

    assert most_in_one_second(used) <= 25


def test_a_flushed_redis_never_lets_a_burst_through(account: str) -> None:
    server = redis.Redis.from_url(settings.REDIS_URL)
    callers = Callers(account, processes=3, threads=4, per_second=25, seconds=6)
    for _ in range(4):
        time.sleep(0.9)
        server.delete(*(server.keys(f"limiter:{{{account}}}*") or ["nothing"]))

    used, _ = callers.ended()

    assert used
    assert most_in_one_second(used) <= 25


def test_a_wait_that_is_too_long_is_known_at_once_and_costs_no_slot(account: str) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    pace = limiter(account, per_second=1, sleep=sleep)
    pace.acquire()
    # The next slot is seconds away, however busy the machine is.
    for _ in range(5):
        assert pace._call("reserve", Lane.BULK, 99.0, "")[0]
    slept.clear()
    before = used_slots(pace)

    for _ in range(5):
        with pytest.raises(WaitTooLong) as refused:
            pace.acquire(max_wait=0.001)

    assert slept == []
    assert 0.001 < refused.value.wait <= 6 * 1.07
    assert used_slots(pace) == before


def test_a_throttled_answer_pushes_everybody_back_once(account: str) -> None:
    pace, other = limiter(account), limiter(account)
    slot, late = pace.acquire(), other.acquire()
    punished = time.monotonic()

    assert_left(pace.penalize(slot, retry_after=20.0), of=20.0, since=punished)
    # An answer of the same epoch that comes in later is no second penalty.
    assert_left(other.penalize(late, retry_after=300.0), of=20.0, since=punished)

    with pytest.raises(WaitTooLong) as refused:
        other.acquire(max_wait=1.0)
    assert_left(refused.value.wait, of=20.0, since=punished)
    assert pace.counters()["penalties"] == 1
    assert pace.counters()["interval_microseconds"] == pytest.approx(1.5 * pace.interval * 1e6, rel=0.01)


def test_reservations_from_before_a_penalty_are_void(account: str) -> None:
    pace = limiter(account, per_second=2)
    slot = pace.acquire()
    moments: list[float] = []

    def wait() -> None:
        pace.acquire()
        moments.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)

    punished = time.monotonic()
    pace.penalize(slot, retry_after=1.5)
    waiting.join()

    assert moments[0] - punished >= 1.45


def test_a_pause_outlives_a_flush_of_redis(account: str) -> None:
    class Remembered:
        seconds = 0.0

        def keep(self, _account: str, seconds: float) -> None:
            self.seconds = seconds

        def left(self, _account: str) -> float:
            return self.seconds

    pauses = Remembered()
    pace = limiter(account, pauses=pauses)
    slot, punished = pace.acquire(), time.monotonic()
    pace.penalize(slot, retry_after=50.0)
    server = redis.Redis.from_url(settings.REDIS_URL)
    server.delete(*server.keys(f"limiter:{{{account}}}*"))

    with pytest.raises(WaitTooLong) as refused:
        limiter(account, pauses=pauses).acquire(max_wait=2.0)

    # What is remembered is not counted down here.
    assert_left(refused.value.wait, of=50.0, since=punished)


def a_full_lane(account: str) -> Limiter:
    """A limiter whose bulk lane is full, of slots that are seconds away, however slow the machine is."""
    pace = limiter(account, per_second=25)
    pace.acquire()
    pace._call("block", Lane.BULK, 9.5, "")
    for _ in range(LANE_LENGTH):
        assert pace._call("reserve", Lane.BULK, 99.0, "")[0]
    return pace


def test_each_lane_has_its_own_places_in_the_queue(account: str) -> None:
    pace = a_full_lane(account)

    with pytest.raises(WaitTooLong, match="too many wait already"):
        pace.acquire(max_wait=99.0)

    assert pace._call("reserve", Lane.INTERACTIVE, 99.0, "")[0]


def test_who_was_turned_away_from_a_full_lane_gets_the_next_place_before_who_came_later(account: str) -> None:
    pace = a_full_lane(account)

    def ask() -> float:
        """0 for a place, else the moment that was told, by the server's clock."""
        granted, wait, _, word, now = pace._call("reserve", Lane.BULK, 99.0, "")
        assert granted or word == "lane"
        return 0.0 if granted else int(now) / 1e6 + wait

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        told_first = first.submit(ask).result()
        told_second = second.submit(ask).result()
        assert told_second - told_first == pytest.approx(pace.interval, abs=0.001)
        # The first slot has come.
        redis.Redis.from_url(settings.REDIS_URL).zremrangebyrank(f"{pace._key}:{Lane.BULK}", 0, 0)

        # A place is free now, and it is the first one's.
        assert second.submit(ask).result() == pytest.approx(told_second, abs=0.001)
        assert first.submit(ask).result() == 0.0


def test_who_was_turned_away_and_does_not_come_again_keeps_nobody_waiting(account: str) -> None:
    pace = limiter(account, per_second=5)
    pace.acquire()
    word = ""
    with ThreadPoolExecutor(1) as gone:
        # Until the lane is full.
        while word != "lane":
            _, told, _, word, _ = gone.submit(pace._call, "reserve", Lane.BULK, 99.0, "").result()

    time.sleep(told + 0.3)

    assert pace._call("reserve", Lane.BULK, 99.0, "")[0]


def test_a_supplier_that_does_not_answer_is_left_alone_but_for_a_probe(account: str) -> None:
    pace = limiter(account)
    pace.acquire()
    opened = time.monotonic()
    for _ in range(5):
        pace.failed()

    with pytest.raises(WaitTooLong, match="does not answer") as refused:
        pace.acquire(max_wait=8.0)

    assert_left(refused.value.wait, of=30.0, since=opened)
    assert pace.counters()["opened"] == 1


def test_single_failures_between_successes_do_not_open_the_breaker(account: str) -> None:
    pace = limiter(account, per_second=200)
    for _ in range(4):
        slot = pace.acquire()
        for _ in range(3):
            pace.failed()
        slot = pace.acquire()
        pace.succeeded(slot)

    assert "opened" not in pace.counters()


def test_without_redis_nobody_sends() -> None:
    pace = Limiter("nobody", per_second=25, redis_url="redis://127.0.0.1:1/0")

    with pytest.raises(LimiterUnavailable):
        pace.acquire()


def test_a_request_that_went_out_late_is_counted_from_then(account: str) -> None:
    pace = limiter(account, per_second=2)
    first = pace.acquire()
    second = pace.acquire()

    pace.sent(first)
    pace.acquire()

    # Counted from when it was let through, the third would have followed after half a second.
    assert time.monotonic() - second.heard_at >= 1.0
    assert pace.counters()["sent_late"] == 1


def test_a_caller_that_is_late_every_time_goes_at_last_and_is_counted_from_then(
    account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = limiter(account, per_second=25)
    pace.acquire()
    call = pace._call

    def slowly(*arguments: Any) -> Any:
        answer = call(*arguments)
        time.sleep(0.1)
        return answer

    monkeypatch.setattr(pace, "_call", slowly)

    slot = pace.acquire()
    pace.sent(slot)

    assert slot.age >= 0.1
    counted = pace.counters()
    # Two are later than what is tolerated at first; on a busy machine more.
    assert counted["forfeited_late"] >= 2
    assert counted["sent_late"] == 1
