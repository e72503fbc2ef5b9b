"""The last transaction of a run: watermark, dataset version, summary and alert, all or none."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from catalog.changes import telling
from catalog.models import DatasetVersion, Diamond
from diamondhub import leases
from diamondhub.alerts.models import Delivery, Event
from diamondhub.operations.models import Problem
from diamondhub.webhooks.models import Delivery as Webhook
from diamondhub.webhooks.tests.receivers import subscribed
from ingest import consolidation, finishing, report
from ingest.models import Feed, Partition, Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def almost_done(**fields: Any) -> tuple[Run, leases.Lease]:
    """A run that has nothing left to do but to finish, and the lease to do it."""
    run = factories.drive(factories.start(**fields), until="consolidating")
    while run.batches.filter(state="ready").exists():
        consolidation.consolidate_batch(factories.claim_batch(run))
    factories.make_due(run)
    lease = leases.claim_one(Run, run.pk, state="consolidating", seconds=60)
    assert lease is not None
    return run, lease


def test_the_dataset_version_moves_only_if_something_changed(supplier: MemorySupplier) -> None:
    versions = []
    for change in ("first", "nothing", "price", "gone"):
        if change == "price":
            supplier.shelf[0].price += 1_000
        if change == "gone":
            del supplier.shelf[0]
        factories.settled()
        versions.append(DatasetVersion.objects.count())

    assert versions == [1, 1, 2, 3]
    assert DatasetVersion.objects.latest().cause == f"run {Run.objects.latest('id').pk}"


def test_a_run_is_told_of_once_at_its_end_with_its_report(supplier: MemorySupplier) -> None:
    run = factories.settled()

    event = Event.objects.get(kind="run_completed")
    assert event.severity == "info"
    assert event.subject == f"Run {run.pk} of memory completed: 40 new, 0 changed, 0 delisted"
    assert event.details == run.summary
    assert event.trace_id == run.trace_id
    assert Delivery.objects.filter(event=event).count() == 1
    assert run.finished_at is not None


def test_subscribers_are_told_of_a_run_and_of_the_version_that_it_made(supplier: MemorySupplier) -> None:
    subscribed("https://shop.example.com/", "run.completed", "catalog.changed")

    run = factories.settled()
    telling.tell()

    told = {delivery.kind: json.loads(delivery.body)["data"] for delivery in Webhook.objects.all()}
    version = DatasetVersion.current()
    assert told == {
        "catalog.changed": {"version": version},
        "run.completed": {
            "run": run.pk,
            "feed": "memory",
            "kind": "full",
            "state": "completed",
            "complete": True,
            "version": version,
        },
    }


def test_the_report_adds_up_with_what_the_supplier_was_asked(supplier: MemorySupplier) -> None:
    run = factories.settled(max_partition_stones=10)

    # Planning asks for the supplier's clock as well.
    assert run.summary["requests"] == len(supplier.asked) + 1
    assert run.summary["received"] == run.summary["stones_stored"] + run.summary["repeats"]
    assert run.summary["stones_stored"] == run.summary["inserted"] == 40
    assert run.summary["partitions_completed"] == run.summary["partitions"] == run.partitions.count()
    assert set(run.summary["seconds"]) == {"planning", "ingesting", "settling", "consolidating"}
    assert report.report(run) == run.summary


def test_the_watermark_never_goes_back(supplier: MemorySupplier) -> None:
    run, lease = almost_done()
    assert run.window_to is not None
    later = run.window_to + timedelta(days=1)
    Feed.objects.update(watermark=later)

    finishing.finish(run, lease)

    assert Feed.objects.get(slug="memory").watermark == later


def test_a_run_with_open_batches_is_not_finished(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="consolidating")
    factories.make_due(run)
    lease = leases.claim_one(Run, run.pk, state="consolidating", seconds=60)
    assert lease is not None

    assert finishing.finish(run, lease) == finishing.LOOK_AGAIN
    assert Run.objects.get(pk=run.pk).state == "consolidating"


def test_a_finisher_that_lost_its_lease_changes_nothing(supplier: MemorySupplier) -> None:
    run, lease = almost_done()
    version = DatasetVersion.current()
    Run.objects.filter(pk=run.pk).update(lease_token=99)

    with pytest.raises(leases.LeaseLost):
        finishing.finish(run, lease)

    assert Run.objects.get(pk=run.pk).state == "consolidating"
    assert Feed.objects.get(slug="memory").watermark is None
    assert not Event.objects.exists()
    assert DatasetVersion.current() == version


def test_a_failure_in_the_last_transaction_leaves_nothing_half_done(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.settled()
    gone = supplier.shelf.pop(0)
    watermark = Feed.objects.get(slug="memory").watermark
    run = factories.drive(factories.start(), until="ingesting")

    def fail(**_: Any) -> None:
        raise OSError("no space left on the device")

    with monkeypatch.context() as broken:
        broken.setattr(finishing, "announce", fail)
        # The range, then the stone that it did not show, by its id.
        for _ in range(2):
            walking.walk(run.pk)
            broken_run = factories.advance(run)
    halfway = Diamond.objects.get(supplier_stone_id=gone.id).availability, Feed.objects.get(slug="memory").watermark

    run = factories.drive(run)

    assert (broken_run.state, broken_run.crashes) == ("consolidating", 1)
    assert halfway == ("available", watermark)
    assert run.state == "completed"
    assert Diamond.objects.get(supplier_stone_id=gone.id).availability == "delisted"
    assert Event.objects.filter(kind="run_completed").count() == 2


def test_a_partition_that_is_not_complete_holds_the_watermark(supplier: MemorySupplier) -> None:
    run, lease = almost_done(max_partition_stones=10)
    Partition.objects.filter(pk=run.partitions.earliest("id").pk).update(state="failed")

    finishing.finish(run, lease)

    event = Event.objects.get(kind="run_completed")
    assert Feed.objects.get(slug="memory").watermark is None
    assert Problem.objects.get(kind="run-completed-in-part").severity == "warning"
    assert "completed in part" in event.subject
