"""Searching in another currency: what is asked, shown, sorted and counted are amounts of that."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.client_views.tests.a_view import a_rate, a_view
from catalog.currencies.converting import Ending, Exchange
from catalog.facets import counting
from catalog.models import Diamond
from catalog.searching.tests.plain_hits import PlainHits
from catalog.tests.factories import a_diamond, build_diamond
from diamondhub.access.clients import create_client

ADDRESS = "/api/v1/diamonds"


@pytest.fixture
def http(db: None) -> Client:
    issued = create_client("shop", scopes=["catalog:read", "catalog:cost"])
    a_view(issued.key.client, currency="EUR", rate="0.92", ending="99", ending_step="100")
    return Client(headers={"X-API-Key": issued.text}, raise_request_exception=False)


def prices(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [stone["price"] for stone in answer.json()["results"]]


def wrong(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_a_stone_is_found_by_exactly_the_price_that_is_shown(http: Client) -> None:
    a_diamond(price_cents=1_299_00, price_per_carat_cents=1_000_00, cost_cents=500_00)

    (stone,) = http.get(ADDRESS).json()["results"]

    assert (stone["currency"], stone["price"]) == ("EUR", "1199.00")
    assert (stone["price_per_carat"], stone["cost"]) == ("920.00", "460.00")
    for name, shown in (("price", "1199"), ("price_per_carat", "920"), ("cost", "460.00")):
        assert len(prices(http.get(ADDRESS, {f"{name}_min": shown, f"{name}_max": shown}))) == 1
        assert prices(http.get(ADDRESS, {f"{name}_max": f"{Decimal(shown) - Decimal('0.01')}"})) == []
        assert prices(http.get(ADDRESS, {f"{name}_min": f"{Decimal(shown) + Decimal('0.01')}"})) == []


def test_another_currency_can_be_asked_for_whose_prices_have_no_ending(http: Client) -> None:
    a_diamond(price_cents=1_299_00)
    a_rate("JPY", "151.25")
    a_rate("KWD", "0.3075")

    assert prices(http.get(ADDRESS, {"currency": "JPY", "price_min": "196474", "price_max": "196474"})) == ["196474"]
    assert prices(http.get(ADDRESS, {"currency": "KWD", "price_min": "399.443", "price_max": "399.443"})) == ["399.443"]
    assert prices(http.get(ADDRESS, {"currency": "KWD", "price_min": "399.444"})) == []
    assert prices(http.get(ADDRESS, {"currency": "USD"})) == ["1299.00"]
    by_body = http.post(f"{ADDRESS}/search", {"currency": "JPY", "price_min": 196474}, content_type="application/json")
    assert prices(by_body) == ["196474"]


@pytest.mark.parametrize("currency", ["GBP", "XXX", "eur", "", "EURO"])
@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/facets", f"{ADDRESS}/changes?after=0"])
def test_a_currency_without_a_rate_is_told_with_those_that_have_one(http: Client, address: str, currency: str) -> None:
    sign = "&" if "?" in address else "?"

    message = wrong(http.get(f"{address}{sign}currency={currency}"))["currency"]

    assert "EUR" in message
    assert "USD" in message
    body = http.post(f"{ADDRESS}/search", {"currency": currency}, content_type="application/json")
    assert list(wrong(body)) == ["currency"]


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("USD", "1.005"), ("EUR", "1.005"), ("JPY", "1.5"), ("USD", "1000000000.01"), ("JPY", "9999999999999")],
)
def test_an_amount_that_is_none_of_the_currency_is_told(http: Client, currency: str, amount: str) -> None:
    a_rate("JPY", "100")

    message = wrong(http.get(ADDRESS, {"currency": currency, "price_max": amount}))["price_max"]

    assert f"must be an amount in {currency} from 0 to" in message


def test_an_amount_can_be_as_high_in_every_currency(http: Client) -> None:
    a_rate("IDR", "16000")
    a_diamond(price_cents=900_000_000_00)

    assert prices(http.get(ADDRESS, {"currency": "IDR", "price_max": "1600000000000"})) == []
    assert len(prices(http.get(ADDRESS, {"currency": "IDR", "price_min": "9999999999999"}))) == 1


RATES = st.sampled_from(["0.92", "151.25", "0.3075", "16000", "1", "0.00012"])
ENDINGS = st.sampled_from([None, Ending(99_00, 100_00), Ending(99, 100), Ending(900, 1_000)])


@settings(max_examples=60)
@given(
    cents=st.lists(st.integers(1, 10**7) | st.integers(1, 5_000), max_size=25),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    rate=RATES,
    ending=ENDINGS,
)
def test_buckets_of_prices_hold_the_stones_that_are_shown_within_them(
    cents: list[int], currency: str, rate: str, ending: Ending | None
) -> None:
    exchange = Exchange(currency, Decimal(rate), date(2026, 1, 1), ending)
    stones: list[Diamond] = [build_diamond(price_cents=price) for price in cents]

    facet = counting.facets(PlainHits(0, stones, {}), {}, ["price"], exchange)["price"]

    shown = sorted(Decimal(exchange.price_text(price)) for price in cents)
    assert sum(bucket["count"] for bucket in facet["buckets"]) == len(cents)
    for bucket in facet["buckets"]:
        low, high = Decimal(bucket["from"]), bucket["to"]
        inside = [price for price in shown if low <= price and (high is None or price < Decimal(high))]
        assert bucket["count"] == len(inside)
    if shown:
        assert (Decimal(facet["min"]), Decimal(facet["max"])) == (shown[0], shown[-1])
    assert len(facet["buckets"]) <= 42
