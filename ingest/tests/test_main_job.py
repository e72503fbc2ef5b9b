"""The main job with real processes: a supplier's whole inventory is planned, pulled, consolidated, priced and kept true."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from catalog.models import diamond_id
from catalog.rows import StoneFacts
from ingest.tests.conftest import STONES
from ingest.tests.oracle import expected
from ingest.tests.stack import Sandbox, Stack, until

pytestmark = [pytest.mark.processes, pytest.mark.in_order]

FEEDS = {"nivoda-natural": False, "nivoda-labgrown": True}
#: The base margins, in percent.
MARGINS = {"natural": 40, "lab_grown": 79, "fancy": 40}


@pytest.fixture(scope="module")
def first_runs(stack: Stack) -> dict[str, dict[str, Any]]:
    return {feed: stack.run(feed, "--full") for feed in FEEDS}


def test_every_stone_of_the_supplier_is_in_the_catalogue_once_as_an_independent_mapping_says(
    stack: Stack, sandbox: Sandbox, first_runs: dict[str, dict[str, Any]]
) -> None:
    catalogue = {
        str(row["id"]): row
        for row in stack.rows(
            f"SELECT id, feed, supplier_stone_id, {', '.join(StoneFacts.__struct_fields__)} FROM catalog_diamond"
        )
    }

    supplied = 0
    for feed, labgrown in FEEDS.items():
        for item in sandbox.items(labgrown=labgrown):
            supplied += 1
            stone = item["diamond"]["id"]
            row = catalogue.pop(str(diamond_id(feed, stone)))
            assert (row["feed"], row["supplier_stone_id"]) == (feed, stone)
            facts = expected(item, labgrown=labgrown)
            assert {name: row[name] for name in facts} == facts, item

    assert supplied == STONES
    assert not catalogue, "stones that the supplier does not have"
    assert sum(report["received"] - report["repeats"] for report in first_runs.values()) == STONES


def test_every_stone_has_the_price_of_its_type(stack: Stack, first_runs: dict[str, dict[str, Any]]) -> None:
    rows = stack.rows(
        "SELECT cost_cents, price_cents, carats, price_per_carat_cents, lab_grown, color, fancy_color, rule_set "
        "FROM catalog_diamond"
    )

    assert len(rows) == STONES
    for row in rows:
        fancy = row["color"] == 24 or row["fancy_color"] is not None
        margin = MARGINS["fancy" if fancy else "lab_grown" if row["lab_grown"] else "natural"]
        price = (Decimal(row["cost_cents"]) * (100 + margin) / 100).quantize(Decimal(1), ROUND_HALF_UP)
        assert row["price_cents"] == price
        per_carat = (price / row["carats"]).quantize(Decimal(1), ROUND_HALF_UP) if row["carats"] else None
        assert row["price_per_carat_cents"] == per_carat
        assert row["rule_set"] == 1


def test_the_report_says_what_the_run_did(first_runs: dict[str, dict[str, Any]]) -> None:
    for feed, report in first_runs.items():
        assert report["state"] == "completed"
        assert report["feed"] == feed
        assert report["window"]["from"] is None
        assert report["window"]["to"]
        assert report["partitions"] == report["partitions_completed"] > 0
        assert report["requests"] >= report["pages"] > 0
        assert report["stones_stored"] == report["inserted"] == report["received"] - report["repeats"]
        assert report["dead_letters"] == report["delisted"] == report["missing"] == report["unchanged"] == 0
        assert set(report["seconds"]) == {"planning", "ingesting", "settling", "consolidating"}


def test_the_supplier_was_asked_as_often_as_the_report_says_and_never_too_often(
    sandbox: Sandbox, first_runs: dict[str, dict[str, Any]]
) -> None:
    counted = sandbox.get("stats")

    assert counted["max_in_one_second"] <= 100
    # Each command looked at the supplier's clock before it created a run, and each process had to sign in.
    planned = sum(report["requests"] for report in first_runs.values())
    assert planned <= counted["requests"] <= planned + 2 * len(FEEDS) + counted["sign_ins"]


def test_all_invariants_hold_after_the_runs(stack: Stack, first_runs: dict[str, dict[str, Any]]) -> None:
    stack.assert_invariants_hold()


def test_a_second_full_run_of_an_unchanged_inventory_stores_nothing_and_changes_nothing(
    stack: Stack, first_runs: dict[str, dict[str, Any]]
) -> None:
    untouched = "SELECT md5(string_agg(xmin::text || ctid::text, ',' ORDER BY id)) FROM catalog_diamond"
    before, version = stack.value(untouched), stack.value("SELECT max(version) FROM catalog_datasetversion")
    payloads = stack.value("SELECT count(*) FROM ingest_rawdiamond")

    reports = [stack.run(feed, "--full") for feed in FEEDS]

    assert [report["stones_stored"] for report in reports] == [0, 0]
    assert sum(report["unchanged"] for report in reports) == STONES
    assert stack.value("SELECT count(*) FROM ingest_rawdiamond") == payloads
    assert stack.value(untouched) == before
    assert stack.value("SELECT max(version) FROM catalog_datasetversion") == version


def test_incremental_runs_bring_what_changed_and_a_full_run_delists_exactly_what_vanished(
    stack: Stack, sandbox: Sandbox, first_runs: dict[str, dict[str, Any]]
) -> None:
    # Outside the lag that a window's end keeps to the supplier's clock.
    done = {
        feed: sandbox.post("inventory", feed=kind, change=500, add=250, vanish=250, seconds_ago=60)
        for feed, kind in (("nivoda-natural", "natural"), ("nivoda-labgrown", "labgrown"))
    }
    costs = {
        str(diamond_id(feed, item["diamond"]["id"])): item["price"]
        for feed, labgrown in FEEDS.items()
        for item in sandbox.items(labgrown=labgrown)
    }

    incremental = {feed: stack.run(feed, "--incremental") for feed in FEEDS}

    for feed, changes in done.items():
        assert incremental[feed]["inserted"] == 250
        assert incremental[feed]["updated"] == 500
        assert incremental[feed]["delisted"] == 0
        keys = [str(diamond_id(feed, stone)) for stone in (*changes["changed"], *changes["added"])]
        rows = stack.rows("SELECT id, cost_cents FROM catalog_diamond WHERE id = ANY(%(keys)s::uuid[])", keys=keys)
        assert {str(row["id"]): row["cost_cents"] for row in rows} == {key: costs[key] for key in keys}
    assert stack.value("SELECT count(*) FROM catalog_diamond WHERE availability = 'delisted'") == 0

    full = {feed: stack.run(feed, "--full") for feed in FEEDS}

    assert [report["delisted"] for report in full.values()] == [250, 250]
    delisted = {
        row["supplier_stone_id"]
        for row in stack.rows("SELECT supplier_stone_id FROM catalog_diamond WHERE availability = 'delisted'")
    }
    assert delisted == {stone for changes in done.values() for stone in changes["vanished"]}
    assert stack.value("SELECT count(*) FROM catalog_diamond WHERE availability = 'available'") == STONES
    stack.assert_invariants_hold()


def test_a_second_live_run_of_a_feed_is_refused_in_one_line(
    stack: Stack, sandbox: Sandbox, first_runs: dict[str, dict[str, Any]]
) -> None:
    sandbox.post("faults", latency_ms=500)
    run = stack.start("nivoda-natural", "--full")

    refused = stack.manage("start_run", "nivoda-natural")
    cancelled = stack.manage("cancel_run", str(run), "--reason", "test", "--json")
    sandbox.post("faults")

    assert refused.returncode != 0
    assert f"run {run}" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert json.loads(cancelled.stdout)["state"] == "cancelled"
    stack.assert_invariants_hold()


def test_the_days_pruning_is_made_by_the_sweep_and_done_by_a_worker(
    stack: Stack, first_runs: dict[str, dict[str, Any]]
) -> None:
    def over() -> Any:
        return stack.rows("SELECT started_by, kept_from FROM operations_pruning WHERE state = 'completed'")

    done = until(over, seconds=60, what="the day's pruning")

    assert done[0]["started_by"] == "schedule"
    assert set(done[0]["kept_from"]) == {"history", "raw_days"}
