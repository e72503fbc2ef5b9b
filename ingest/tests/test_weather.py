"""The supplier's bad days, over HTTP and with real processes: the run goes on, within the limit, and without a storm."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.tests.stack import ROOT, Sandbox, Stack, until

pytestmark = pytest.mark.processes

FEED = "nivoda-labgrown"
LIMIT = 25
#: What the supplier asks for in its 429s, and how long it does so (seconds).
PAUSE = 60
ROUGH: dict[str, Any] = {
    "seed": 5,
    "http_5xx": {"rate": 0.10},
    "timeout": {"rate": 0.05, "seconds": 6},
    "cut_connection": 0.02,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    supplier = Sandbox(9_000)
    yield supplier
    supplier.stop()


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox) -> Iterator[Stack]:
    running = Stack(
        ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-weather",
        sandbox,
        NIVODA_RATE_LIMIT=str(LIMIT),
        NIVODA_TIMEOUT="2",
    )
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def fair_weather(sandbox: Sandbox) -> Iterator[None]:
    sandbox.post("faults")
    yield
    sandbox.post("faults")


def test_a_run_completes_through_errors_timeouts_cuts_an_expired_token_and_a_minute_of_refusals(
    stack: Stack, sandbox: Sandbox
) -> None:
    stack.forget()
    stack.run(FEED, "--full")
    undisturbed = stack.catalogue()
    stack.forget()
    sandbox.post("stats/reset")
    sandbox.post("faults", **ROUGH)

    run = stack.start(FEED, "--full")
    until(lambda: stack.pages(run) >= 10, seconds=60, what="the run reads pages")
    sandbox.post("faults", **ROUGH, expire_tokens=True)
    until(lambda: stack.pages(run) >= 25, seconds=60, what="the run goes on after its token")
    before = sandbox.get("stats")["requests"]
    throttled_at = time.monotonic()
    sandbox.post("faults", **ROUGH, throttle_for=PAUSE)
    since = stack.value("SELECT clock_timestamp()")
    pages = stack.pages(run)
    # Pages that were answered before the pause may be kept in it.
    asked_since = "SELECT count(*) FROM ingest_page WHERE run_id = %(run)s AND observed_at > %(since)s"
    until(
        lambda: stack.value(asked_since, run=run, since=since) > 5,
        seconds=PAUSE + 60,
        what="the run goes on after the pause",
    )
    waited = time.monotonic() - throttled_at
    stack.wait_for(run, seconds=180)

    assert stack.catalogue() == undisturbed
    books = sandbox.get("stats")
    assert books["errors_injected"] > 10
    # One for all processes; another only if the weather hit it.
    assert 1 <= books["sign_ins"] <= 4
    assert books["max_in_one_second"] <= LIMIT
    # During the pause only those asked whose requests were under way already; the supplier was believed.
    assert waited >= PAUSE - 2
    quiet = longest_silence(books["histogram"])
    assert quiet >= PAUSE - 5
    # After it nobody stormed: the limit held, and hardly more was asked than there was to ask for.
    assert books["requests"] - before <= 3 * (stack.pages(run) - pages) + 40
    assert (
        stack.value("SELECT count(*) FROM ingest_partition WHERE run_id = %(run)s AND state = 'failed'", run=run) == 0
    )
    stack.assert_invariants_hold()


def test_stones_that_stood_still_are_all_there_when_the_others_change_between_any_two_pages(
    stack: Stack, sandbox: Sandbox
) -> None:
    stack.forget()
    before = {item["diamond"]["id"] for item in sandbox.items(labgrown=True)}
    sandbox.post("faults", churn={"per_request": 3, "feed": "labgrown"})

    run = stack.start(FEED, "--full")
    stack.wait_for(run)
    sandbox.post("faults")

    after = sandbox.items(labgrown=True)
    moved = {stone for kind in sandbox.get("changes").values() for stone in kind}
    still = {item["diamond"]["id"] for item in after} & before - moved
    assert len(moved) > 300
    assert len(still) > 3_000
    assert still <= listed(stack)
    stack.assert_invariants_hold()

    # Nothing moves any more; what changed lies behind the lag of the first run's window.
    stack.rows("UPDATE ingest_feed SET window_lag_seconds = 0")
    stack.run(FEED, "--incremental")
    there = {item["diamond"]["id"] for item in after}
    assert there <= listed(stack)
    stack.run(FEED, "--full")
    assert listed(stack) == there
    stack.assert_invariants_hold()


def listed(stack: Stack) -> set[str]:
    """The supplier's ids of all stones that the catalogue offers."""
    rows = stack.rows("SELECT supplier_stone_id FROM catalog_diamond WHERE availability = 'available'")
    return {row["supplier_stone_id"] for row in rows}


def longest_silence(histogram: list[int]) -> int:
    """The longest stretch of whole seconds in which at most one request came."""
    longest = current = 0
    for requests in histogram:
        current = current + 1 if requests <= 1 else 0
        longest = max(longest, current)
    return longest
