"""Searching: every filter finds what it says, and paging shows each stone once and in order."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.api.search import SearchQuery
from catalog.grades import (
    Bowtie,
    Clarity,
    Color,
    CuletSize,
    FancyIntensity,
    Finish,
    Fluorescence,
    GirdleThickness,
    LabFinish,
)
from catalog.models import Diamond
from catalog.searching import database, pages
from catalog.searching.filters import FILTERS
from catalog.searching.pages import Page, Search, search, whole
from catalog.searching.sorts import SORTS
from catalog.tests.factories import SEEN, a_diamond, build_diamond, committed

pytestmark = pytest.mark.django_db


IDS = [UUID(int=1), UUID(int=0xABC << 100)]


def find(query: str) -> Page[Diamond]:
    request = HttpRequest()
    request.META["QUERY_STRING"] = query
    values = SearchQuery.read(request)
    return search(Search({name: values[name] for name in values if name not in {"sort", "limit", "cursor"}}), whole)


#: For each query, the stone that it finds and one that it does not.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (f"ids={IDS[0]}", {"id": IDS[0]}, {"id": IDS[1]}),
    ("shape=PEAR,OVAL", {"shape": "OVAL"}, {"shape": "ROUND"}),
    ("shape=cushion%20modified", {"shape": "CUSHION_MODIFIED"}, {"shape": "CUSHION"}),
    ("shape=NONE", {"shape": None}, {"shape": "ROUND"}),
    ("carats_min=1.5", {"carats": Decimal("1.5")}, {"carats": Decimal("1.499")}),
    ("carats_max=1.5", {"carats": Decimal("1.5")}, {"carats": Decimal("1.501")}),
    ("color=D,E", {"color": Color.E}, {"color": Color.F}),
    ("color=D&color=E", {"color": Color.E}, {"color": Color.F}),
    ("color=d,unknown", {"color": None}, {"color": Color.FANCY}),
    ("color_from=F", {"color": Color.F}, {"color": Color.E}),
    ("color_from=F", {"color": Color.Z}, {"color": Color.FANCY}),
    ("color_to=F", {"color": Color.F}, {"color": Color.G}),
    ("color_from=G&color_to=D", {"color": Color.E}, {"color": Color.H}),
    ("color_type=white", {"color": Color.Z}, {"color": Color.FANCY}),
    ("color_type=white", {"color": Color.D}, {"color": None}),
    ("color_type=fancy", {"color": Color.FANCY}, {"color": Color.D}),
    ("clarity_from=IF&clarity_to=VVS2", {"clarity": Clarity.VVS1}, {"clarity": Clarity.FL}),
    ("clarity_from=vvs-2&clarity_to=IF", {"clarity": Clarity.VVS1}, {"clarity": Clarity.FL}),
    ("clarity=P1", {"clarity": Clarity.I1}, {"clarity": Clarity.I2}),
    ("cut=VERY_GOOD", {"cut": Finish.VERY_GOOD}, {"cut": None}),
    ("cut=EXCELLENT", {"cut": LabFinish.EXCELLENT}, {"cut": LabFinish.IDEAL}),
    ("cut=id", {"cut": LabFinish.IDEAL}, {"cut": LabFinish.EXCELLENT}),
    ("cut=EXCELLENT,NONE", {"cut": None}, {"cut": LabFinish.IDEAL}),
    ("cut_from=EXCELLENT", {"cut": LabFinish.IDEAL}, {"cut": None}),
    ("cut_from=Ex&cut_to=VG", {"cut": LabFinish.IDEAL}, {"cut": LabFinish.GOOD}),
    ("cut_to=EX", {"cut": LabFinish.IDEAL}, {"cut": LabFinish.VERY_GOOD}),
    ("cut_from=VG&cut_to=G", {"cut": LabFinish.GOOD}, {"cut": LabFinish.EXCELLENT}),
    ("cut=IDEAL&cut_from=EX&cut_to=EX", {"cut": LabFinish.IDEAL}, {"cut": LabFinish.EXCELLENT}),
    ("polish_to=VERY_GOOD", {"polish": Finish.VERY_GOOD}, {"polish": Finish.GOOD}),
    ("symmetry=GOOD", {"symmetry": Finish.GOOD}, {"symmetry": Finish.FAIR}),
    (
        "fluorescence_to=FAINT",
        {"fluorescence_intensity": Fluorescence.FAINT},
        {"fluorescence_intensity": Fluorescence.MEDIUM},
    ),
    (
        "fluorescence=none,Very%20Strong",
        {"fluorescence_intensity": Fluorescence.VERY_STRONG},
        {"fluorescence_intensity": None},
    ),
    ("fluorescence=NONE", {"fluorescence_intensity": Fluorescence.NONE}, {"fluorescence_intensity": None}),
    ("fluorescence=UNKNOWN", {"fluorescence_intensity": None}, {"fluorescence_intensity": Fluorescence.NONE}),
    ("fluorescence_color=bl", {"fluorescence_color": "BLUE"}, {"fluorescence_color": "YELLOW"}),
    ("lab=IGI", {"lab": "IGI"}, {"lab": "GIA"}),
    ("lab=g.i.a.,none", {"lab": None}, {"lab": "IGI"}),
    ("lab_grown=true", {"lab_grown": True}, {"lab_grown": False}),
    ("growth_method=cvd", {"growth_method": "CVD"}, {"growth_method": "HPHT"}),
    ("fancy_color=YELLOW", {"fancy_color": "YELLOW"}, {"fancy_color": None}),
    ("fancy_color=orange-brown", {"fancy_color": "BROWN_ORANGE"}, {"fancy_color": "BROWN"}),
    ("fancy_intensity=FANCY_VIVID", {"fancy_intensity": FancyIntensity.FANCY_VIVID}, {"fancy_intensity": None}),
    (
        "fancy_intensity_from=intense&fancy_intensity_to=FANCY_LIGHT",
        {"fancy_intensity": FancyIntensity.FANCY},
        {"fancy_intensity": FancyIntensity.FANCY_VIVID},
    ),
    ("fancy_overtone=Orangish", {"fancy_overtone": "ORANGISH"}, {"fancy_overtone": "BROWNISH"}),
    ("price_min=100.01", {"price_cents": 100_01}, {"price_cents": 100_00}),
    ("price_max=100", {"price_cents": 100_00}, {"price_cents": 100_01}),
    ("price_per_carat_max=100", {"price_per_carat_cents": 100_00}, {"price_per_carat_cents": None}),
    ("cost_max=100", {"cost_cents": 100_00}, {"cost_cents": 100_01}),
    ("cost_per_carat_min=100", {"cost_per_carat_cents": 100_00}, {"cost_per_carat_cents": None}),
    ("supplier=Antwerp%20Stones", {"supplier_name": "Antwerp Stones"}, {"supplier_name": "Antwerp"}),
    ("rating_min=7", {"rating": 7}, {"rating": 6}),
    ("rating_max=7", {"rating": 7}, {"rating": None}),
    ("table_min=57&table_max=58.5", {"table_pct": Decimal("58.5")}, {"table_pct": Decimal("58.51")}),
    ("depth_max=60", {"depth_pct": Decimal("60")}, {"depth_pct": Decimal("60.01")}),
    ("ratio_min=1.4", {"ratio": Decimal("1.4")}, {"ratio": Decimal("1.399")}),
    ("length_mm_min=6.5", {"length_mm": Decimal("6.5")}, {"length_mm": Decimal("6.49")}),
    ("width_mm_max=6.5", {"width_mm": Decimal("6.5")}, {"width_mm": Decimal("6.51")}),
    ("depth_mm_max=4", {"depth_mm": Decimal("4")}, {"depth_mm": None}),
    ("crown_angle_min=34&crown_angle_max=35", {"crown_angle": Decimal("34.5")}, {"crown_angle": Decimal("35.01")}),
    ("crown_height_max=15", {"crown_height": Decimal("15")}, {"crown_height": Decimal("15.5")}),
    ("pavilion_angle_max=41", {"pavilion_angle": Decimal("40.8")}, {"pavilion_angle": Decimal("41.2")}),
    ("pavilion_depth_min=43", {"pavilion_depth": Decimal("43")}, {"pavilion_depth": Decimal("42.5")}),
    (
        "girdle_from=THN&girdle_to=slightly%20thick",
        {"girdle_from": GirdleThickness.THIN, "girdle_to": GirdleThickness.MEDIUM},
        {"girdle_from": GirdleThickness.VERY_THIN, "girdle_to": GirdleThickness.MEDIUM},
    ),
    (
        "girdle_from=STK&girdle_to=THN",
        {"girdle_from": GirdleThickness.THIN, "girdle_to": GirdleThickness.MEDIUM},
        {"girdle_from": GirdleThickness.MEDIUM, "girdle_to": GirdleThickness.THICK},
    ),
    ("culet=pointed", {"culet_size": CuletSize.NONE}, {"culet_size": None}),
    ("culet_to=SMALL", {"culet_size": CuletSize.VERY_SMALL}, {"culet_size": CuletSize.MEDIUM}),
    ("eye_clean=true", {"eye_clean": True}, {"eye_clean": False}),
    ("brown=false,UNKNOWN", {"brown": None}, {"brown": True}),
    ("green=false", {"green": False}, {"green": None}),
    ("blue=true,false", {"blue": True}, {"blue": None}),
    ("gray=false", {"gray": False}, {"gray": True}),
    ("milky=UNKNOWN", {"milky": None}, {"milky": False}),
    ("bowtie_to=SLIGHT", {"bowtie": Bowtie.NONE}, {"bowtie": Bowtie.MEDIUM}),
    ("bowtie=NONE", {"bowtie": Bowtie.NONE}, {"bowtie": None}),
    ("treated=false", {"treated": False}, {"treated": True}),
    ("country=south%20africa", {"country_of_origin": "South Africa"}, {"country_of_origin": "Angola"}),
    ("location=U.S.A.", {"location_country": "USA"}, {"location_country": None}),
    ("delivery_days_max=5", {"delivery_days_max": 5}, {"delivery_days_max": 6}),
    ("delivery_days_min=3", {"delivery_days_min": 3}, {"delivery_days_min": 2}),
    ("return_days_min=14", {"return_days": 14}, {"return_days": 7}),
    ("certificate_number=77", {"certificate_number": "77"}, {"certificate_number": "777"}),
    ("certificate_number=lg%2077", {"certificate_number": "LG77"}, {"certificate_number": "LG777"}),
    ("certificate_number=LG77", {"certificate_number": "77"}, {"certificate_number": "7"}),
    ("feed=nivoda-labgrown", {"feed": "nivoda-labgrown"}, {"feed": "nivoda-natural"}),
    ("has_image=true", {"image_url": "https://x.example/1"}, {"image_url": None}),
    ("has_image=false", {"image_url": None}, {"image_url": "https://x.example/1"}),
    ("has_video=true", {"video_url": "https://x.example/1"}, {"video_url": None}),
    ("changed_since=2026-01-02T03:04:05Z", {"changed_at": SEEN}, {"changed_at": SEEN - timedelta(microseconds=1)}),
    ("first_seen_since=2026-01-02T03:04:05Z", {"first_seen_at": SEEN}, {"first_seen_at": SEEN - timedelta(days=1)}),
    ("availability=sold,on_hold", {"availability": "sold"}, {"availability": "available"}),
    ("availability=ON%20HOLD", {"availability": "on_hold"}, {"availability": "sold"}),
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
    ends = re.compile("_(min|max|from|to)$")

    tried = {ends.sub("", part.partition("=")[0]) for case in CASES for part in case[0].split("&")}

    assert {ends.sub("", known.name) for known in FILTERS} <= tried


def test_filters_hold_together() -> None:
    stone = a_diamond(color=Color.D, shape="OVAL")
    a_diamond(color=Color.D)
    a_diamond(shape="OVAL")

    page = find("color=D&shape=OVAL")

    assert [diamond.pk for diamond in page.diamonds] == [stone.pk]


def test_a_page_says_the_version_of_the_catalogue() -> None:
    a_diamond()
    version = committed()

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


@pytest.mark.parametrize("filters", [{"ids": (IDS[0],)}, {"certificate_number": ("C-77",)}])
def test_stones_that_are_named_are_read_by_their_keys(filters: dict[str, Any]) -> None:
    stone = a_diamond(id=IDS[0], certificate_number="C-77")
    Diamond.objects.bulk_create(build_diamond() for _ in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")
    plans = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "catalog_diamond" in sql:
            with context["connection"].connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql, params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        page = search(Search(filters), whole)

    assert [diamond.pk for diamond in page.diamonds] == [stone.pk]
    assert plans
    assert all("Seq Scan" not in plan for plan in plans)


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
