"""The diamonds' list stays cheap when there are many: no full count, no sort without an index, searches by index only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Diamond, diamond_id
from diamondhub.admin.base import COUNT_CAP, LAST_PAGE

STONES = 100_001
LIST = "admin:catalog_diamond_changelist"


@pytest.fixture(scope="module")
def _many(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A hundred thousand stones, made once for the module and taken away after it."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO catalog_diamond (
                    id, feed, supplier_stone_id, offer_id, shape, carats, lab_grown, certificate_number, images, cost_cents,
                    price_cents, availability, rule_set, payload_hash, raw_id, source_updated_at, first_seen_at, changed_at,
                    priced_on
                )
                SELECT gen_random_uuid(), 'nivoda-natural', 'S-' || i, 'O-' || i, (ARRAY['ROUND', 'OVAL'])[1 + i %% 2],
                    1, i %% 3 = 0, 'C' || i, '{}', 1000 + i, 1000 + i %% 50000, 'available', 1, decode(md5(i::text), 'hex'),
                    i, now(), now(), now(), now()
                FROM generate_series(1, %s) AS i
                """,
                [STONES],
            )
            cursor.execute("ANALYZE catalog_diamond")
        Diamond.objects.filter(supplier_stone_id="S-77").delete()
        stone = Diamond.objects.get(supplier_stone_id="S-78")
        stone.pk, stone.supplier_stone_id = diamond_id("nivoda-natural", "S-77"), "S-77"
        stone.certificate_number = None
        stone.save(force_insert=True)
        yield
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE catalog_diamond")


@pytest.fixture
def browser(_many: None, db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    return browser


def statements(browser: Client, query: str = "") -> list[str]:
    """The statements about diamonds that a list takes."""
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(reverse(LIST) + query).status_code == 200
    return [query["sql"] for query in captured if "catalog_diamond" in query["sql"]]


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (COSTS OFF) " + statement)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_the_whole_list_is_estimated_and_never_counted(browser: Client) -> None:
    response = browser.get(reverse(LIST))

    shown = re.search(r"about ([\d,]+)\s+diamonds", response.content.decode())
    assert shown
    assert abs(int(shown[1].replace(",", "")) - STONES) < STONES * 0.02
    counts = [statement for statement in statements(browser) if "COUNT(" in statement.upper()]
    assert len(counts) == 1
    assert f"LIMIT {COUNT_CAP + 1}" in counts[0]


def test_a_filtered_list_is_counted_up_to_the_cap(browser: Client) -> None:
    html = browser.get(reverse(LIST) + "?shape=ROUND").content.decode()

    assert f"{COUNT_CAP:,}+" in html


def test_the_list_reads_one_page_in_price_order_from_the_index(browser: Client) -> None:
    (page,) = [statement for statement in statements(browser) if "ORDER BY" in statement]

    assert "LIMIT 50" in page
    assert "diamond_price" in plan(page)
    assert "Seq Scan" not in plan(page)


@pytest.mark.parametrize("query", ["?o=9", "?o=-9"])
def test_sorting_by_price_walks_the_index_either_way(browser: Client, query: str) -> None:
    page = next(statement for statement in statements(browser, query) if "ORDER BY" in statement)

    assert "diamond_price" in plan(page)
    assert "Sort" not in plan(page)


@pytest.mark.parametrize("query", ["?o=1", "?o=2.3", "?o=11"])
def test_no_other_column_can_be_sorted_by(browser: Client, query: str) -> None:
    page = next(statement for statement in statements(browser, query) if "ORDER BY" in statement)

    assert re.findall(r"ORDER BY (.*) LIMIT", page)[0].startswith('"catalog_diamond"."price_cents" ASC') or (
        re.findall(r"ORDER BY (.*) LIMIT", page)[0].startswith('"catalog_diamond"."id"')
    )


@pytest.mark.parametrize("text", ["C500", "S-77", str(diamond_id("nivoda-natural", "S-77"))])
def test_a_search_finds_one_stone_by_index(browser: Client, text: str) -> None:
    browser_query = f"?q={text}"

    response = browser.get(reverse(LIST) + browser_query)

    assert len(response.context["cl"].result_list) == 1
    for statement in statements(browser, browser_query):
        assert "Seq Scan" not in plan(statement), statement


def test_a_search_for_nothing_known_is_empty(browser: Client) -> None:
    response = browser.get(reverse(LIST) + "?q=no%20such%20'stone")

    assert list(response.context["cl"].result_list) == []


def test_leafing_ends_at_the_last_page(browser: Client) -> None:
    last = browser.get(reverse(LIST) + f"?p={LAST_PAGE}")
    beyond = browser.get(reverse(LIST) + f"?p={LAST_PAGE + 1}")

    assert len(last.context["cl"].result_list) == 50
    assert beyond.status_code == 302


@pytest.mark.parametrize("query", ["girdle__icontains=x", "price_cents__gte=1", "_facets=True&girdle=x"])
def test_a_filter_that_no_index_serves_is_refused(browser: Client, query: str) -> None:
    assert browser.get(reverse(LIST) + f"?{query}").status_code == 400


def test_no_filter_reads_its_choices_from_the_stones(browser: Client) -> None:
    assert all("DISTINCT" not in statement.upper() for statement in statements(browser))


def test_a_list_that_takes_too_long_says_so_instead_of_failing(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diamondhub.admin.base.LIST_SECONDS", 0.001)

    # A thousandth of a second is too short for a count of ten thousand through a filter without an index.
    response = browser.get(reverse(LIST) + "?availability__exact=delisted")

    assert response.status_code == 200
    assert "takes longer than" in response.content.decode()
