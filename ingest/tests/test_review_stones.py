"""Whole lists of the stones that a review, a suspicion or a drift is about: by cause, page by page, a bounded cost each."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import Diamond
from ingest import drift_stones, operations, review_stones
from ingest.admin import review_stones as pages
from ingest.feeds.adapter import Look
from ingest.models import ReviewStone, Run
from ingest.tests import factories, rows
from ingest.tests.at_size import statements
from ingest.tests.factories import MemorySupplier
from ingest.tests.test_drift import Watched

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("still_banner")]


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    return browser


def stones_of(browser: Client, address: str) -> tuple[list[str], str]:
    """The stones of a page in their order, and the address of the next page."""
    response = browser.get(address)
    assert response.status_code == 200
    text = response.content.decode()
    more = [link.url for link in response.context["links"] if link.title == "Next page"]
    return re.findall(r">(S-\d+)</a>", text), address.partition("?")[0] + more[0] if more else ""


def all_stones_of(browser: Client, address: str) -> list[str]:
    """The stones of all pages, one behind the other."""
    stones: list[str] = []
    while address:
        of_page, address = stones_of(browser, address)
        stones += of_page
    return stones


def links_of(browser: Client, run: Run) -> list[str]:
    page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    return re.findall(rf'href="([^"]*/run/{run.pk}/(?:stones|drift)/[^"]*)"', page)


def test_the_stones_that_would_be_taken_off_are_a_list_that_can_be_read_to_its_end(
    supplier: MemorySupplier, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.settled()
    gone = supplier.shelf[:12]
    del supplier.shelf[:12]
    monkeypatch.setattr(pages, "PAGE", 5)

    run = factories.settled()

    (address,) = links_of(browser, run)
    stones = all_stones_of(browser, address)
    assert run.state == "in_review"
    assert len(stones) == 12
    assert set(stones) == {stone.id for stone in gone}
    costs = dict(Diamond.objects.values_list("supplier_stone_id", "cost_cents"))
    assert [costs[stone] for stone in stones] == sorted((costs[stone] for stone in stones), reverse=True)


def test_the_list_stays_what_it_was_when_the_catalogue_has_moved_on(supplier: MemorySupplier, browser: Client) -> None:
    factories.settled()
    del supplier.shelf[:12]
    run = factories.settled()
    address = pages.address(run, "delisting", "gone")
    before, _ = stones_of(browser, address)
    Diamond.objects.filter(supplier_stone_id=before[0]).delete()

    after = browser.get(address).context["tables"][0].rows

    assert str(ReviewStone.objects.get(run=run, place=1).diamond_id) == after[0][0]
    assert stones_of(browser, address)[0] == before[1:]


def test_the_stones_by_which_the_median_would_move_say_both_costs(supplier: MemorySupplier, browser: Client) -> None:
    factories.settled()
    for stone in supplier.shelf:
        stone.price *= 100

    run = factories.settled()

    addresses = links_of(browser, run)
    stones, _ = stones_of(browser, pages.address(run, "median", "dearer"))
    kept = ReviewStone.objects.filter(run=run, cause="dearer")
    assert {address.rsplit("/", 2)[-2] for address in addresses} == {"moved", "dearer"}
    assert set(stones) == {stone.id for stone in supplier.shelf}
    assert all(stone.brought_cents == 100 * (stone.cost_cents or 0) for stone in kept)


def test_a_suspect_run_shows_the_stones_that_it_did_not_show(supplier: MemorySupplier, browser: Client) -> None:
    factories.settled()
    hidden = supplier.shelf[5:]
    del supplier.shelf[5:]

    run = factories.settled()

    (causes,) = links_of(browser, run)
    by_cause = re.findall(rf'href="({causes}[a-z_]+/)"', browser.get(causes).content.decode())
    assert run.suspect
    assert {stone for address in by_cause for stone in all_stones_of(browser, address)} == {
        stone.id for stone in hidden
    }


def test_a_page_far_behind_costs_what_the_first_one_does(browser: Client) -> None:
    run = rows.run(state="in_review", due_at=None)
    ReviewStone.objects.bulk_create(
        ReviewStone(run=run, brake="delisting", cause=cause, place=place, diamond_id=UUID(int=place), cost_cents=1)
        for cause in ("gone", "sold")
        for place in range(1, 1_001)
    )
    address = pages.address(run, "delisting", "gone")
    browser.get(address)

    first, far = statements(browser, address), statements(browser, f"{address}?behind=900")

    assert len(first) == len(far) <= 15
    assert len(stones_rows(browser, f"{address}?behind=900")) == 100
    assert "Next page" not in browser.get(f"{address}?behind=900").content.decode()


def stones_rows(browser: Client, address: str) -> Any:
    return browser.get(address).context["tables"][0].rows


@pytest.mark.parametrize("behind", ["x", "-1", "9" * 30, "%00", "٣"])
def test_a_place_that_is_none_is_the_beginning_or_behind_the_end(browser: Client, behind: str) -> None:
    run = rows.run()
    ReviewStone.objects.create(run=run, brake="delisting", cause="gone", place=1, diamond_id=UUID(int=1))

    assert len(stones_rows(browser, f"{pages.address(run, 'delisting', 'gone')}?behind={behind}")) == 1


def test_what_is_not_kept_is_not_found_and_nobody_without_the_right_sees_lists(browser: Client) -> None:
    run = rows.run()
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger", is_staff=True))
    drift = reverse("admin:ingest_run_drift", args=[run.pk])

    assert browser.get(pages.address(run, "delisting", "gone")).status_code == 404
    assert browser.get(f"{drift}?what=moon&name=x").status_code == 404
    assert browser.get(f"{drift}?what=field").status_code == 404
    assert browser.post(drift).status_code == 405
    assert browser.get(reverse("admin:ingest_run_causes", args=[10**30, "suspect"])).status_code == 404
    assert stranger.get(pages.address(run, "delisting")).status_code == 403
    assert stranger.get(f"{drift}?what=field&name=x").status_code == 403


def test_a_run_that_is_held_again_keeps_its_last_list_alone(supplier: MemorySupplier) -> None:
    factories.settled()
    del supplier.shelf[:12]
    run = factories.settled()

    review_stones.keep_unseen(run, "delisting")

    assert ReviewStone.objects.filter(run=run).count() == 12


def test_lists_of_runs_of_long_ago_are_forgotten() -> None:
    over = rows.run(
        state="completed", due_at=None, finished_at=timezone.now() - timedelta(days=9_000), archived_at=Now()
    )
    live = rows.run()
    for run in (over, live):
        ReviewStone.objects.create(run=run, brake="suspect", cause="gone", place=1, diamond_id=UUID(int=1))

    old = operations.old_review_stones()

    assert [stone.run_id for stone in old] == [over.pk]


def test_the_stones_of_a_strange_field_and_of_values_not_understood_are_found_some_payloads_at_a_time(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    supplier = Watched(factories.stones(40))
    factories.supplying(monkeypatch, supplier)
    strange = [stone.id for stone in supplier.shelf[:7]]
    supplier.strange = {stone: Look(("<b>halo</b>",), (("cut", "SUPER"),)) for stone in strange}
    monkeypatch.setattr(drift_stones, "LOOK_AT", 15)

    run = factories.settled()

    addresses = [address.replace("&amp;", "&") for address in links_of(browser, run)]
    assert len(addresses) == 2
    for address in addresses:
        assert sorted(all_stones_of(browser, address)) == sorted(strange)
    first = browser.get(addresses[0]).content.decode()
    assert "<b>halo" not in first
