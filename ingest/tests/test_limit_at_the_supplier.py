"""Ten processes at the supplier's door, by the supplier's own books: whatever happens to them, never 26 in a second."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from benchmarks.crowd import Crowd
from diamondhub.local.valkey import Valkey
from ingest.tests.stack import Sandbox

pytestmark = pytest.mark.processes

SECONDS = 60


@pytest.fixture
def supplier() -> Iterator[Sandbox]:
    running = Sandbox(100)
    yield running
    running.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    running = Valkey(tmp_path)
    running.start()
    yield running
    running.stop()


def test_no_second_sees_more_than_the_limit_while_callers_stop_and_redis_is_flushed_and_killed_and_429s_come(
    supplier: Sandbox, server: Valkey
) -> None:
    crowd = Crowd(supplier.url, server.url, processes=10, threads=3, per_second=25, seconds=SECONDS)
    end = time.monotonic() + SECONDS
    try:
        for turn in range(1, 100):
            time.sleep(2)
            if time.monotonic() > end - 8:
                break
            stopped = crowd.processes[turn % 10 : turn % 10 + 3]
            for process in stopped:
                os.kill(process.pid, signal.SIGSTOP)
            match turn % 4:
                case 0:
                    redis.Redis.from_url(server.url).flushall()
                case 1:
                    supplier.post("faults", fail_next={"requests": 3, "status": 429, "retry_after": 1})
                case 2:
                    assert server.pid
                    os.kill(server.pid, signal.SIGKILL)
                    time.sleep(1.5)
                    server.restart()
                case _:
                    time.sleep(1)
            for process in stopped:
                os.kill(process.pid, signal.SIGCONT)
        behaviour = crowd.ended()
    finally:
        crowd.kill()

    books = supplier.get("stats")
    assert books["max_in_one_second"] <= 25
    assert books["errors_injected"] >= 3
    # It was disturbed all the time, and still most of the minute was used.
    assert books["requests"] >= 5 * SECONDS
    assert len(behaviour.waits) >= 5 * SECONDS
