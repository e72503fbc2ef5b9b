"""Searching: every filter finds what it says, and paging shows each stone once and in order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.api.search import SearchQuery
from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from catalog.models import DatasetVersion, Diamond
from catalog.searching import database, pages
from catalog.searching.filters import FILTERS
from catalog.searching.pages import Page, Search, search, whole
from catalog.searching.sorts import SORTS
from catalog.tests.factories import SEEN, a_diamond, build_diamond

pytestmark = pytest.mark.django_db


def find(query: str) -> Page[Diamond]:
    request = HttpRequest()
    request.META["QUERY_STRING"] = query
    values = SearchQuery.read(request)
    return search(Search({name: values[name] for name in values if name not in {"sort", "limit", "cursor"}}), whole)


#: For each query, the stone that it finds and one that it does not.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("shape=PEAR,OVAL", {"shape": "OVAL"}, {"shape": "ROUND"}),
    ("carats_min=1.5", {"carats": Decimal("1.5")}, {"carats": Decimal("1.499")}),
    ("carats_max=1.5", {"carats": Decimal("1.5")}, {"carats": Decimal("1.501")}),
    ("color=D,E", {"color": Color.E}, {"color": Color.F}),
    ("color_min=F", {"color": Color.F}, {"color": Color.E}),
    ("color_max=F", {"color": Color.F}, {"color": Color.G}),
    ("clarity_min=IF&clarity_max=VVS2", {"clarity": Clarity.VVS1}, {"clarity": Clarity.FL}),
    ("cut=VERY_GOOD", {"cut": Finish.VERY_GOOD}, {"cut": None}),
    ("polish_max=VERY_GOOD", {"polish": Finish.VERY_GOOD}, {"polish": Finish.GOOD}),
    ("symmetry=GOOD", {"symmetry": Finish.GOOD}, {"symmetry": Finish.FAIR}),
    (
        "fluorescence_max=FAINT",
        {"fluorescence_intensity": Fluorescence.FAINT},
        {"fluorescence_intensity": Fluorescence.MEDIUM},
    ),
    ("lab=IGI", {"lab": "IGI"}, {"lab": "GIA"}),
    ("lab_grown=true", {"lab_grown": True}, {"lab_grown": False}),
    ("fancy_color=YELLOW", {"fancy_color": "YELLOW"}, {"fancy_color": None}),
    ("fancy_intensity=FANCY_VIVID", {"fancy_intensity": FancyIntensity.FANCY_VIVID}, {"fancy_intensity": None}),
    ("price_min=100.01", {"price_cents": 100_01}, {"price_cents": 100_00}),
    ("price_max=100", {"price_cents": 100_00}, {"price_cents": 100_01}),
    ("price_per_carat_max=100", {"price_per_carat_cents": 100_00}, {"price_per_carat_cents": None}),
    ("table_min=57&table_max=58.5", {"table_pct": Decimal("58.5")}, {"table_pct": Decimal("58.51")}),
    ("depth_max=60", {"depth_pct": Decimal("60")}, {"depth_pct": Decimal("60.01")}),
    ("ratio_min=1.4", {"ratio": Decimal("1.4")}, {"ratio": Decimal("1.399")}),
    ("certificate_number=77", {"certificate_number": "77"}, {"certificate_number": "777"}),
    ("feed=nivoda-labgrown", {"feed": "nivoda-labgrown"}, {"feed": "nivoda-natural"}),
    ("has_image=true", {"image_url": "https://x.example/1"}, {"image_url": None}),
    ("has_image=false", {"image_url": None}, {"image_url": "https://x.example/1"}),
    ("has_video=true", {"video_url": "https://x.example/1"}, {"video_url": None}),
    ("changed_since=2026-01-02T03:04:05Z", {"changed_at": SEEN}, {"changed_at": SEEN - timedelta(microseconds=1)}),
    ("availability=sold,on_hold", {"availability": "sold"}, {"availability": "available"}),
    ("", {"availability": "available"}, {"availability": "delisted"}),
]


@pytest.mark.parametrize(("query", "found", "missed"), CASES)
def test_a_filter_finds_what_it_says(query: str, found: dict[str, Any], missed: dict[str, Any]) -> None:
    stone = a_diamond(**found)
    a_diamond(**missed)

    page = find(query)

    assert [diamond.pk for diamond in page.diamonds] == [stone.pk]
    assert (page.count, page.count_is_exact, page.next_cursor) == (1, True, None)


def test_every_filter_is_tried_by_a_query() -> None:
    names = {known.name.removesuffix("_min").removesuffix("_max") for known in FILTERS}

    tried = {
        part.partition("=")[0].removesuffix("_min").removesuffix("_max") for c in CASES for part in c[0].split("&")
    }

    assert names <= tried


def test_filters_hold_together() -> None:
    stone = a_diamond(color=Color.D, shape="OVAL")
    a_diamond(color=Color.D)
    a_diamond(shape="OVAL")

    page = find("color=D&shape=OVAL")

    assert [diamond.pk for diamond in page.diamonds] == [stone.pk]


def test_a_page_says_the_version_of_the_catalogue() -> None:
    version = DatasetVersion.bump("test")

    assert find("").dataset_version == version


def test_the_count_is_exact_up_to_the_cap_and_a_lower_bound_beyond() -> None:
    for _ in range(4):
        a_diamond()

    with mock.patch.object(database, "COUNT_CAP", 4):
        at_the_cap = find("")
    with mock.patch.object(database, "COUNT_CAP", 3):
        beyond = find("")

    assert (at_the_cap.count, at_the_cap.count_is_exact) == (4, True)
    assert (beyond.count, beyond.count_is_exact, len(beyond.diamonds)) == (3, False, 4)


def test_a_broad_search_walks_the_price_index_in_both_directions() -> None:
    Diamond.objects.bulk_create(build_diamond(price_cents=number + 1) for number in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")
    plans = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "NOT MATERIALIZED" in sql:
            with context["connection"].connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql, params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    with mock.patch.object(database, "COUNT_CAP", 10), connection.execute_wrapper(explain):
        for sort in ("price", "-price"):
            first = search(Search({}, sort=sort), whole)
            search(Search({}, sort=sort, cursor=first.next_cursor), whole)

    assert len(plans) == 4
    assert all("diamond_price" in plan and "Seq Scan" not in plan for plan in plans)


def test_a_search_that_takes_too_long_is_given_up() -> None:
    def dawdle(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "hits" in sql:
            return execute("SELECT pg_sleep(30)", (), False, context)
        return execute(sql, params, many, context)

    with (
        mock.patch.object(pages, "SEARCH_SECONDS", 0.05),
        connection.execute_wrapper(dawdle),
        pytest.raises(OperationalError, match="statement timeout"),
    ):
        search(Search({}), whole)


few_cents = st.integers(1, 4)
STONES = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids(),
            "price_cents": few_cents,
            "price_per_carat_cents": st.none() | few_cents,
            "carats": st.none() | st.sampled_from([Decimal("0.5"), Decimal("0.501"), Decimal("1")]),
            "color": st.none() | st.integers(1, 3),
            "clarity": st.none() | st.integers(1, 3),
            "changed_at": st.sampled_from([SEEN, SEEN + timedelta(microseconds=1), SEEN + timedelta(days=1)]),
            "availability": st.sampled_from(["available", "available", "available", "sold"]),
        }
    ),
    max_size=25,
    unique_by=lambda stone: stone["id"],
)


def expected(stones: list[Diamond], sort: str) -> list[Any]:
    """The same order in plain Python: nulls last, ties by id, both the way of the sort."""
    order = SORTS[sort]
    shown = [stone for stone in stones if stone.availability == "available"]
    known = [stone for stone in shown if getattr(stone, order.column) is not None]
    unknown = [stone for stone in shown if getattr(stone, order.column) is None]
    known.sort(key=lambda stone: (getattr(stone, order.column), stone.pk), reverse=order.descending)
    unknown.sort(key=lambda stone: stone.pk, reverse=order.descending)
    return [stone.pk for stone in known + unknown]


@settings(max_examples=60)
@given(
    stones=STONES,
    sort=st.sampled_from(sorted(SORTS)),
    limits=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    cap=st.sampled_from([0, 1, 5, 10_000]),
)
def test_paging_shows_every_stone_once_and_in_order(
    stones: list[dict[str, Any]], sort: str, limits: list[int], cap: int
) -> None:
    with transaction.atomic():
        saved = Diamond.objects.bulk_create(build_diamond(**stone) for stone in stones)
        seen: list[Any] = []
        cursor = None
        turn = 0

        with mock.patch.object(database, "COUNT_CAP", cap):
            while True:
                limit = limits[turn % len(limits)]
                page = search(Search({"availability": ("available",)}, sort=sort, limit=limit, cursor=cursor), whole)
                assert len(page.diamonds) <= limit
                seen += [diamond.pk for diamond in page.diamonds]
                cursor, turn = page.next_cursor, turn + 1
                if cursor is None:
                    break

        assert seen == expected(saved, sort)
        transaction.set_rollback(True)
