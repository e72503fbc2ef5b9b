"""What becomes of a run when no partition is left to walk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from catalog.models import Diamond
from diamondhub.alerts.models import Event
from diamondhub.database import clock
from diamondhub.operations.models import Problem
from ingest import brakes
from ingest.errors import PermanentSupplierError
from ingest.feeds.adapter import StoneQuery, SupplierPage
from ingest.invariants import violations
from ingest.models import Feed, Run, RunEvent
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def break_partitions(supplier: MemorySupplier, number: int) -> None:
    """Let all pages of this many partitions fail for good."""
    broken: set[int] = set()

    def fail(query: StoneQuery, _offset: int) -> None:
        if query.price_from in broken or len(broken) < number:
            broken.add(query.price_from)
            raise PermanentSupplierError(f"the supplier answers 400 to {query.price_from}")

    supplier.before_page = fail


def test_a_complete_run_goes_on_at_once(supplier: MemorySupplier) -> None:
    run = factories.settled()

    states = list(run.events.values_list("to_state", flat=True))
    assert states == ["planning", "ingesting", "settling", "consolidating", "completed"]
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert Feed.objects.get(slug="memory").watermark == run.window_to
    assert violations() == []


def test_an_empty_feed_ends_in_a_correct_finished_run(supplier: MemorySupplier) -> None:
    supplier.shelf = []

    run = factories.settled()

    assert run.state == "completed"
    assert run.batches.count() == 0
    assert Feed.objects.get(slug="memory").watermark == run.window_to
    assert violations() == []


def test_a_run_with_failures_waits_for_retries_by_a_due_time_in_its_row(
    supplier: MemorySupplier, settings: Any
) -> None:
    settings.PARTIAL_DELAY_SECONDS = 300
    break_partitions(supplier, 1)
    run = factories.drive(factories.start(max_partition_stones=10), until="settling")

    run = factories.advance(run)

    settled_at = run.events.filter(to_state="settling").latest("id").at
    assert run.state == "settling"
    assert run.due_at is not None
    assert settled_at + timedelta(seconds=300) <= run.due_at <= clock() + timedelta(seconds=300)
    assert run.lease_expires_at is None


def test_a_run_that_waited_long_enough_consolidates_what_it_has_without_watermark_or_delisting(
    supplier: MemorySupplier, settings: Any
) -> None:
    whole = factories.settled(max_partition_stones=10)
    settings.PARTIAL_DELAY_SECONDS = 300
    supplier.shelf = [*supplier.shelf[2:], *factories.stones(3, first=100)]
    break_partitions(supplier, 1)
    run = factories.drive(factories.start(max_partition_stones=10), until="settling")
    RunEvent.objects.filter(run=run, to_state="settling").update(at=F("at") - timedelta(seconds=301))

    run = factories.drive(run)

    event = Event.objects.get(dedupe_key__startswith=f"run:{run.pk}:completed")
    assert (run.state, run.summary["partitions_failed"], run.summary["delisted"]) == ("completed", 1, 0)
    assert Feed.objects.get(slug="memory").watermark == whole.window_to
    assert not Diamond.objects.filter(availability="delisted").exists()
    assert "completed in part" in event.subject
    problem = Problem.objects.get(kind="run-completed-in-part")
    assert (problem.severity, problem.where, problem.state) == ("warning", f"run:{run.pk}", "open")
    assert violations() == []


def test_a_run_of_which_too_little_completed_fails_with_the_reasons(supplier: MemorySupplier) -> None:
    break_partitions(supplier, 3)

    run = factories.settled(max_partition_stones=10)

    total = run.partitions.count()
    assert run.state == "failed"
    assert run.failure.startswith(f"only {total - 3} of {total} partitions completed: permanent: ")
    assert Problem.objects.get(kind="run-failed").severity == "critical"
    assert factories.listed() == set()
    assert Feed.objects.get(slug="memory").watermark is None
    assert violations() == []


@pytest.mark.parametrize("remaining", [0, 10])
def test_a_feed_that_suddenly_shows_far_less_makes_the_run_suspect(supplier: MemorySupplier, remaining: int) -> None:
    whole = factories.settled()
    everything = factories.listed()
    supplier.shelf = supplier.shelf[:remaining]

    run = factories.settled()

    alert = Problem.objects.get(kind="run-suspect")
    assert run.state == "completed"
    gone = 40 - remaining
    assert run.suspect == (
        f"the supplier shows {remaining} stones where 40 are known; of {gone} asked for by id it knows 0"
    )
    assert run.suspect in alert.subject
    assert alert.severity == "critical"
    assert factories.listed() == everything
    assert Feed.objects.get(slug="memory").watermark == whole.window_to
    assert violations() == []


def test_stones_that_no_page_showed_are_asked_for_by_id_before_they_are_delisted(supplier: MemorySupplier) -> None:
    factories.settled()
    held, gone, *_ = supplier.shelf
    held.availability = "on_hold"
    supplier.shelf.remove(gone)

    run = factories.settled()

    asked = [ids for kind, ids in supplier.asked if kind == "lookup"]
    availability = dict(Diamond.objects.values_list("supplier_stone_id", "availability"))
    assert [sorted(ids) for ids in asked] == [sorted([held.id, gone.id])]
    assert availability[held.id] == "on_hold"
    assert availability[gone.id] == "delisted"
    assert run.summary["delisted"] == 1
    assert len(factories.listed()) == 38
    assert violations() == []


def test_a_stone_on_hold_that_stays_on_hold_survives_run_after_run(supplier: MemorySupplier) -> None:
    factories.settled()
    supplier.shelf[0].availability = "on_hold"
    factories.settled()

    run = factories.settled()

    assert Diamond.objects.get(supplier_stone_id=supplier.shelf[0].id).availability == "on_hold"
    assert run.summary["delisted"] == 0


def test_a_stone_that_changed_during_the_run_is_heard_of_by_its_id(supplier: MemorySupplier) -> None:
    factories.settled()
    run = factories.drive(factories.start(), until="ingesting")
    changed = supplier.shelf[5]
    assert run.window_to is not None
    changed.updated, changed.price = run.window_to + timedelta(seconds=5), 777_700

    factories.drive(run)

    assert Diamond.objects.get(supplier_stone_id=changed.id).cost_cents == 777_700
    assert violations() == []


def asked_by_id(supplier: MemorySupplier) -> list[str]:
    return [stone for kind, ids in supplier.asked if kind == "lookup" for stone in ids]


def touch(supplier: MemorySupplier, run: Run, number: int) -> set[str]:
    """Let the first stones of the shelf change, so that no page of a run that begins now shows them."""
    for stone in supplier.shelf[:number]:
        stone.updated = datetime.now(UTC)
        stone.price += 100
    return {stone.id for stone in supplier.shelf[:number]}


def test_a_feed_that_shows_less_because_it_changed_is_looked_at_before_it_is_suspect(supplier: MemorySupplier) -> None:
    first = factories.settled()
    changed = touch(supplier, first, 25)

    run = factories.settled()

    assert (run.state, run.suspect) == ("completed", "")
    assert set(asked_by_id(supplier)) == changed
    assert run.summary["unseen"] == {"changed": 25}
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert Feed.objects.get(slug="memory").watermark == run.window_to
    assert violations() == []


def test_a_feed_that_shrank_is_asked_for_no_more_than_its_own_pages_took(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brakes, "ASKED_AT_LEAST", 10)
    first = factories.settled()
    touch(supplier, first, 35)

    run = factories.settled()

    assert run.state == "completed"
    assert len(asked_by_id(supplier)) == 10
    assert run.suspect == "the supplier shows 5 stones where 40 are known; of 10 asked for by id, a sample, it knows 10"
    assert run.summary["unseen"] == {"not_asked": 25, "changed": 10}
    assert not Diamond.objects.filter(availability="delisted").exists()
    assert Feed.objects.get(slug="memory").watermark == first.window_to
    assert violations() == []


def test_a_supplier_that_knows_nothing_by_id_proves_nothing_gone(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = factories.settled()
    touch(supplier, first, 4)
    monkeypatch.setattr(supplier, "lookup", lambda _ids: SupplierPage([], datetime.now(UTC), 0.001))

    run = factories.settled()

    assert run.state == "completed"
    assert run.suspect == (
        "the supplier knows none of 4 stones by id, and none of 9 that a page has just shown: "
        "asking by id proves nothing"
    )
    assert not Diamond.objects.filter(availability="delisted").exists()
    assert violations() == []


def test_look_ups_that_fail_fail_no_run_and_delist_nothing(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PARTIAL_DELAY_SECONDS = 0
    first = factories.settled()
    del supplier.shelf[:3]

    def refuse(_ids: object) -> SupplierPage:
        raise PermanentSupplierError("the supplier takes no lists of ids")

    monkeypatch.setattr(supplier, "lookup", refuse)

    run = factories.settled()

    assert (run.state, run.summary["partitions_failed"], run.summary["delisted"]) == ("completed", 1, 0)
    assert Feed.objects.get(slug="memory").watermark == first.window_to
    assert violations() == []


def test_an_incremental_run_hears_of_what_was_sold_and_delists_nothing(supplier: MemorySupplier) -> None:
    full = factories.settled()
    assert full.window_to is not None
    sold = supplier.shelf[3]
    sold.availability, sold.updated = "sold", full.window_to + timedelta(milliseconds=1)
    del supplier.shelf[10]

    run = factories.settled("incremental")

    availability = dict(Diamond.objects.values_list("supplier_stone_id", "availability"))
    assert run.state == "completed"
    assert availability[sold.id] == "sold"
    assert "delisted" not in availability.values()
    assert run.summary["received"] < 5
    assert violations() == []


#: More ranges than may be counted, of a supplier whose ranges lose what lies between whole dollars.
CROWDED = [1, 1, 1, 1, 1, 1, 1, 1, 1, 101, 301, 9_901, 9_901, 12_401, 12_601, 15_901]


def test_stones_that_no_count_found_and_that_were_shown_are_no_reason_to_suspect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.with_prices(CROWDED), exact=True))

    run = factories.settled(max_partition_stones=3)

    assert run.plan.difference > 0
    assert run.suspect == ""
    assert factories.listed() == {stone.id for stone in supplier.shelf}


def test_stones_that_no_count_found_and_that_were_not_shown_make_the_run_suspect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.with_prices(CROWDED), exact=True))

    def hide_four_more(_query: StoneQuery, _offset: int) -> None:
        supplier.miscount = lambda count: count + 4 if count == len(CROWDED) else count

    supplier.before_page = hide_four_more

    run = factories.settled(max_partition_stones=3)

    assert run.plan.uncounted > 0
    assert run.suspect == "the supplier counts 20 stones and showed 16"
    assert Feed.objects.get(slug="memory").watermark is None
