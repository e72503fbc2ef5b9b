"""What a user or a supplier does wrong: one clear line, a status that is not 0, and nothing half done."""

from __future__ import annotations

import json
import socket

import pytest

from ingest.tests.stack import Sandbox, Stack

pytestmark = pytest.mark.processes

FEED = "nivoda-natural"


def assert_refused_in_one_line(stack: Stack, *arguments: str, saying: str, **environment: str) -> None:
    before = stack.value("SELECT count(*) FROM ingest_run")

    ended = stack.manage(*arguments, **environment)

    assert ended.returncode != 0
    assert ended.stdout == ""
    (line,) = ended.stderr.strip().splitlines()
    assert saying in line
    assert stack.value("SELECT count(*) FROM ingest_run") == before


def test_an_unknown_feed_is_refused_and_the_known_ones_are_named(stack: Stack) -> None:
    assert_refused_in_one_line(stack, "start_run", "nowhere", saying="known feeds: nivoda-labgrown, nivoda-natural")


def test_an_incremental_run_before_any_full_one_is_refused(stack: Stack) -> None:
    assert_refused_in_one_line(stack, "start_run", FEED, "--incremental", saying="start a full run first")


def test_a_supplier_that_is_down_is_said_so(stack: Stack) -> None:
    # A port that is held, and on which nobody listens.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}/api"

        assert_refused_in_one_line(
            stack, "start_run", FEED, saying="no answer from the supplier", NIVODA_ENDPOINT=endpoint
        )


def test_a_supplier_that_refuses_the_password_is_said_so(stack: Stack) -> None:
    assert_refused_in_one_line(stack, "start_run", FEED, saying="NIVODA_PASSWORD", NIVODA_PASSWORD="wrong")


def test_a_supplier_that_answers_html_is_said_so(stack: Stack, sandbox: Sandbox) -> None:
    sandbox.post("faults", html_200=1.0)
    try:
        assert_refused_in_one_line(stack, "start_run", FEED, saying="cannot be decoded (text/html)")
    finally:
        sandbox.post("faults")


@pytest.mark.parametrize("name", ["NIVODA_ENDPOINT", "NIVODA_USERNAME", "NIVODA_PASSWORD"])
def test_a_missing_account_is_said_so(stack: Stack, name: str) -> None:
    assert_refused_in_one_line(stack, "start_run", FEED, saying=f"set {name}", **{name: ""})


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch_run", "999999"],
        ["cancel_run", "999999"],
        ["retry_partitions", "999999"],
        ["approve_run", "999999", "--reason", "why not"],
    ],
)
def test_a_run_that_does_not_exist_is_said_so(stack: Stack, arguments: list[str]) -> None:
    assert_refused_in_one_line(stack, *arguments, saying="there is no run 999999")


def test_a_run_fails_with_its_reason_and_one_alert_when_the_supplier_stays_broken(
    stack: Stack, sandbox: Sandbox
) -> None:
    sandbox.post("faults", http_5xx=1.0)
    try:
        # Not by the command, which looks at the supplier before it creates a run.
        started = stack.manage(
            "shell",
            "-c",
            f"from ingest import runs; print(runs.start_run({FEED!r}, kind='full', started_by='test').pk)",
        )
        run = started.stdout.split()[-1]
        watched = stack.manage("watch_run", run, "--json")
    finally:
        sandbox.post("faults")

    assert watched.returncode != 0
    report = json.loads(watched.stdout)
    assert report["state"] == "failed"
    assert "planning failed (transient)" in report["failure"]
    assert stack.value("SELECT count(*) FROM operations_problem WHERE kind = 'run-failed' AND episode = 1") == 1
    assert stack.value("SELECT count(*) FROM catalog_diamond") == 0
    stack.assert_invariants_hold()
