"""The list of price changes: filtered by day, cause, rule, rule set and direction, by indexes; and exported."""

from __future__ import annotations

import csv
import html
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.tests.factories import a_diamond
from diamondhub.timed_tables import Piece
from pricing import changes_file, reprice
from pricing.history import CHANGES
from pricing.models import PriceChange
from pricing.tests.admin_pages import signed_in
from pricing.tests.test_past import changed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]

LIST = "admin:pricing_pricechange_changelist"


@pytest.fixture
def browser() -> Client:
    return signed_in("view_pricechange", name="auditor")


@pytest.fixture
def _five_changes() -> None:
    stone = a_diamond()
    changed(stone, 40, old_price_cents=10_000, new_price_cents=11_100, cause="run", cause_id=7, new_rule=5)
    changed(stone, 30, old_price_cents=10_000, new_price_cents=22_200, cause="repricing", cause_id=7, new_rule_set=2)
    changed(stone, 20, old_price_cents=90_000, new_price_cents=33_300, cause="repricing", cause_id=8, new_rule=5)
    changed(stone, 10, old_price_cents=90_000, new_price_cents=44_400, cause="sql", cause_id=None, actor="=cmd()")
    changed(stone, 0, old_price_cents=10_000, new_price_cents=55_500, cause="sql", cause_id=None, new_rule=6)


def day(days_ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days_ago):%Y-%m-%d}"


def shown(browser: Client, **query: str) -> list[str]:
    """The new prices that the list shows."""
    response = browser.get(reverse(LIST), query)
    assert response.status_code == 200
    return [f"{change.new_price_cents // 100}" for change in response.context["cl"].result_list]


@pytest.mark.usefixtures("_five_changes")
@pytest.mark.parametrize(
    ("query", "prices"),
    [
        ({}, ["555", "444", "333", "222", "111"]),
        ({"cause": "repricing"}, ["333", "222"]),
        ({"cause": "repricing", "cause_id": "7"}, ["222"]),
        ({"rule": "5"}, ["333", "111"]),
        ({"rule": "none"}, ["444", "222"]),
        ({"rule_set": "2"}, ["222"]),
        ({"direction": "down"}, ["444", "333"]),
        ({"direction": "up", "rule": "5"}, ["111"]),
        ({"since": "", "cause": "sql", "rule": " 6 "}, ["555"]),
        ({"cause": "nobody"}, []),
    ],
)
def test_changes_are_found_by_what_made_them(browser: Client, query: dict[str, str], prices: list[str]) -> None:
    assert shown(browser, **query) == prices


@pytest.mark.usefixtures("_five_changes")
def test_changes_are_found_by_their_days(browser: Client, today: Any) -> None:
    assert shown(browser, since=day(20), until=day(10)) == ["444", "333"]
    assert shown(browser, until=day(30)) == ["222", "111"]


def test_the_page_of_a_repricing_and_that_of_a_set_lead_to_their_changes() -> None:
    browser = signed_in(name="root")
    repricing = reprice.start(cause="spring", actor="maria")
    stone = a_diamond()
    changed(stone, 0, old_price_cents=1, new_price_cents=55_500, cause_id=repricing.pk)
    changed(stone, 0, old_price_cents=1, new_price_cents=66_600, cause_id=repricing.pk + 1)
    pages = [
        reverse("admin:pricing_repricing_change", args=[repricing.pk]),
        reverse("admin:pricing_ruleset_change", args=[repricing.rule_set_id]),
    ]

    links = [re.findall(r'href="([^"]*pricechange/\?[^"]*)"', browser.get(page).content.decode()) for page in pages]

    assert links[1] == [f"{reverse(LIST)}?rule_set=1"]
    (address,) = links[0]
    assert shown(browser, **dict(parse_qsl(urlsplit(html.unescape(address)).query))) == ["555"]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"until": "9999-99-99"},
        {"since": "0001-01-01"},
        {"rule": "<script>"},
        {"rule": "9" * 40},
        {"rule_set": "-1"},
        {"cause": "x" * 500},
        {"cause": "a\0b"},
        {"direction": "sideways"},
    ],
)
def test_what_cannot_be_looked_up_leads_to_the_whole_list(browser: Client, query: dict[str, str]) -> None:
    response = browser.get(reverse(LIST), query, follow=True)

    assert response.status_code == 200
    assert "<script>" not in response.content.decode().split('id="result_list"')[-1][:5000]
    exported = browser.get(reverse("admin:pricing_pricechange_export"), query)
    assert exported.status_code == 302


@pytest.mark.usefixtures("_five_changes")
def test_what_is_shown_is_exported_and_harmless(browser: Client) -> None:
    response = browser.get(reverse("admin:pricing_pricechange_export"), {"direction": "down"})

    lines = list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert [line["price after"] for line in lines] == ["444.00", "333.00"]
    assert [line["by"] for line in lines] == ["'=cmd()", "maria"]
    assert lines[0]["change"] == "-456.00"


def test_a_file_ends_with_a_word_where_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_file, "CHUNK", 3)
    stone = a_diamond()
    for price in range(10):
        changed(stone, 0, old_price_cents=1, new_price_cents=100 * price)

    whole = list(changes_file.lines(PriceChange.objects.all()))
    cut = list(changes_file.lines(PriceChange.objects.all(), most=4))

    prices = [row[3] for row in csv.reader(whole[1:])]
    assert prices == [f"{price}.00" for price in reversed(range(10))]
    assert len(cut) == 6
    assert "Cut after 4 changes" in cut[-1]


def test_the_list_and_its_file_are_for_whom_may_see_changes() -> None:
    browser = signed_in("view_diamond", name="buyer")

    assert browser.get(reverse(LIST)).status_code == 403
    assert browser.get(reverse("admin:pricing_pricechange_export")).status_code == 403
    assert signed_in(name="root").post(reverse("admin:pricing_pricechange_export")).status_code == 405


#: Changes of one month that are many: a scan of fewer is no harm.
MANY = 5_000


@pytest.fixture
def _many_changes() -> None:
    """Two months of changes: those of a rare rule, set and cause lie far behind."""
    now = datetime.now(UTC).date()
    for months_ago in (2, 1, 0):
        CHANGES.make_ahead(now - timedelta(days=30 * months_ago))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO pricing_pricechange (
                diamond_id, changed_on, changed_at, old_price_cents, new_price_cents, old_cost_cents, new_cost_cents,
                old_rule_set, new_rule_set, old_rule, new_rule, cause, cause_id, actor
            )
            SELECT md5((n % 5000)::text)::uuid, day, day, 100 + n % 2, 200 - n % 2, 1, 1, 1,
                CASE WHEN n < 50 THEN 77 ELSE 2 + n / 20000 END, 1, CASE WHEN n < 50 THEN 99 ELSE n % 40 END,
                CASE WHEN n < 50 THEN 'verify' ELSE 'repricing' END, 1 + n / 20000, 'maria'
            FROM (SELECT n, (now() - (60000 - n) * interval '1.4 minutes')::date AS day FROM generate_series(1, 60000) AS n)
                AS numbered
            """
        )
        cursor.execute("ANALYZE pricing_pricechange")


@pytest.mark.usefixtures("_many_changes")
def test_no_look_reads_a_whole_month_and_no_page_asks_often(browser: Client) -> None:
    browser.get(reverse(LIST))
    queries: list[dict[str, str]] = [
        {},
        {"since": day(3), "until": day(2)},
        {"rule": "99"},
        {"rule": "7"},
        {"rule_set": "77"},
        {"cause": "verify"},
        {"cause": "repricing", "cause_id": "2"},
        {"rule": "7", "direction": "up", "since": day(20)},
    ]

    asked = {str(query): _statements(browser, query) for query in queries}

    big = [piece.name for piece in CHANGES.pieces() if PriceChange.objects.filter(**_within(piece)).count() > MANY]
    assert big
    for query, statements in asked.items():
        assert len(statements) <= 15, query
        # The page's own statement: the rows in their order. What counts them stops at a bound.
        (rows,) = [each for each in statements if "ORDER BY" in each and "pricing_pricechange" in each]
        plan = _plan(rows)
        assert not [name for name in big if f"Seq Scan on {name}" in plan], f"{query}\n{plan}"


def _statements(browser: Client, query: dict[str, str]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(reverse(LIST), query).status_code == 200
    return [each["sql"] for each in captured]


def _within(piece: Piece) -> dict[str, Any]:
    return {"changed_on__gte": piece.first, "changed_on__lt": piece.behind}


def _plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (COSTS OFF) " + statement)
        return "\n".join(line for (line,) in cursor.fetchall())
