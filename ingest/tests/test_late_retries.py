"""Runs that completed in part: what waiting for retries survives, and that a late retry finishes the run as it should."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from catalog.models import DatasetVersion, Diamond
from diamondhub import leases
from diamondhub.alerts.models import Event
from diamondhub.operations.models import Problem
from ingest import runs
from ingest.errors import PermanentSupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.invariants import violations
from ingest.models import DeadLetter, Feed, RawDiamond, Run, RunEvent
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier

# Runs after runs: each consolidates in transactions of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(80)))


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The doorbells that were rung; none arrives anywhere."""
    bells: list[tuple[str, int]] = []
    monkeypatch.setattr(runs, "ring", lambda task, pk, times=1: bells.append((task, pk)))
    return bells


def break_dear_stones(supplier: MemorySupplier) -> None:
    """Let the pages of the most expensive partition fail for good."""

    def fail(query: StoneQuery, _offset: int) -> None:
        if query.price_to is None:
            raise PermanentSupplierError("answers 400")

    supplier.before_page = fail


def mend(supplier: MemorySupplier) -> None:
    supplier.before_page = lambda _query, _offset: None


def in_part(supplier: MemorySupplier, **fields: Any) -> Run:
    """A full run that completed without its last partition."""
    break_dear_stones(supplier)
    run = factories.settled(**{"max_partition_stones": 25, "partial_delay_seconds": 0, **fields})
    mend(supplier)
    assert run.summary["partitions_failed"] == 1
    return run


def seconds_left(run: Run) -> float:
    left = ExpressionWrapper(F("due_at") - Now(), output_field=DurationField())
    wait: timedelta = Run.objects.filter(pk=run.pk).annotate(wait=left).values_list("wait", flat=True)[0]
    return wait.total_seconds()


@pytest.mark.parametrize(("of_feed", "of_settings", "expected"), [(None, 200, 200), (900, 200, 900), (0, 200, None)])
def test_how_long_is_waited_for_retries_is_the_feed_s_or_else_the_setting(
    supplier: MemorySupplier, settings: Any, of_feed: int | None, of_settings: int, expected: int | None
) -> None:
    settings.PARTIAL_DELAY_SECONDS = of_settings
    break_dear_stones(supplier)
    run = factories.start(max_partition_stones=25, partial_delay_seconds=of_feed)

    run = factories.advance(factories.drive(run, until="settling"))

    if expected is None:
        assert run.state == "completed"
    else:
        assert run.state == "settling"
        assert expected - 20 < seconds_left(run) <= expected


def test_the_wait_outlives_every_process_and_every_message(
    supplier: MemorySupplier, rung: list[tuple[str, int]]
) -> None:
    break_dear_stones(supplier)
    run = factories.start(max_partition_stones=25, partial_delay_seconds=300)
    run = factories.advance(factories.drive(run, until="settling"))
    # The worker that put the run off is gone, and so is whatever it had in memory; all that there is now are rows.
    rung.clear()
    runs.ring_due()
    too_early = list(rung)
    RunEvent.objects.filter(run=run, to_state="settling").update(at=F("at") - timedelta(seconds=301))
    Run.objects.filter(pk=run.pk).update(due_at=F("due_at") - timedelta(seconds=301))

    runs.ring_due()
    for _task, pk in rung:
        runs.advance(pk)

    run.refresh_from_db()
    assert too_early == []
    assert ("ingest.tasks.advance", run.pk) in rung
    assert run.state == "consolidating"


def test_a_worker_that_dies_between_settling_and_its_due_time_costs_its_lease_and_not_the_wait(
    supplier: MemorySupplier,
) -> None:
    break_dear_stones(supplier)
    run = factories.drive(factories.start(max_partition_stones=25, partial_delay_seconds=300), until="settling")
    factories.make_due(run)
    lease = leases.claim_one(Run, run.pk, state="settling", seconds=90)
    assert lease is not None
    RunEvent.objects.filter(run=run, to_state="settling").update(at=F("at") - timedelta(seconds=100))

    factories.expire(lease)
    runs.advance(run.pk)

    assert 180 < seconds_left(run) <= 200


def test_waking_a_waiting_run_does_not_shorten_its_wait(supplier: MemorySupplier) -> None:
    break_dear_stones(supplier)
    run = factories.start(max_partition_stones=25, partial_delay_seconds=300)
    run = factories.advance(factories.drive(run, until="settling"))

    for _ in range(3):
        run = factories.advance(run)

    assert run.state == "settling"
    assert seconds_left(run) > 280


def test_a_late_retry_completes_the_run_as_if_it_had_never_failed(supplier: MemorySupplier) -> None:
    factories.settled()
    gone = supplier.shelf.pop(0)
    fresh = factories.stones(1, first=200)
    supplier.shelf += fresh
    first = in_part(supplier)
    before = (Feed.objects.get(slug="memory").watermark, DatasetVersion.objects.count(), len(factories.listed()))

    runs.retry_partitions(first.pk, actor="eve")
    run = factories.drive(first)

    after = (Feed.objects.get(slug="memory").watermark, DatasetVersion.objects.count(), len(factories.listed()))
    alerts = Event.objects.filter(dedupe_key__startswith=f"run:{run.pk}:completed").order_by("id")
    assert run.state == "completed"
    assert before[0] != run.window_to == after[0]
    # Its batch's, and that of the end, which delists.
    assert after[1] == before[1] + 2
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert Diamond.objects.get(supplier_stone_id=gone.id).availability == "delisted"
    assert ["in part" in alert.subject for alert in alerts] == [True, False]
    assert Problem.objects.get(kind="run-completed-in-part").state == "resolved"
    assert violations() == []


def test_a_late_retry_consolidates_what_it_brings_and_nothing_once_more(supplier: MemorySupplier) -> None:
    supplier.shelf[0].says = {"cost_cents": None}
    first = in_part(supplier, error_budget=1.0)
    covered = sum(first.batches.values_list("stones", flat=True))

    runs.retry_partitions(first.pk, actor="eve")
    run = factories.drive(first)

    received = RawDiamond.objects.filter(run_id=run.pk).values("diamond_id").distinct().count()
    assert (run.state, received) == ("completed", 80)
    assert 0 < covered < 80
    assert sum(run.batches.values_list("stones", flat=True)) == 80
    assert list(DeadLetter.objects.values_list("supplier_stone_id", flat=True)) == [supplier.shelf[0].id]
    assert violations() == []


def test_a_late_retry_of_a_suspect_run_brings_stones_but_neither_delists_nor_moves_the_watermark(
    supplier: MemorySupplier,
) -> None:
    whole = factories.settled()
    supplier.shelf = supplier.shelf[:30]
    first = in_part(supplier, max_partition_stones=8)

    runs.retry_partitions(first.pk, actor="eve")
    run = factories.drive(first)

    assert run.state == "completed"
    assert "30 stones where 80 are known" in run.suspect
    assert Feed.objects.get(slug="memory").watermark == whole.window_to
    assert len(factories.listed()) == 80
    assert Problem.objects.get(kind="run-suspect", where=f"run:{run.pk}").occurrences == 1


def test_a_late_retry_does_not_delist_what_a_later_run_has_brought(supplier: MemorySupplier) -> None:
    factories.settled()
    supplier.shelf.pop(0)
    break_confirming(supplier)
    first = factories.settled(max_partition_stones=25, partial_delay_seconds=0)
    del supplier.lookup
    supplier.shelf += factories.stones(3, first=300)
    later = factories.settled()

    runs.retry_partitions(first.pk, actor="eve")
    run = factories.drive(first)

    assert first.summary["partitions_failed"] == 1
    assert (later.state, run.state) == ("completed", "completed")
    assert factories.listed() == {stone.id for stone in supplier.shelf}


def break_confirming(supplier: MemorySupplier) -> None:
    """Let asking for stones by id fail for good."""

    def fail(_ids: Any) -> Any:
        raise PermanentSupplierError("answers 400")

    supplier.__dict__["lookup"] = fail
