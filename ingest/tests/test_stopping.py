"""Stopping within a process: whoever sleeps wakes, nothing new is begun, and what takes too long is given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.conf import settings

from diamondhub.pace.limiter import Lane, Limiter
from diamondhub.pace.tests.used import used_slots
from diamondhub.tests.threads import at_once
from ingest import draining, runs
from ingest.draining import Draining
from ingest.feeds.adapter import StoneQuery
from ingest.models import Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from ingest.tests.stack import until
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(35)))


@pytest.fixture(autouse=True)
def _start_and_end_undisturbed() -> Iterator[None]:
    yield
    draining.draining.clear()


def test_whoever_sleeps_for_a_slot_wakes_when_the_process_is_to_stop() -> None:
    limiter = Limiter(f"test-draining-{uuid4()}", per_second=1, redis_url=settings.REDIS_URL, sleep=draining.pause)
    limiter.acquire()
    # However slow the machine is: the next slot is far away when the process is told to stop.
    limiter._call("block", Lane.BULK, 600.0, "")
    threading.Timer(0.1, draining.draining.set).start()

    with pytest.raises(Draining):
        limiter.acquire(max_wait=900)

    # It would have slept on until then, and sent.
    assert used_slots(limiter) == 1


def test_a_walker_that_waits_for_its_slot_gives_its_partition_back_for_the_next(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")

    def wait_for_a_slot(_query: StoneQuery, _offset: int) -> None:
        draining.draining.set()
        draining.pause(60)

    supplier.before_page = wait_for_a_slot

    walking.walk(run.pk)

    partition = factories.only_partition(run)
    assert (partition.state, partition.lease_expires_at, partition.errors) == ("ready", None, 0)
    assert partition.due_at is not None
    assert walking.claim_partition(run.pk) is not None


def test_a_plan_in_the_making_is_put_down_and_made_by_the_next(supplier: MemorySupplier) -> None:
    run = factories.start()

    def stop(_queries: object) -> None:
        draining.draining.set()
        draining.go_on()

    supplier.before_count = stop
    runs.advance(run.pk)
    put_down = Run.objects.get(pk=run.pk)
    supplier.before_count = lambda _queries: None
    draining.draining.clear()

    again = factories.drive(run)

    assert (put_down.state, put_down.lease_expires_at) == ("planning", None)
    # Being told to stop is no failure, of the supplier or of ours.
    assert (put_down.planning_failures, put_down.crashes) == (0, 0)
    assert again.state == "completed"


def test_a_process_that_is_to_stop_takes_nothing_up(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    draining.draining.set()

    walking.walk(run.pk)

    assert factories.only_partition(run).attempts == 0


def test_what_takes_longer_than_the_grace_is_given_back_and_cannot_commit_any_more(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "GRACE_SECONDS", 0.2)
    run = factories.drive(factories.start(), until="ingesting")
    asked, answer = threading.Event(), threading.Event()

    def hang(_query: StoneQuery, _offset: int) -> None:
        asked.set()
        answer.wait(120)

    supplier.before_page = hang

    def stop_meanwhile() -> None:
        assert asked.wait(120)
        draining.begin()
        until(lambda: factories.only_partition(run).lease_expires_at is None, seconds=10, what="it is given back")
        answer.set()

    at_once(lambda: walking.walk(run.pk), stop_meanwhile)

    partition = factories.only_partition(run)
    assert (partition.next_offset, partition.lease_expires_at, partition.state) == (0, None, "ready")
    assert factories.stored(run) == set()
