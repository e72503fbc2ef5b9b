"""A worker that is told to stop, as a real process in mid-run: nothing is left leased, and its successor goes on at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from ingest.tests.stack import ROOT, Sandbox, Stack, until

pytestmark = pytest.mark.processes

FEED = "nivoda-labgrown"
#: Long leases: whoever had to wait for one of them would be seen waiting. So few requests a second that a run still has
#: pages to read, for a quarter of a minute, when a busy machine gets round to what a test does next.
PATIENT = {"PARTITION_LEASE_SECONDS": "300", "NIVODA_RATE_LIMIT": "6", "NIVODA_TIMEOUT": "290"}


@pytest.fixture(scope="module")
def patient(sandbox: Sandbox) -> Iterator[Stack]:
    running = Stack(ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-draining", sandbox, **PATIENT)
    yield running
    running.stop()


@pytest.fixture
def run(patient: Stack, sandbox: Sandbox) -> Iterator[int]:
    """A run in the midst of its pages, on an empty catalogue."""
    sandbox.post("faults")
    patient.forget()
    number = patient.start(FEED, "--full")
    until(lambda: patient.pages(number) >= 5, seconds=60, what="the run reads pages")
    yield number
    sandbox.post("faults")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def leased(stack: Stack) -> int:
    found: int = stack.value(
        "SELECT (SELECT count(*) FROM ingest_partition WHERE lease_expires_at IS NOT NULL)"
        " + (SELECT count(*) FROM ingest_run WHERE lease_expires_at IS NOT NULL) AS leased"
    )
    return found


def assert_offsets_match_the_ledger(stack: Stack, run: int) -> None:
    """Where a partition goes on is behind the last page in its ledger, never before or beyond it."""
    rows = stack.rows(
        """
        SELECT p.id, p.next_offset, max(page."offset" + page.received) AS reached
        FROM ingest_partition AS p
        JOIN ingest_page AS page ON page.partition_id = p.id AND page.reread = p.rereads
        WHERE p.run_id = %(run)s AND p.kind = 'range'
        GROUP BY p.id
        """,
        run=run,
    )
    assert rows
    assert [row for row in rows if row["next_offset"] != row["reached"]] == []


def test_a_worker_told_to_stop_gives_everything_back_and_its_successor_goes_on_at_once(
    patient: Stack, run: int
) -> None:
    pid = patient.processes["worker-io"]

    # It starts no successor, which would lease partitions anew.
    os.kill(supervisor(patient), signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGTERM)
        until(lambda: ended(pid), seconds=30, what="the worker ends")
        left = leased(patient)
        assert_offsets_match_the_ledger(patient, run)
        pages = patient.pages(run)
    finally:
        os.kill(supervisor(patient), signal.SIGCONT)
    # Sooner than leases that nobody gave back would have run out.
    until(lambda: patient.pages(run) > pages, seconds=30, what="the next worker goes on")

    assert left == 0
    patient.wait_for(run)
    patient.assert_invariants_hold()


def test_leases_are_given_back_long_before_a_supplier_answers_that_does_not(
    patient: Stack, sandbox: Sandbox, run: int
) -> None:
    sandbox.post("faults", timeout={"rate": 1, "seconds": 280})
    held = walkers_that_wait(patient, run)
    pid = patient.processes["worker-io"]

    os.kill(pid, signal.SIGTERM)
    # Within half a minute, on a machine that does nothing else.
    until(lambda: leased(patient) == 0, seconds=30, what="all leases are given back")
    sandbox.post("faults")

    assert held > 0
    assert_offsets_match_the_ledger(patient, run)
    if alive(pid):
        # What a supervisor does with a worker that does not end in time; nothing hangs on it any more.
        os.kill(pid, signal.SIGKILL)
    patient.wait_for(run)
    patient.assert_invariants_hold()


def walkers_that_wait(stack: Stack, run: int) -> int:
    """How many leases are held once every walker waits for the supplier: no page comes any more.

    Between two slices, and while the supplier has asked for a pause, nobody holds any.
    """
    seen = [-1, 0.0]

    def waiting() -> int:
        pages = stack.pages(run)
        if pages != seen[0]:
            seen[:] = [pages, time.monotonic()]
        if time.monotonic() - seen[1] <= 1.5:
            return 0
        held: int = stack.value("SELECT count(*) FROM ingest_partition WHERE lease_expires_at IS NOT NULL")
        return held

    held: int = until(waiting, seconds=90, what="the walkers wait and hold their leases")
    return held


def supervisor(stack: Stack) -> int:
    return stack._process.pid


def ended(pid: int) -> bool:
    """Whether a process is over; its stopped parent cannot reap it, so it may be a zombie."""
    try:
        state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]  # noqa: SIM115 - read at once
    except FileNotFoundError:
        return True
    return state == "Z"
