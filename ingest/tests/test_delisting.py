"""What a full run takes off the catalogue, what holds it back, and how a stone comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from catalog.models import Diamond
from diamondhub.operations.models import Problem
from ingest import brakes, delisting, review, runs
from ingest.invariants import violations
from ingest.models import Feed
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def delisted() -> set[str]:
    return set(Diamond.objects.filter(availability="delisted").values_list("supplier_stone_id", flat=True))


def test_what_a_complete_run_did_not_show_is_delisted_and_kept(supplier: MemorySupplier) -> None:
    factories.settled()
    gone = {stone.id for stone in supplier.shelf[:3]}
    del supplier.shelf[:3]

    run = factories.settled()

    assert delisted() == gone
    assert run.summary["delisted"] == 3
    assert Diamond.objects.count() == 40
    assert violations() == []


@pytest.mark.parametrize("changed", [False, True])
def test_a_delisted_stone_that_is_shown_again_comes_back(supplier: MemorySupplier, changed: bool) -> None:
    factories.settled()
    stone = supplier.shelf.pop(0)
    factories.settled()
    without = factories.listed()
    supplier.shelf.insert(0, stone)
    stone.price += 1_000 * changed

    run = factories.settled()

    assert stone.id not in without
    assert stone.id in factories.listed()
    assert Diamond.objects.get(supplier_stone_id=stone.id).cost_cents == stone.price
    assert run.summary["updated"] == 1
    assert violations() == []


def test_stones_of_other_feeds_and_sold_ones_are_left_alone(supplier: MemorySupplier) -> None:
    factories.settled()
    rows.diamond("other", feed="other")
    rows.diamond("sold", feed="memory", availability="sold")

    factories.settled()

    assert delisted() == set()


def test_more_than_the_brake_allows_waits_for_a_person_and_then_goes(supplier: MemorySupplier) -> None:
    first = factories.settled()
    gone = {stone.id for stone in supplier.shelf[:10]}
    del supplier.shelf[:10]

    held = factories.settled(delist_brake=0.2)
    while_held = delisted(), Feed.objects.get(slug="memory").watermark
    runs.approve_run(held.pk, actor="adam", reason="the supplier closed a branch")
    run = factories.drive(held)

    alert = Problem.objects.get(kind="run-in-review")
    assert held.state == "in_review"
    assert held.events.filter(to_state="in_review").get().reason == (
        "it would delist 10 of 40 stones, more than 20%: the supplier does not know them by their id; "
        "of 10 that no page showed it knows 0"
    )
    assert f"approve_run {held.pk}" in alert.details["approve"]
    assert "asked for by id; the supplier knows 0 of them" in alert.details["looked_at"]["delisting"]
    assert while_held == (set(), first.window_to)
    assert (run.state, run.approved_by, run.summary["delisted"]) == ("completed", "adam", 10)
    assert delisted() == gone
    assert Feed.objects.get(slug="memory").watermark == run.window_to
    assert violations() == []


def test_a_run_in_review_that_is_cancelled_delists_nothing(supplier: MemorySupplier) -> None:
    first = factories.settled()
    del supplier.shelf[:10]
    held = factories.settled()

    runs.cancel_run(held.pk, actor="adam", reason="the supplier is broken")

    assert delisted() == set()
    assert Feed.objects.get(slug="memory").watermark == first.window_to
    assert violations() == []


@pytest.mark.parametrize(("gone", "held"), [(8, False), (9, True)])
def test_the_brake_is_above_its_share_not_at_it(supplier: MemorySupplier, gone: int, held: bool) -> None:
    run = factories.settled()

    assert brakes.delists_too_many(run, gone, 40) is held


def test_unseen_are_the_listed_stones_that_the_ledger_does_not_name(supplier: MemorySupplier) -> None:
    run = factories.settled()
    rows.diamond("unseen", feed="memory", availability="on_hold")
    rows.diamond("gone", feed="memory", availability="delisted")

    assert delisting.unseen_stones(run) == ["unseen"]
    assert delisting.count_unseen(run) == 1


def test_stones_that_are_counted_and_not_shown_are_not_delisted(supplier: MemorySupplier, settings: Any) -> None:
    first = factories.settled()
    supplier.hidden = {stone.id for stone in supplier.shelf[:6]}

    run = factories.settled()

    assert run.state == "completed"
    assert run.suspect == "6 stones that the supplier counts were never shown"
    assert delisted() == set()
    assert Feed.objects.get(slug="memory").watermark == first.window_to
    assert violations() == []


def test_a_supplier_that_cannot_be_asked_by_id_is_held_against_what_its_pages_show(supplier: MemorySupplier) -> None:
    factories.settled()
    supplier.answers_by_id = False
    del supplier.shelf[:10]

    run = factories.settled()

    (held,) = review.read(run).held
    assert run.state == "in_review"
    assert not [kind for kind, _ in supplier.asked if kind == "lookup"]
    assert held.looked == "the supplier cannot be asked for stones by their ids"
    assert [(part.cause, part.stones) for part in held.parts] == [("not_asked", 10)]


def test_a_stone_that_the_supplier_knows_without_naming_it_is_kept_and_one_that_is_gone_is_not(
    supplier: MemorySupplier,
) -> None:
    factories.settled()
    nameless, *gone = (stone.id for stone in supplier.shelf[:6])
    supplier.nameless = {nameless}
    del supplier.shelf[1:6]

    run = factories.settled()

    assert run.state == "completed"
    assert delisted() == set(gone)
    assert run.summary["unseen"] == {"gone": 5, "unnamed": 1}
    assert violations() == []


def test_an_approval_that_comes_late_takes_off_no_stone_that_is_on_sale_again(supplier: MemorySupplier) -> None:
    factories.settled()
    back, *gone = supplier.shelf[:10]
    del supplier.shelf[:10]
    held = factories.settled()
    supplier.shelf.insert(0, back)
    held.partitions.filter(kind="confirm").update(completed_at=F("completed_at") - timedelta(hours=2))

    runs.approve_run(held.pk, actor="adam", reason="the supplier closed a branch")
    run = factories.drive(held)

    states = list(run.events.values_list("to_state", flat=True))
    assert states[-6:] == ["in_review", "settling", "ingesting", "settling", "consolidating", "completed"]
    assert delisted() == {stone.id for stone in gone}
    assert back.id in factories.listed()
    assert run.summary["unseen"] == {"gone": 9, "changed": 1}
    assert violations() == []
