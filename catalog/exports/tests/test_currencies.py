"""Files in the client's currency: amounts are those that searches show, and a new rate spoils no file."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from catalog.client_views.models import CatalogView
from catalog.client_views.tests.a_view import a_rate, a_view
from catalog.currencies.converting import Exchange
from catalog.currencies.models import ExchangeRate
from catalog.currencies.tests.test_converting import exchanges
from catalog.exports import texts
from catalog.exports.tests.asking import file_of, start, text_of, written
from catalog.exports.work import work
from catalog.tests.factories import a_diamond
from diamondhub.access.models import ApiClient
from diamondhub.database import psycopg_cursor


def prices(http: Client, export: dict[str, Any]) -> list[tuple[str, str]]:
    return [(stone["price"], stone["currency"]) for stone in map(json.loads, text_of(http, export).splitlines())]


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exchange=exchanges(), cents=st.lists(st.integers(0, 10**13), min_size=1, max_size=20))
def test_postgresql_converts_as_python_does(exchange: Exchange, cents: list[int]) -> None:
    price, amount = (texts.written_as(name, exchange).cell for name in ("price", "cost"))
    statement = sql.SQL(
        "SELECT ({})::text, ({})::text FROM unnest(%s::bigint[], %s::bigint[]) "
        "WITH ORDINALITY AS catalog_diamond (price_cents, cost_cents, place) ORDER BY place"
    ).format(price, amount)

    with psycopg_cursor() as cursor:
        cursor.execute(statement, [cents, cents])
        rows = cursor.fetchall()

    assert rows == [(exchange.price_text(value), exchange.amount_text(value)) for value in cents]


@pytest.mark.django_db(transaction=True)
def test_a_file_is_in_the_view_s_currency_or_in_the_one_that_is_asked_for(http: Client) -> None:
    for cents in (1_299_00, 2_000_00, 9_999_00):
        a_diamond(price_cents=cents)
    a_view(ApiClient.objects.get(), currency="EUR", rate="0.92", ending="99", ending_step="100", max_rows=2)
    a_rate("JPY", "151.25")

    own = written(http)
    asked = written(http, currency="JPY", price_max="302500", price_min="196474")

    assert prices(http, own) == [("1199.00", "EUR"), ("1799.00", "EUR")]
    assert prices(http, asked) == [("196474", "JPY"), ("302500", "JPY")]
    assert asked["filters"] == {"currency": "JPY", "price_max": "302500", "price_min": "196474"}


@pytest.mark.django_db(transaction=True)
def test_a_new_rate_spoils_no_file_and_another_view_does(http: Client) -> None:
    a_diamond(price_cents=100_00)
    a_view(ApiClient.objects.get(), currency="EUR", rate="0.5")
    before, pending = written(http), start(http).json()

    ExchangeRate.objects.update(rate=Decimal("0.25"))
    work(pending["export"])
    after = http.get(pending["links"]["self"]).json()

    assert prices(http, before) == [("50.00", "EUR")]
    assert prices(http, after) == [("25.00", "EUR")]
    CatalogView.objects.update(forced={"lab": ["IGI"]})
    assert [file_of(http, export).status_code for export in (before, after)] == [410, 410]
    assert connection.in_atomic_block is False


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"currency": "GBP"}, 400, "accepted are USD"),
        ({"currency": "gold"}, 400, "must be one of"),
        ({"price_max": "1.005"}, 400, "must be an amount in USD"),
        ({"color": ["D"]}, 403, "does not show color"),
        ({"fields": ["color"]}, 403, "does not show color"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_told_precisely(http: Client, body: dict[str, Any], status: int, words: str) -> None:
    a_view(ApiClient.objects.get(), shown_fields=["price"])

    answer = start(http, **body)

    assert answer.status_code == status, answer.content
    assert words in answer.content.decode()
