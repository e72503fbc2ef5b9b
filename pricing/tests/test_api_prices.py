"""Prices of one diamond by REST: history, a past day, the explanation; and what the document says of pricing."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import history, publishing
from pricing.tests.asking import READ, problem, signed_in, wrong
from pricing.tests.factories import a_draft
from pricing.urls import urlpatterns

pytestmark = pytest.mark.django_db


@pytest.fixture
def http() -> Client:
    return signed_in(READ)


def changed(stone: Diamond, *prices: int) -> None:
    history.because("run", 7, "schedule")
    for price in prices:
        Diamond.objects.filter(pk=stone.pk).update(price_cents=price)


def test_the_history_of_a_price_is_told_newest_first_in_pages(http: Client) -> None:
    stone = a_diamond(price_cents=100, cost_cents=50)
    changed(stone, 200, 300, 400)
    changed(a_diamond(price_cents=1), 2)

    first = http.get(f"/api/v1/diamonds/{stone.pk}/price-history?limit=2").json()
    second = http.get(f"/api/v1/diamonds/{stone.pk}/price-history?cursor={first['next']}").json()

    told = first["results"] + second["results"]
    assert [(one["old"]["price"], one["new"]["price"]) for one in told] == [
        ("3.00", "4.00"),
        ("2.00", "3.00"),
        ("1.00", "2.00"),
    ]
    assert (told[0]["cause"], told[0]["cause_id"], told[0]["actor"]) == ("run", 7, "schedule")
    assert told[0]["new"] == {"price": "4.00", "cost": "0.50", "rule_set": 1, "rule": None, "experiment_arm": None}
    assert second["next"] is None


def test_a_cursor_of_another_stone_is_refused(http: Client) -> None:
    one, other = a_diamond(price_cents=1), a_diamond(price_cents=1)
    changed(one, 2, 3)
    cursor = http.get(f"/api/v1/diamonds/{one.pk}/price-history?limit=1").json()["next"]

    assert wrong(http.get(f"/api/v1/diamonds/{other.pk}/price-history?cursor={cursor}")) == ["cursor"]


def test_the_price_on_a_day_says_what_made_it_and_who_decided(http: Client, today: date) -> None:
    stone = a_diamond(price_cents=100, first_seen_at=timezone.now() - timedelta(days=3))
    draft = a_draft()
    publishing.publish(draft.pk, actor="maria", reason="spring", below_cost_confirmed=True)
    history.because("repricing", 3, "maria")
    Diamond.objects.filter(pk=stone.pk).update(price_cents=200, rule_set=draft.version)

    then = http.get(f"/api/v1/diamonds/{stone.pk}/past-price?day={today - timedelta(days=1)}").json()
    now = http.get(f"/api/v1/diamonds/{stone.pk}/past-price?day={today}").json()

    assert (then["price"], then["rule_set"], then["since"]) == ("1.00", 1, None)
    assert (now["price"], now["rule_set"], now["actor"]) == ("2.00", draft.version, "maria")
    assert (now["published_by"], now["published_reason"]) == ("maria", "spring")
    before = http.get(f"/api/v1/diamonds/{stone.pk}/past-price?day={today - timedelta(days=9)}")
    assert problem(before) == (404, "not-found")


@pytest.mark.parametrize("query", ["", "day=", "day=yesterday", "day=2026-02-30", "day=2026-01-01&day=2026-01-02"])
def test_a_day_that_is_none_is_refused(http: Client, query: str) -> None:
    assert wrong(http.get(f"/api/v1/diamonds/{a_diamond().pk}/past-price?{query}")) == ["day"]


def test_a_price_is_explained(http: Client) -> None:
    rule_set = a_draft({"name": "pears", "clauses": [{"shapes": ["PEAR"]}]}, {"name": "rounds", "rating": 5})
    stone = a_diamond(cost_cents=100_000, price_cents=140_000, rule_set=rule_set.version, rule=2)

    told = http.get(f"/api/v1/diamonds/{stone.pk}/price-explanation").json()

    assert (told["cost"], told["price"], told["rule_set"], told["warning"]) == ("1000.00", "1400.00", 2, "")
    assert told["rule"] == {"number": 2, "priority": 20, "name": "rounds", "modifier": 0.0, "clause": "every stone"}
    assert told["passed"][0]["clauses"] == [{"clause": "shape is PEAR", "unmet": "shape is PEAR", "stone": "ROUND"}]
    assert [step["amount"] for step in told["steps"]] == ["1000.00", "1400.00"]


def test_a_price_that_its_set_does_not_give_is_explained_with_a_warning(http: Client) -> None:
    stone = a_diamond(price_cents=1, rating=None)

    told = http.get(f"/api/v1/diamonds/{stone.pk}/price-explanation").json()

    assert told["warning"].startswith("WRONG: ")


def test_a_price_of_a_set_that_is_not_here_cannot_be_explained(http: Client) -> None:
    answer = http.get(f"/api/v1/diamonds/{a_diamond(rule_set=404).pk}/price-explanation")

    assert problem(answer) == (409, "cannot-explain")


PAGES = ["price-history", "past-price?day=2026-01-01", "price-explanation"]


@pytest.mark.parametrize("page", PAGES)
def test_a_stone_that_there_is_not_is_not_found(http: Client, page: str) -> None:
    assert problem(http.get(f"/api/v1/diamonds/{uuid4()}/{page}")) == (404, "not-found")


@pytest.mark.parametrize("page", PAGES)
def test_what_shows_the_cost_needs_a_scope_of_its_own(page: str) -> None:
    shop = signed_in("catalog:read")

    answer = shop.get(f"/api/v1/diamonds/{a_diamond().pk}/{page}")

    assert problem(answer) == (403, "forbidden")
    assert READ in answer.json()["detail"]


def test_the_document_describes_every_address_of_pricing(client: Client) -> None:
    document: dict[str, Any] = client.get("/api/schema/").json()

    addresses = {re.sub(r"<\w+:(\w+)>", r"{\1}", f"/api/v1/{pattern.pattern}") for pattern in urlpatterns}
    assert addresses <= document["paths"].keys()
    for address in addresses:
        for method, operation in document["paths"][address].items():
            assert operation["description"], operation["operationId"]
            assert {"401", "403", "503"} <= set(operation["responses"])
            if method in {"put", "patch"}:
                assert {"409", "413"} <= set(operation["responses"])
    rule = document["paths"]["/api/v1/rule-sets/{version}/rules"]["post"]["requestBody"]["content"]["application/json"]

    def properties(schema: dict[str, Any]) -> dict[str, Any]:
        """The fields of what a schema refers to."""
        named: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
        return named

    fields = properties(properties(rule["schema"])["rule"])
    assert fields["rating"]["type"] == ["integer", "null"]
    assert "carats_min" in properties(fields["clauses"]["items"])
