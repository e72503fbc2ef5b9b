"""The checker of what must always hold: each invariant is broken by hand and must be named, and nothing else with it."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from catalog.models import Diamond
from ingest import consolidation, runs
from ingest.invariants import CHECKS, violations
from ingest.models import Feed, Partition, Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def broken() -> set[int]:
    return {violation.invariant for violation in violations()}


def completed() -> Run:
    """A run that ended as it should, in several partitions; its alert is delivered."""
    run = factories.settled(max_partition_stones=10)
    execute("UPDATE alerts_delivery SET state = 'delivered', due_at = NULL")
    assert violations() == []
    return run


def ingesting() -> Run:
    """A run whose partitions wait to be walked."""
    run = factories.drive(factories.start(max_partition_stones=10), until="ingesting")
    assert violations() == []
    return run


def range_changed(change: str) -> str:
    """A planned range does not change: a statement that changes it nevertheless."""
    statement = f"UPDATE ingest_partition SET {change}"
    table, trigger = "ALTER TABLE ingest_partition", "TRIGGER partition_range_fixed"
    return f"{table} DISABLE {trigger}; {statement}; {table} ENABLE {trigger}"


#: What is broken → the invariant that must name it.
BREAKS = {
    "a gap between partitions": (
        1,
        range_changed("price_to = price_to - 1 WHERE ordinal = 0"),
    ),
    "a late start": (1, range_changed("price_from = 1 WHERE ordinal = 0")),
    "a closed end": (
        1,
        range_changed("price_to = 2000000000 WHERE price_to IS NULL"),
    ),
    "a lost payload": (2, "DELETE FROM ingest_rawdiamond WHERE id = (SELECT max(id) FROM ingest_rawdiamond)"),
    "a partition without an end": (2, "UPDATE ingest_partition SET completed_at = NULL WHERE ordinal = 0"),
    "work of a run that is over": (
        3,
        """UPDATE ingest_feed SET watermark = NULL;
        UPDATE ingest_partition SET state = 'ready', due_at = now() WHERE ordinal = 0""",
    ),
    "an alert without a due time": (3, "UPDATE alerts_delivery SET state = 'pending'"),
    "a dead worker's lease": (
        4,
        "UPDATE ingest_partition SET lease_owner = 'w', lease_expires_at = now() - interval '1 day' WHERE ordinal = 0",
    ),
    "a diamond of an older payload": (
        5,
        """UPDATE catalog_diamond SET payload_hash = decode(repeat('00', 16), 'hex'), raw_id = 0
        WHERE supplier_stone_id = 'S-00007'""",
    ),
    "a watermark from the future": (6, "UPDATE ingest_feed SET watermark = watermark + interval '1 second'"),
    "a watermark of an incomplete run": (6, "UPDATE ingest_partition SET state = 'failed' WHERE ordinal = 0"),
    "delisting by a suspect run": (
        7,
        """UPDATE ingest_feed SET watermark = NULL;
        UPDATE ingest_run SET suspect = 'shrunk', summary = jsonb_set(summary, '{delisted}', '3')""",
    ),
    "delisting by an incomplete run": (
        7,
        'UPDATE ingest_run SET summary = summary || \'{"delisted": 3, "partitions_completed": 0}\'',
    ),
    "delisting by an incremental run": (
        7,
        "UPDATE ingest_run SET kind = 'incremental', summary = jsonb_set(summary, '{delisted}', '3')",
    ),
    "a price that is a cent off": (
        8,
        "UPDATE catalog_diamond SET price_cents = price_cents + 1 WHERE supplier_stone_id = 'S-00007'",
    ),
    "a rule set that does not exist": (8, "UPDATE catalog_diamond SET rule_set = 77"),
    "a run without its last audit event": (
        10,
        "DELETE FROM ingest_runevent WHERE id = (SELECT max(id) FROM ingest_runevent)",
    ),
    "a run without a trace id": (10, "UPDATE ingest_run SET trace_id = ''"),
    "a run that nobody was told of": (10, "DELETE FROM alerts_delivery"),
    "a change that is not in the log": (
        11,
        """ALTER TABLE catalog_diamond DISABLE TRIGGER diamond_updated;
        UPDATE catalog_diamond SET changed_at = clock_timestamp() WHERE supplier_stone_id = 'S-00007';
        ALTER TABLE catalog_diamond ENABLE TRIGGER diamond_updated""",
    ),
    "a version that is gone": (
        11,
        "DELETE FROM catalog_datasetversion WHERE version = (SELECT max(version) FROM catalog_datasetversion)",
    ),
    "versions without their stones": (11, "DELETE FROM catalog_change"),
    "a counter that went back": (11, "UPDATE catalog_versioncounter SET version = version - 1"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_named_by_its_invariant_and_by_no_other(what: str) -> None:
    completed()
    invariant, statement = BREAKS[what]

    execute(statement)

    assert broken() == {invariant}


def test_unfinished_rows_without_a_due_time_are_stranded() -> None:
    run = ingesting()

    Partition.objects.filter(run=run, ordinal=0).update(due_at=None)
    partition = broken()
    Partition.objects.filter(run=run, ordinal=0).update(due_at="2026-01-01T00:00Z")
    Run.objects.update(due_at=None)

    assert partition == broken() == {3}


def test_every_step_of_a_run_keeps_every_invariant(supplier: MemorySupplier, settings: Any) -> None:
    # As short as a slice can be: a walk ends with its first page.
    settings.WALK_SLICE_SECONDS = 1e-3
    supplier.before_page = lambda _query, _offset: time.sleep(2e-3)
    run = factories.start(max_partition_stones=20)
    steps = 0

    while run.live:
        for step in (runs.advance, walking.walk, consolidation.consolidate):
            factories.make_due(run)
            step(run.pk)
            run.refresh_from_db()
            steps += 1
            assert violations() == []

    assert run.state == "completed"
    assert steps > 15


def test_a_page_that_does_not_balance_is_refused_by_the_database() -> None:
    completed()

    with pytest.raises(IntegrityError, match="page_balances"):
        execute("UPDATE ingest_page SET stored = stored + 1")


def test_a_problem_names_the_row() -> None:
    run = completed()
    Diamond.objects.filter(supplier_stone_id="S-00007").update(price_cents=1)
    Feed.objects.filter(pk=run.feed_id).update(watermark="2999-01-01T00:00Z")

    problems = {violation.invariant: violation.problem for violation in violations()}

    assert str(Diamond.objects.get(supplier_stone_id="S-00007").pk) in problems[8]
    assert "feed memory" in problems[6]
    assert run.window_to is not None
    assert f"{run.window_to:%Y-%m-%d}" in problems[6]


def test_the_command_ends_with_an_error_if_anything_is_broken() -> None:
    completed()
    clean = io.StringIO()
    call_command("check_invariants", "--json", stdout=clean)
    Run.objects.update(trace_id="")
    told = io.StringIO()

    with pytest.raises((CommandError, SystemExit)):
        call_command("check_invariants", "--json", stdout=told)

    assert _violations(clean) == []
    assert [violation["invariant"] for violation in _violations(told)] == [10]


def _violations(output: io.StringIO) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(output.getvalue())["violations"]
    return found


def test_a_trigger_that_is_switched_off_is_named() -> None:
    execute("ALTER TABLE catalog_diamond DISABLE TRIGGER diamond_inserted")
    try:
        assert [violation.problem for violation in violations()] == [
            "triggers that log changes are switched off: diamond_inserted"
        ]
    finally:
        execute("ALTER TABLE catalog_diamond ENABLE TRIGGER diamond_inserted")


def test_changes_that_were_forgotten_are_not_missed() -> None:
    completed()
    execute("DELETE FROM catalog_change; DELETE FROM catalog_datasetversion")
    execute("UPDATE catalog_versioncounter SET forgotten = version")

    assert broken() == set()


def test_a_catalogue_that_was_emptied_at_once_breaks_nothing() -> None:
    completed()
    execute("TRUNCATE catalog_diamond CASCADE")

    assert 11 not in broken()


def test_every_invariant_but_what_only_the_supplier_can_tell_is_checked() -> None:
    assert set(CHECKS) == set(range(1, 12)) - {9}
