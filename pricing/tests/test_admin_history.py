"""Price histories in the admin: how a diamond's price changed and why, and the list of all changes."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing.history import because
from pricing.models import PriceChange
from pricing.tests.admin_pages import job_url, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


def repriced(stone: Diamond, price_cents: int) -> None:
    Diamond.objects.filter(pk=stone.pk).update(price_cents=price_cents, rule=7, changed_at=timezone.now())


def test_a_diamonds_page_shows_how_its_price_changed_and_why() -> None:
    browser = signed_in("view_diamond", "view_pricechange", name="auditor")
    stone = a_diamond(cost_cents=100_000, price_cents=140_000)
    because("repricing", 3, "maria")
    repriced(stone, 147_500)
    because("", None, "<b>somebody</b>")
    repriced(stone, 150_000)

    page = browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()

    assert "$1,400.00 → $1,475.00" in page
    assert "+$75.00 (+5.4%)" in page
    assert f'<a class="dh-link" href="{job_url("change", 3)}">repricing 3</a>' in page
    assert "1, base margin" in page
    assert "1, rule 7" in page
    assert "&lt;b&gt;somebody&lt;/b&gt;" in page
    assert page.index("$1,475.00 → $1,500.00") < page.index("$1,400.00 → $1,475.00")


def test_a_diamond_whose_price_never_changed_says_so() -> None:
    browser = signed_in("view_diamond", "view_pricechange", name="auditor")

    page = browser.get(reverse("admin:catalog_diamond_change", args=[a_diamond().pk])).content.decode()

    assert "The price has not changed since the stone came into the catalogue." in page


def test_the_history_is_not_shown_to_who_may_not_see_it() -> None:
    browser = signed_in("view_diamond", name="buyer")

    page = browser.get(reverse("admin:catalog_diamond_change", args=[a_diamond().pk])).content.decode()

    assert "Price history" not in page
    assert browser.get(reverse("admin:pricing_pricechange_changelist")).status_code == 403


def test_all_changes_are_listed_and_found_by_the_diamond() -> None:
    browser = signed_in("view_pricechange", name="auditor")
    one, other = a_diamond(price_cents=140_000), a_diamond(price_cents=140_000)
    repriced(one, 111_100)
    repriced(other, 222_200)
    address = reverse("admin:pricing_pricechange_changelist")

    everything = browser.get(address).content.decode()
    found = browser.get(address, {"diamond_id": str(one.pk)}).content.decode()
    searched = browser.get(address, {"q": str(other.pk)}).content.decode()

    assert "$1,111.00" in everything
    assert "$2,222.00" in everything
    assert ("$1,111.00" in found, "$2,222.00" in found) == (True, False)
    assert ("$1,111.00" in searched, "$2,222.00" in searched) == (False, True)
    assert browser.get(address, {"q": "<script>"}).status_code == 200
    assert PriceChange.objects.count() == 2
