"""Explanations of prices in the admin: the steps from cost to price, and what cannot be explained."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import publishing
from pricing.tests.admin_pages import signed_in
from pricing.tests.factories import a_draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


def why_url(stone: Diamond) -> str:
    return reverse("admin:pricing_explanation", args=[stone.pk])


def test_a_diamonds_page_leads_to_why_it_costs_that(today: date) -> None:
    browser = signed_in("view_diamond", "view_pricechange", name="auditor")
    rules = (
        {"name": "Pears", "clauses": [{"shapes": ["PEAR"]}]},
        {"name": "Rounds", "modifier": 5, "fixed_cents": 995},
    )
    draft = a_draft(*rules)
    publishing.publish(draft.pk, actor="maria", reason="spring prices")
    stone = a_diamond(
        cost_cents=100_000,
        price_cents=145_995,
        rule_set=draft.version,
        rule=2,
        rating=None,
        priced_on=today,
    )

    diamond = browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()
    page = browser.get(why_url(stone)).content.decode()

    assert why_url(stone) in diamond
    assert "$1,450.00" in page
    assert "plus the fixed amount of $9.95" in page
    assert "shape is PEAR, but the stone: ROUND" in page
    assert "spring prices" in page
    assert "WRONG" not in page


def test_a_price_that_the_rules_do_not_give_is_said_loudly() -> None:
    stone = a_diamond(cost_cents=100_000, price_cents=1, rating=None)

    page = signed_in("view_pricechange", name="auditor").get(why_url(stone)).content.decode()

    assert "WRONG: the stone does not hold what rule set 1 gives" in page


def test_a_price_of_a_set_that_is_not_here_is_said_to_be_beyond_explanation() -> None:
    page = signed_in("view_pricechange", name="auditor").get(why_url(a_diamond(rule_set=99))).content.decode()

    assert "Rule set 99 that priced this stone is not here: it cannot be explained." in page


def test_explanations_are_for_whom_may_see_histories_and_of_stones_that_there_are() -> None:
    stone = a_diamond()

    assert signed_in("view_diamond", name="buyer").get(why_url(stone)).status_code == 403
    stone.pk = "00000000-0000-0000-0000-000000000000"
    assert signed_in("view_pricechange", name="auditor").get(why_url(stone)).status_code == 404
