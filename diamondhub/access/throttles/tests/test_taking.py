"""Redis going away and coming back: never blocked, never none, never too many."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from diamondhub.access.throttles import taking
from diamondhub.access.throttles.buckets import Bucket, Places
from diamondhub.access.throttles.limits import parse
from diamondhub.access.throttles.shared import SharedLimits
from diamondhub.access.throttles.taking import Limits
from diamondhub.local.valkey import Valkey
from diamondhub.tests.patience import HANG_SECONDS

SEARCH = Bucket("shop", parse("search", "20/s burst 20"))
#: Filled so slowly that nothing comes back during a test.
SLOW = Bucket("slow", parse("slow", "1/h burst 10"))


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Redis said holds for the whole test, however slow the machine is."""
    monkeypatch.setattr("diamondhub.access.throttles.local.FRESH_SECONDS", 3_600.0)


def limits(valkey: Valkey, processes: int = 1, *, seconds: float = 5.0) -> Limits:
    """Limits that wait for Redis for so long; those of web processes wait for 0.2 s."""
    with override_settings(REDIS_ANSWER_SECONDS=seconds):
        return Limits(SharedLimits(valkey.url), processes_at_least=processes)


def until_shared(mine: Limits, bucket: Bucket = SEARCH) -> None:
    """Ask until Redis decides again."""
    deadline = time.monotonic() + 20
    while mine.take([bucket]).moment == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_several_processes_share_one_bucket(valkey: Valkey) -> None:
    mine, other = limits(valkey), limits(valkey)

    verdicts = [both.take([SLOW]).allowed for _ in range(10) for both in (mine, other)]

    assert verdicts.count(True) == 10


def test_without_redis_a_process_lets_its_share_in_and_is_not_held_up(valkey: Valkey) -> None:
    mine = limits(valkey, processes=2)
    mine.take([SLOW])
    valkey.stop()

    begun = time.process_time()
    verdicts = [mine.take([SLOW]) for _ in range(100)]

    assert sum(verdict.allowed for verdict in verdicts) == 4
    assert all(verdict.moment == 0 for verdict in verdicts)
    assert time.process_time() - begun < 5


def test_a_redis_that_hangs_holds_one_request_up_and_that_briefly(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = limits(valkey, seconds=0.2)
    mine.take([SLOW])
    # However slow the machine is, it is not asked again within the test.
    monkeypatch.setattr(taking, "TRY_AGAIN_SECONDS", 3_600.0)
    calls: list[Any] = []
    call = mine._shared.call

    def counted(orders: Any) -> Any:
        calls.append(orders)
        return call(orders)

    monkeypatch.setattr(mine._shared, "call", counted)
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    asked = threading.Event()

    def ask() -> None:
        for _ in range(20):
            mine.take([SLOW])
        asked.set()

    threading.Thread(target=ask, daemon=True).start()
    try:
        answered = asked.wait(HANG_SECONDS)
    finally:
        os.kill(valkey.pid, signal.SIGCONT)

    assert answered
    # The others did not wait for 0.2 s each.
    assert len(calls) == 1


def test_what_a_hanging_redis_comes_to_later_takes_nothing(valkey: Valkey) -> None:
    mine, other = limits(valkey, seconds=0.2), limits(valkey)
    other.take([SEARCH])
    mine.take([SLOW])
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    alone = mine.take([SLOW])
    # Until the call that nobody waits for any more is too old.
    time.sleep(0.4)
    os.kill(valkey.pid, signal.SIGCONT)

    until_shared(mine)

    # One was taken there, and one here, which is owed: not the same one twice.
    assert alone.allowed
    assert other.take([SLOW]).levels[0].left == 10 - 3


def test_redis_is_used_again_by_itself_and_hears_what_was_let_in_meanwhile(valkey: Valkey) -> None:
    mine, other = limits(valkey, seconds=0.2), limits(valkey)
    mine.take([SLOW])
    other.take([SLOW])
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    let_in = [mine.take([SLOW]).allowed for _ in range(3)].count(True)
    # Until the call that nobody waits for any more is too old.
    time.sleep(0.4)
    os.kill(valkey.pid, signal.SIGCONT)

    until_shared(mine)

    assert let_in == 3
    assert other.take([SLOW]).levels[0].left == 10 - 2 - 3 - 1


def test_a_restart_of_redis_opens_no_burst(valkey: Valkey) -> None:
    mine = limits(valkey)
    for _ in range(15):
        mine.take([SLOW])
    valkey.restart()

    until_shared(mine)

    # Where one takes very long to come back, one is let in.
    assert [mine.take([SLOW]).allowed for _ in range(10)].count(True) <= 1


def test_places_that_are_held_are_known_to_a_redis_that_was_flushed(valkey: Valkey) -> None:
    mine, other = limits(valkey), limits(valkey)
    held = [Places("p", "at-once", 2, str(number)) for number in range(2)]
    for place in held:
        assert mine.take([place]).allowed
    mine._shared._redis.flushall()
    mine.take([SEARCH])

    assert not other.take([Places("p", "at-once", 2, "x")]).allowed


def test_a_place_that_is_left_while_redis_hangs_is_free_afterwards(valkey: Valkey) -> None:
    mine, other = limits(valkey, seconds=0.2), limits(valkey)
    place = Places("p", "at-once", 1, "x")
    mine.take([place])
    other.take([SEARCH])
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    mine.leave(place)
    # Until the call that nobody waits for any more is too old.
    time.sleep(0.4)
    os.kill(valkey.pid, signal.SIGCONT)

    until_shared(mine)

    assert other.take([Places("p", "at-once", 1, "y")]).allowed


def test_places_are_kept_for_as_long_as_they_are_held(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "KEEP_SECONDS", 0.02)
    mine = limits(valkey)
    mine.take([Places("p", "at-once", 2, "x")])
    mine._shared._redis.delete("limits:p")

    deadline = time.monotonic() + 20
    while not mine._shared._redis.exists("limits:p"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_hears_how_many_share(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    several = []
    for number in range(3):
        shared = SharedLimits(valkey.url)
        shared._name = f"host:{number}"
        shared.call([])
        several.append(shared)

    assert [shared.processes for shared in several] == [1, 2, 3]
