"""A pause of a run in mid-work, by real workers against a supplier over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from ingest.tests.stack import Sandbox, Stack, until

pytestmark = pytest.mark.processes

FEED = "nivoda-labgrown"


@pytest.fixture
def run(stack: Stack, sandbox: Sandbox) -> Iterator[int]:
    """A run in the midst of its pages, of a supplier so slow that no pause comes after the last of them."""
    stack.forget()
    sandbox.post("faults", latency_ms=2_000)
    number = stack.start(FEED, "--full")
    until(lambda: stack.pages(number) >= 5, seconds=60, what="the run reads pages")
    yield number
    sandbox.post("faults", latency_ms=0)
    stack.rows("UPDATE ingest_pause SET ended_at = now() WHERE ended_at IS NULL")


def requests(sandbox: Sandbox) -> int:
    return int(sandbox.get("stats")["requests"])


def swept_at(stack: Stack) -> datetime:
    moment: datetime = stack.value("SELECT seen_at FROM telemetry_heartbeat WHERE name = 'sweep'")
    return moment


def wait_for_sweeps(stack: Stack, number: int) -> None:
    """Wait until the sweep has gone round so many times."""
    moments: set[datetime] = set()

    def enough() -> bool:
        moments.add(swept_at(stack))
        return len(moments) > number

    until(enough, seconds=20, what="the sweep goes round")


@pytest.mark.parametrize(("what", "name"), [("account", "nivoda"), ("feed", FEED)])
def test_after_the_page_in_hand_no_request_goes_to_the_supplier_and_resuming_loses_nothing(
    stack: Stack, sandbox: Sandbox, run: int, what: str, name: str
) -> None:
    paused = stack.manage("pause", what, name, "--minutes", "60", "--reason", "its prices are wrong")
    since = stack.value("SELECT clock_timestamp()")
    until(
        lambda: not stack.value("SELECT count(*) FROM ingest_partition WHERE lease_expires_at IS NOT NULL"),
        seconds=20,
        what="all that was in hand is given back",
    )
    asked, pages = requests(sandbox), stack.pages(run)

    wait_for_sweeps(stack, 5)
    asked_meanwhile = requests(sandbox) - asked
    late = stack.rows(
        "SELECT partition_id, count(*) FROM ingest_page WHERE run_id = %(run)s AND created_at > %(since)s GROUP BY 1",
        run=run,
        since=since,
    )
    sandbox.post("faults", latency_ms=0)
    resumed = stack.manage("resume", what, name)
    until(lambda: stack.pages(run) > pages, seconds=60, what="the run goes on")

    assert (paused.returncode, resumed.returncode) == (0, 0), f"{paused.stderr}{resumed.stderr}"
    assert asked_meanwhile == 0
    assert [row for row in late if row["count"] > 1] == []
    stack.wait_for(run)
    # Not one error, crash or failed attempt came of it.
    assert stack.rows("SELECT errors, failure FROM ingest_partition WHERE errors > 0 OR failure <> ''") == []
    assert stack.catalogue()[0] == len(sandbox.items(labgrown=True))
    stack.assert_invariants_hold()
