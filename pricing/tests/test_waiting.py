"""Who waits for whom: transactions that meet while one of them has not ended yet, in connections of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from catalog.models import Diamond
from catalog.tests.factories import build_diamond
from diamondhub import leases
from diamondhub.tests.patience import HANG_SECONDS
from pricing import batches, experiments, publishing, reprice
from pricing.in_force import published_rule_set
from pricing.models import Repricing, RepricingBatch
from pricing.tests.factories import a_draft, first_rule_set

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _first_rule_set() -> None:
    """A test that commits throws everything away at its end, the first rule set included."""
    first_rule_set()


@contextmanager
def before(call: Callable[[], Any]) -> Iterator[list[Any]]:
    """A transaction that ends when `call`, in another connection, waits for it; the outcome is there behind the block."""
    outcomes: list[Any] = []

    def other() -> None:
        try:
            outcomes.append(call())
        except Exception as error:  # noqa: BLE001 - it is the outcome
            outcomes.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    try:
        with transaction.atomic():
            yield outcomes
            thread.start()
            _until_somebody_waits()
    finally:
        thread.join(HANG_SECONDS)


def _until_somebody_waits() -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database()"
            )
            if (cursor.fetchone() or (0,))[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def publish(**changes: Any) -> Repricing:
    return publishing.publish(a_draft(**changes).pk, actor="maria", reason="spring", below_cost_confirmed=True)


def test_a_publication_waits_for_a_repricing_that_is_just_beginning() -> None:
    with before(lambda: publish(margin_natural=50)) as outcomes:
        first = reprice.start(cause="on demand", actor="olga")

    (second,) = outcomes
    assert isinstance(second, Repricing)
    assert second.rule_set == published_rule_set()
    first.refresh_from_db()
    assert first.state == "cancelled"


def test_the_end_of_an_experiment_waits_for_a_repricing_that_is_just_beginning() -> None:
    experiment = experiments.new("dearer", a_draft({"modifier": 10}), Decimal(25))
    experiments.start(experiment.pk, actor="maria")

    with before(lambda: experiments.end(experiment.pk, actor="maria", reason="enough")) as outcomes:
        first = reprice.start(cause="on demand", actor="olga")

    (second,) = outcomes
    assert isinstance(second, Repricing)
    assert (first.experiment, second.experiment) == (experiment, None)


@pytest.mark.parametrize("way", ["cancelled", "superseded"])
def test_what_a_survey_has_just_cut_is_cancelled_with_its_repricing(way: str, settings: Any) -> None:
    settings.REPRICING_BATCH_STONES = 3
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000, price_cents=140_000) for _ in range(20))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")
    repricing = publish(margin_natural=50)
    lease = leases.claim_one(RepricingBatch, repricing.batches.get().pk, state="ready", seconds=30)
    assert lease is not None
    ends = {
        "cancelled": lambda: reprice.cancel(repricing.pk, actor="olga", reason="wrong"),
        "superseded": lambda: publish(margin_natural=60),
    }

    with before(ends[way]) as outcomes:
        batches.do(lease, batches.pricing_of(repricing))

    assert isinstance(outcomes[0], Repricing)
    repricing.refresh_from_db()
    assert repricing.state == "cancelled"
    assert repricing.batches.filter(state="ready").exists()
    assert not repricing.batches.filter(state="ready", due_at__isnull=False).exists()


def test_a_batch_that_was_taken_before_its_repricing_was_over_keeps_nothing() -> None:
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000, price_cents=140_000) for _ in range(3))
    repricing = publish(margin_natural=50)
    lease = leases.claim_one(RepricingBatch, repricing.batches.get().pk, state="ready", seconds=30)
    assert lease is not None
    Repricing.objects.filter(pk=repricing.pk).update(state="cancelled")

    with pytest.raises(leases.LeaseLost):
        batches.do(lease, batches.pricing_of(repricing))

    assert set(Diamond.objects.values_list("price_cents", flat=True)) == {140_000}


def test_a_batch_that_waited_in_a_circle_with_whoever_writes_its_stones_is_tried_again() -> None:
    made = [build_diamond(cost_cents=100_000, price_cents=140_000) for _ in range(20)]
    # As they lie in the table, the last is first.
    made.sort(key=lambda one: one.pk, reverse=True)
    Diamond.objects.bulk_create(made)
    repricing = publish(margin_natural=50)

    def work() -> None:
        with connection.cursor() as cursor:
            # It looks once; by then the other one must be waiting.
            cursor.execute("SET deadlock_timeout = '8s'")
        reprice.work(repricing.pk, seconds=HANG_SECONDS)
        connection.close()

    thread = threading.Thread(target=work)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # So that it is the batch that looks around first, and is ended.
            cursor.execute("SET LOCAL deadlock_timeout = '300s'")
        Diamond.objects.filter(pk=made[-1].pk).update(cost_cents=200_000)
        thread.start()
        _until_somebody_waits()
        Diamond.objects.filter(pk=made[0].pk).update(cost_cents=200_000)
    thread.join(HANG_SECONDS)

    assert set(Diamond.objects.values_list("cost_cents", "price_cents")) == {(100_000, 150_000), (200_000, 300_000)}
