"""Who works on a row, shown on deliveries, with workers in threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from psycopg import sql

from diamondhub import leases
from diamondhub.alerts.models import Delivery
from diamondhub.alerts.outbox import announce
from diamondhub.leases import Lease, LeaseLost
from diamondhub.tests.patience import HANG_SECONDS


def deliveries(number: int) -> list[Delivery]:
    return [
        announce(dedupe_key=f"one {i}", kind="news", severity="info", subject="News").deliveries.get()
        for i in range(number)
    ]


def claim(seconds: float = 60) -> Lease | None:
    return leases.claim(
        Delivery, where=sql.SQL("t.state = 'pending'"), parameters={}, order_by=sql.SQL("t.id"), seconds=seconds
    )


def claimed(seconds: float = 60) -> Lease:
    lease = claim(seconds)
    assert lease is not None
    return lease


def row(lease: Lease) -> Delivery:
    return Delivery.objects.get(pk=lease.pk)


def run_out(lease: Lease) -> None:
    Delivery.objects.filter(pk=lease.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def seconds_until(lease: Lease, column: str) -> float:
    left = Delivery.objects.filter(pk=lease.pk).annotate(left=F(column) - Now()).values_list("left", flat=True)[0]
    return float(left.total_seconds())


def elsewhere(call: Callable[[], Any]) -> Any:
    """What a call returns on a connection of its own."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=HANG_SECONDS)
    return results[0]


@pytest.mark.django_db
def test_a_claim_takes_the_first_free_row_and_counts_the_attempt() -> None:
    first, second = deliveries(2)

    leases_taken = [claim(), claim(), claim()]

    assert [lease and lease.pk for lease in leases_taken] == [first.pk, second.pk, None]
    taken = Delivery.objects.get(pk=first.pk)
    assert (taken.attempts, taken.lease_token, taken.lease_owner) == (1, 1, leases.owner())
    assert taken.lease_expires_at is not None


@pytest.mark.django_db
def test_a_row_that_is_not_due_or_not_asked_for_is_not_claimed() -> None:
    later, over = deliveries(2)
    Delivery.objects.filter(pk=later.pk).update(due_at=Now() + timedelta(seconds=60))
    Delivery.objects.filter(pk=over.pk).update(state="delivered")

    assert claim() is None
    assert leases.claim_one(Delivery, over.pk, state="pending", seconds=60) is None


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_get_different_rows() -> None:
    rows = deliveries(12)
    gate = threading.Barrier(6)
    taken: list[int] = []

    def work() -> None:
        gate.wait(timeout=HANG_SECONDS)
        while lease := claim():
            taken.append(lease.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=HANG_SECONDS)

    assert sorted(taken) == [one.pk for one in rows]


@pytest.mark.django_db(transaction=True)
def test_a_claim_does_not_wait_for_a_row_that_somebody_locks() -> None:
    first, second = deliveries(2)

    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=first.pk)
        lease = elsewhere(claim)

    assert lease.pk == second.pk


@pytest.mark.django_db
def test_a_lease_that_ran_out_is_taken_up_and_the_first_holder_can_do_nothing_more() -> None:
    deliveries(1)
    first = claimed()
    run_out(first)
    second = claimed()

    assert second.token == first.token + 1
    assert row(second).attempts == 2
    with pytest.raises(LeaseLost):
        leases.renew(first, seconds=60)
    with pytest.raises(LeaseLost):
        leases.finish(first, state="delivered")
    assert leases.give_back(first) is False
    assert row(second).state == "pending"
    assert leases.give_back(second) is True


@pytest.mark.django_db
def test_a_lease_that_ran_out_and_that_nobody_took_up_is_still_its_holder_s() -> None:
    deliveries(1)
    lease = claimed()
    run_out(lease)

    began = monotonic()
    leases.renew(lease, seconds=30)

    left = seconds_until(lease, "lease_expires_at")
    assert 30 - (monotonic() - began) - 0.1 <= left <= 30


@pytest.mark.django_db
def test_a_lease_that_was_given_back_is_nobody_s() -> None:
    deliveries(1)
    lease = claimed()

    began = monotonic()
    assert leases.give_back(lease, due_in=40)

    assert (row(lease).lease_expires_at, row(lease).lease_owner) == (None, "")
    left = seconds_until(lease, "due_at")
    assert 40 - (monotonic() - began) - 0.1 <= left <= 40
    with pytest.raises(LeaseLost):
        leases.finish(lease, state="delivered")


@pytest.mark.django_db
def test_finishing_ends_lease_and_work_together() -> None:
    deliveries(1)
    lease = claimed()

    leases.finish(lease, state="delivered", last_error="")

    assert (row(lease).state, row(lease).lease_expires_at, row(lease).due_at) == ("delivered", None, None)
    with pytest.raises(LeaseLost):
        leases.finish(lease, state="dead")
    assert row(lease).state == "delivered"


@pytest.mark.django_db
def test_what_waits_can_be_made_due_but_not_while_somebody_is_at_it() -> None:
    deliveries(1)
    lease = claimed()
    Delivery.objects.update(due_at=Now() + timedelta(seconds=60))

    leases.make_due(Delivery, lease.pk)
    while_held = seconds_until(lease, "due_at")
    leases.give_back(lease, due_in=60)
    leases.make_due(Delivery, lease.pk)

    assert while_held > 50
    assert seconds_until(lease, "due_at") <= 0


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_keeps_a_lease_longer_than_it_was_granted_for() -> None:
    deliveries(1)
    lease = claimed(0.6)

    with leases.heartbeat(lease, seconds=0.6):
        deadline = monotonic() + 180
        while elsewhere(lambda: Delivery.objects.filter(lease_expires_at__gt=Now()).exists()):
            renewed = elsewhere(lambda: row(lease).lease_expires_at)
            if (renewed - lease.granted_at).total_seconds() > 1.5:
                break
            assert monotonic() < deadline

    leases.finish(lease, state="delivered")


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_ends_when_the_lease_is_lost_and_the_last_write_says_so() -> None:
    deliveries(1)
    lease = claimed(0.3)
    Delivery.objects.update(lease_token=99)

    with leases.heartbeat(lease, seconds=0.3):
        deadline = monotonic() + 180
        while any(thread.name == "heartbeat" for thread in threading.enumerate()):
            assert monotonic() < deadline

    with pytest.raises(LeaseLost):
        leases.finish(lease, state="delivered")


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_given_back_once_the_database_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries(1)
    lease = claimed()
    give_back = leases.give_back
    away = iter([True, True, False])

    def try_to(lease: Lease) -> bool:
        if next(away):
            raise OperationalError("the connection is lost")
        return give_back(lease)

    monkeypatch.setattr(leases, "give_back", try_to)
    monkeypatch.setattr("diamondhub.leases.time.sleep", lambda _seconds: None)

    assert leases.give_back_when_possible(lease) is True

    assert row(lease).lease_expires_at is None


@pytest.mark.django_db(transaction=True)
def test_a_database_that_stays_away_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries(1)
    lease = claimed()

    def try_to(_lease: Lease) -> bool:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(leases, "give_back", try_to)

    assert leases.give_back_when_possible(lease, seconds=-1) is False


@pytest.mark.django_db
def test_work_that_fails_after_it_was_finished_in_its_transaction_leaves_the_lease() -> None:
    deliveries(1)
    lease = claimed()

    with transaction.atomic():
        leases.finish(lease, state="delivered")
        transaction.set_rollback(True)

    assert (row(lease).state, row(lease).lease_token) == ("pending", lease.token)
    leases.renew(lease, seconds=60)
