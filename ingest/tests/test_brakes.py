"""Brakes: a run that would move the median waits before it changes anything, and an approval covers what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.models import Diamond
from diamondhub.operations.models import Problem
from diamondhub.tests.threads import at_once
from ingest import runs
from ingest.models import Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier

# Runs after runs: each consolidates in transactions of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def dearer(supplier: MemorySupplier, factor: float, *, share: float = 1.0) -> None:
    """Let the first stones of the shelf, a share of it, cost so many times as much."""
    many = round(len(supplier.shelf) * share)
    supplier.shelf = [
        factories.again(stone, price=int(stone.price * factor)) if place < many else stone
        for place, stone in enumerate(supplier.shelf)
    ]


def costs() -> dict[str, int]:
    return dict(Diamond.objects.values_list("supplier_stone_id", "cost_cents"))


@pytest.mark.parametrize("factor", [100, 1.31, 0.69, 0.01])
@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_a_run_that_would_move_the_median_waits_before_it_changes_anything(
    supplier: MemorySupplier, factor: float, kind: str
) -> None:
    first = factories.settled()
    before = costs()
    dearer(supplier, factor)
    assert first.window_to is not None
    for stone in supplier.shelf:
        stone.updated = first.window_to

    run = factories.settled(kind)

    event = Problem.objects.get(kind="run-in-review")
    assert run.state == "in_review"
    assert costs() == before
    assert not run.batches.exists()
    assert "it would move the median cost by" in event.subject
    assert "more than 30%" in event.subject


@pytest.mark.parametrize(("factor", "share"), [(1.29, 1.0), (0.71, 1.0), (100, 0.1), (0.01, 0.1)])
def test_prices_that_move_within_reason_or_of_a_few_stones_pass(
    supplier: MemorySupplier, factor: float, share: float
) -> None:
    factories.settled()
    dearer(supplier, factor, share=share)

    run = factories.settled()

    assert run.state == "completed"


def test_the_share_is_the_feed_s(supplier: MemorySupplier) -> None:
    factories.settled()
    dearer(supplier, 3)

    run = factories.settled(median_brake=2.5)

    assert run.state == "completed"


def test_of_too_few_stones_no_median_is_taken(supplier: MemorySupplier) -> None:
    supplier.shelf = supplier.shelf[:20]
    factories.settled()
    dearer(supplier, 100)

    run = factories.settled()

    assert run.state == "completed"


def test_a_run_that_is_approved_goes_on_with_its_consolidation(supplier: MemorySupplier) -> None:
    factories.settled()
    dearer(supplier, 2)
    held = factories.settled()

    runs.approve_run(held.pk, actor="adam", reason="the supplier raised its prices")
    run = factories.drive(held)

    states = [event.to_state for event in run.events.all()]
    assert run.state == "completed"
    assert states[-4:] == ["in_review", "settling", "consolidating", "completed"]
    assert costs() == {stone.id: stone.price for stone in supplier.shelf}
    assert (run.approved_by, run.held) == ("adam", {})


def test_a_run_that_is_cancelled_in_review_leaves_the_catalogue_and_frees_the_feed(supplier: MemorySupplier) -> None:
    factories.settled()
    before = costs()
    dearer(supplier, 2)
    held = factories.settled()

    runs.cancel_run(held.pk, actor="adam", reason="wrong currency")
    dearer(supplier, 0.5)
    run = factories.settled()

    assert Run.objects.get(pk=held.pk).state == "cancelled"
    assert run.state == "completed"
    assert costs() == before


def test_an_approval_covers_the_brake_that_was_seen_and_no_other(supplier: MemorySupplier) -> None:
    factories.settled()
    supplier.shelf = supplier.shelf[:20]
    dearer(supplier, 3)
    for stone in supplier.shelf[:10]:
        stone.says = {"cost_cents": None}
    held = factories.settled(median_brake=0.1)
    runs.approve_run(held.pk, actor="adam", reason="prices rose")

    again = factories.drive(held)

    assert held.state == again.state == "in_review"
    assert list(held.held) == ["median"]
    assert set(again.held) == {"required_missing", "dead_letters", "delisting"}
    assert "dead letters" in (again.events.last() or again.events.none().get()).reason
    assert not Diamond.objects.filter(availability="delisted").exists()


def test_approving_twice_is_refused_with_where_the_run_is(supplier: MemorySupplier) -> None:
    factories.settled()
    dearer(supplier, 2)
    held = factories.settled()
    runs.approve_run(held.pk, actor="adam", reason="fine")

    with pytest.raises(runs.NothingToDo, match=f"run {held.pk} is settling, not in review"):
        runs.approve_run(held.pk, actor="eve", reason="fine")


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_approval_needs_a_reason(supplier: MemorySupplier, reason: str) -> None:
    factories.settled()
    dearer(supplier, 2)
    held = factories.settled()

    with pytest.raises(runs.ReasonMissing, match="Say why"):
        runs.approve_run(held.pk, actor="adam", reason=reason)

    assert Run.objects.get(pk=held.pk).state == "in_review"


def test_of_an_approval_and_a_cancellation_at_once_one_wins(supplier: MemorySupplier) -> None:
    factories.settled()
    dearer(supplier, 2)
    held = factories.settled()

    outcomes: list[Any] = at_once(
        lambda: runs.approve_run(held.pk, actor="adam", reason="fine"),
        lambda: runs.cancel_run(held.pk, actor="eve"),
    )

    state = Run.objects.get(pk=held.pk).state
    won = [outcome for outcome in outcomes if isinstance(outcome, Run)]
    # A run that was approved first may be cancelled a moment later, as it is live again.
    assert state in ("cancelled", "settling")
    assert won
    assert all(isinstance(outcome, Run | runs.NothingToDo) for outcome in outcomes)
