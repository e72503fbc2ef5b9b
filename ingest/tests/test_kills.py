"""Every process of the stack killed in the middle of a run: it goes on by itself and ends with the same catalogue."""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.tests.conftest import STONES
from ingest.tests.stack import ROOT, Sandbox, Stack, until

pytestmark = pytest.mark.processes

FEED = "nivoda-labgrown"


@pytest.fixture(autouse=True)
def slow_supplier(sandbox: Sandbox) -> None:
    # Long enough that a kill finds the run where the test wants it, on a busy machine as well.
    sandbox.post("faults", latency_ms=150)


@pytest.fixture(scope="module")
def undisturbed(stack: Stack) -> tuple[int, str]:
    stack.run(FEED, "--full")
    stones, digest = stack.catalogue()
    assert stones > STONES / 2
    return stones, digest


@pytest.mark.parametrize("victim", ["worker-io", "worker-cpu", "beat", "web", "valkey", "postgres"])
def test_a_run_survives_the_death_of_any_process_while_it_reads(
    stack: Stack, sandbox: Sandbox, undisturbed: tuple[int, str], victim: str
) -> None:
    stack.forget()
    # It reads for long, so that it still does when somebody looks.
    sandbox.post("faults", latency_ms=1_000)
    run = stack.start(FEED, "--full")
    until(lambda: stack.pages(run) >= 3, seconds=60, what="the run reads pages")
    assert stack.state(run) == "ingesting"

    stack.kill(victim)
    sandbox.post("faults", latency_ms=150)

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


@pytest.mark.parametrize("victim", ["worker-io", "worker-cpu", "postgres"])
def test_a_run_survives_the_death_of_a_process_while_it_consolidates(
    stack: Stack, undisturbed: tuple[int, str], victim: str
) -> None:
    stack.forget()
    run = stack.start_and_wait_until_it_consolidates(FEED)

    stack.kill(victim)

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_a_run_survives_a_flushed_redis(stack: Stack, undisturbed: tuple[int, str]) -> None:
    stack.forget()
    run = stack.start(FEED, "--full")
    until(lambda: stack.pages(run) >= 5, seconds=30, what="the run reads pages")

    stack.flush_redis()

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_a_worker_that_was_stopped_beyond_its_lease_and_comes_back_changes_nothing(
    stack: Stack, undisturbed: tuple[int, str]
) -> None:
    stack.forget()
    run = stack.start(FEED, "--full")
    until(lambda: stack.pages(run) >= 5, seconds=30, what="the run reads pages")

    stack.send("worker-io", signal.SIGSTOP)
    held = stack.value(
        "SELECT coalesce(max(lease_expires_at), clock_timestamp()) FROM ingest_partition WHERE run_id = %(run)s",
        run=run,
    )
    until(
        lambda: stack.value("SELECT clock_timestamp() > %(held)s::timestamptz + interval '1 second'", held=held),
        seconds=30,
        what="the leases have run out",
    )
    stack.send("worker-io", signal.SIGCONT)

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_a_run_survives_a_database_that_is_restarted_again_and_again(
    stack: Stack, undisturbed: tuple[int, str]
) -> None:
    stack.forget()
    run = stack.start(FEED, "--full")

    def goes_on(done: int) -> bool:
        return stack.pages(run) > done or stack.state(run) not in ("planning", "ingesting")

    for restarts in range(4):
        what = f"the run goes on after {restarts} restarts"
        until(functools.partial(goes_on, stack.pages(run)), seconds=60, what=what)
        stack.kill("postgres")

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_more_beats_and_ten_workers_with_one_name_do_no_harm(stack: Stack, undisturbed: tuple[int, str]) -> None:
    stack.forget()
    environment = {**stack.environment, **stack.urls(), "DATABASE_POOL_SIZE": "2"}
    alone = stack.listeners()
    extra = subprocess.Popen(
        [sys.executable, "-m", "ingest.tests.twins", "10"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: stack.listeners() >= alone + 10, seconds=120, what="all ten listen")
        run = stack.start(FEED, "--full")
        stack.wait_for(run)
    finally:
        # How workers stop in order is not the question here: those that take long over it are killed.
        extra.terminate()
        with suppress(subprocess.TimeoutExpired):
            extra.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(extra.pid, signal.SIGKILL)
        extra.wait()

    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_a_run_survives_a_redis_that_is_flushed_again_and_again(stack: Stack, undisturbed: tuple[int, str]) -> None:
    dice = random.Random(11)
    stack.forget()
    run = stack.start(FEED, "--full")

    for flushes in range(6):
        done = stack.pages(run) + dice.randint(1, 10)
        until(
            lambda done=done: stack.pages(run) >= done or stack.state(run) not in ("planning", "ingesting"),  # type: ignore[misc]
            seconds=60,
            what=f"the run goes on after {flushes} flushes",
        )
        stack.flush_redis()

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_a_run_survives_a_database_that_dies_while_it_consolidates_and_again_while_it_recovers(
    stack: Stack, undisturbed: tuple[int, str]
) -> None:
    stack.forget()
    run = stack.start_and_wait_until_it_consolidates(FEED)

    for deaths in range(4):
        before = stack.processes["postgres"]
        stack.kill("postgres")
        # The next one dies as soon as it lives, which is in its recovery.
        until(
            lambda before=before: stack.processes.get("postgres") not in (None, before),  # type: ignore[misc]
            seconds=60,
            what=f"the database is started after {deaths} deaths",
        )
        if deaths % 2:
            # And the one after it when it answers, with the run at work again.
            stack.state(run)

    stack.wait_for(run)
    assert stack.catalogue() == undisturbed
    stack.assert_invariants_hold()


def test_every_message_may_come_five_times_at_once(sandbox: Sandbox, undisturbed: tuple[int, str]) -> None:
    fivefold = Path(__file__).parent / "fivefold"
    stack = Stack(ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-fivefold", sandbox, PYTHONPATH=str(fivefold))
    try:
        stack.run(FEED, "--full")
        again = stack.run(FEED, "--full")

        assert stack.catalogue() == undisturbed
        assert (again["stones_stored"], again["updated"], again["delisted"]) == (0, 0, 0)
        # The patch did what it is for.
        assert "fivefold" in (stack.var / "up.log").read_text(errors="replace")
        stack.assert_invariants_hold()
    finally:
        stack.stop()
