"""The diamonds' API from outside: what it shows, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import combinations
from typing import Any
from unittest import mock
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.api.search import SearchQuery
from catalog.grades import Clarity, Color, FancyIntensity, Finish
from catalog.models import Diamond
from catalog.searching import names
from catalog.tests.factories import a_diamond
from diamondhub.access.clients import create_client
from diamondhub.api.problems import InvalidParameters

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/diamonds"


@pytest.fixture
def http() -> Client:
    key = create_client("shop", scopes=["catalog:read"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def refused(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_a_stone_is_shown_in_the_trades_words(http: Client) -> None:
    a_diamond(
        carats=Decimal("1.500"),
        color=Color.FANCY,
        clarity=Clarity.VVS1,
        fancy_color="YELLOW",
        fancy_intensity=FancyIntensity.FANCY_VIVID,
        cut=None,
        price_cents=1_234_50,
        price_per_carat_cents=823_00,
    )

    body = http.get(ADDRESS).json()

    assert {name: body[name] for name in ("count", "count_is_exact", "next")} == {
        "count": 1,
        "count_is_exact": True,
        "next": None,
    }
    (stone,) = body["results"]
    assert (stone["price"], stone["price_per_carat"], stone["currency"]) == ("1234.50", "823.00", "USD")
    assert (stone["color"], stone["fancy_color"], stone["fancy_intensity"]) == ("FANCY", "YELLOW", "FANCY_VIVID")
    assert (stone["clarity"], stone["cut"], stone["polish"]) == ("VVS1", None, "EXCELLENT")
    assert (stone["carats"], stone["ratio"], stone["treated"], stone["lab_grown"]) == (1.5, 1.005, None, False)
    assert stone["changed_at"] == "2026-01-02T03:04:05Z"


def test_the_sellers_secrets_are_not_shown(http: Client) -> None:
    stone = a_diamond(
        # An id by chance may have these digits.
        id=UUID(int=1),
        cost_cents=98_765_43,
        cost_per_carat_cents=87_654_32,
        rule_set=76_543,
        rule=65_432,
        raw_id=54_321,
    )

    shown = http.get(ADDRESS).content.decode() + http.get(f"{ADDRESS}/{stone.pk}").content.decode()

    hidden = {
        "supplier_name",
        "cost_cents",
        "cost_per_carat_cents",
        "rule_set",
        "rule",
        "experiment_arm",
        "priced_on",
        "payload_hash",
    }
    columns = {field.name for field in Diamond._meta.get_fields()}
    assert columns - set(json.loads(http.get(f"{ADDRESS}/{stone.pk}").content)) == hidden | {
        "raw_id",
        "price_cents",
        "price_per_carat_cents",
    }
    assert not any(number in shown for number in ("98765", "87654", "76543", "65432", "54321"))
    assert "cost" not in shown


def test_one_stone_by_its_id_whatever_its_availability(http: Client) -> None:
    stone = a_diamond(availability="delisted")

    answer = http.get(f"{ADDRESS}/{stone.pk}")

    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["availability"]) == (str(stone.pk), "delisted")


def test_a_stone_that_there_is_not_is_not_found(http: Client) -> None:
    answer = http.get(f"{ADDRESS}/{uuid4()}")

    assert answer.status_code == 404
    assert answer.json()["type"] == "/api/problems/not-found"


def test_pages_follow_each_other_by_their_cursor(http: Client) -> None:
    for cents in (300, 100, 200):
        a_diamond(price_cents=cents)

    first = http.get(f"{ADDRESS}?limit=2&sort=-price").json()
    second = http.get(f"{ADDRESS}?limit=5&sort=-price&cursor={first['next']}").json()

    assert [stone["price"] for stone in first["results"] + second["results"]] == ["3.00", "2.00", "1.00"]
    assert second["next"] is None


@pytest.mark.parametrize("other", ["sort=price", "sort=-price&color=G", "sort=-price&availability=available,sold"])
def test_a_cursor_of_another_query_is_refused(http: Client, other: str) -> None:
    a_diamond()
    a_diamond()
    cursor = http.get(f"{ADDRESS}?limit=1&sort=-price").json()["next"]

    answer = http.get(f"{ADDRESS}?{other}&cursor={cursor}")

    assert "another query" in refused(answer)["cursor"]
    assert answer.json()["type"] == "/api/problems/wrong-cursor"


@pytest.mark.parametrize("cursor", ["x", "", "x" * 501, "WzEsMl0:1xVsza:jINKP9", "%00", "é"])
def test_an_invented_cursor_is_refused(http: Client, cursor: str) -> None:
    assert "cursor" in refused(http.get(f"{ADDRESS}?cursor={quote(cursor)}"))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("order_by=price", "order_by"),
        ("_connector=OR", "_connector"),
        ("price_cents__gte=1", "price_cents__gte"),
        ("offset=10", "offset"),
        ("sort=cost_cents", "sort"),
        ("sort=price&sort=price", "sort"),
        ("sort=", "sort"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("carats_min=NaN", "carats_min"),
        ("carats_max=Infinity", "carats_max"),
        ("price_min=1e400", "price_min"),
        ("price_min=99999999999999999999", "price_min"),
        ("carats_min=2&carats_max=1", "carats_min"),
        ("price_min=2&price_max=1.99", "price_min"),
        ("clarity_min=VS2", "clarity_min"),
        ("cut_max=x", "cut_max"),
        ("color_from=D,E", "color_from"),
        ("color_from=D&color_from=E", "color_from"),
        ("carats_min=1&carats_min=1", "carats_min"),
        ("lab_grown=UNKNOWN", "lab_grown"),
        ("availability=NONE", "availability"),
        ("rating_min=11", "rating_min"),
        ("rating_min=0", "rating_min"),
        ("delivery_days_max=366", "delivery_days_max"),
        ("delivery_days_min=4&delivery_days_max=3", "delivery_days_min"),
        ("eye_clean=yes", "eye_clean"),
        ("eye_clean=", "eye_clean"),
        ("growth_method=PRESSED", "growth_method"),
        ("color_type=", "color_type"),
        ("color_type=white,fancy", "color_type"),
        ("ids=1", "ids"),
        ("ids=" + ",".join([str(uuid4())] * 51), "ids"),
        ("fancy_color=even", "fancy_color"),
        ("country=Atlantis", "country"),
        ("crown_angle_min=90.01", "crown_angle_min"),
        ("girdle=THIN", "girdle"),
        ("color=", "color"),
        ("color=ZZ", "color"),
        ("shape=" + ",".join(["ROUND"] * 51), "shape"),
        ("&".join(["shape=ROUND"] * 51), "shape"),
        ("shape=ROUND%00", "shape"),
        ("shape=%ED%A0%80", "query"),
        ("shape=" + "A" * 41, "shape"),
        ("lab=" + "A" * 33, "lab"),
        ("certificate_number=" + "1" * 65, "certificate_number"),
        ("lab_grown=1", "lab_grown"),
        ("availability=gone", "availability"),
        ("changed_since=yesterday", "changed_since"),
    ],
)
def test_a_wrong_parameter_is_named(http: Client, query: str, field: str) -> None:
    assert list(refused(http.get(f"{ADDRESS}?{query}"))) == [field]


def test_the_edges_of_every_bound_reach_the_database_unharmed(http: Client) -> None:
    edges = {
        "price_max": "1000000000", "carats_max": "99999.999", "table_max": "9999.99", "ratio_max": "9999.999",
        "certificate_number": "A" * 64, "rating_max": "10", "return_days_min": "365",
        "changed_since": "2999-12-31T23:59:59.999999-14:00", "limit": "100",
    }  # fmt: skip

    for name, value in edges.items():
        assert http.get(ADDRESS, {name: value}).status_code == 200, name
    for name, value in {"shape": "A" * 40, "lab": "A" * 32, "fancy_color": "A" * 64, "country": "A" * 80}.items():
        assert "no stone has" in refused(http.get(ADDRESS, {name: value}))[name]


@pytest.mark.parametrize(
    "offset", ["%2B15:59", "-15:59", "%2B16:00", "-16:00", "%2B23:59", "-23:59", "%2B24:00", "%2B99:99"]
)
def test_a_time_with_any_offset_is_read_or_refused(http: Client, offset: str) -> None:
    answer = http.get(f"{ADDRESS}?changed_since=2026-01-01T00:00:00{offset}")

    assert answer.status_code == (200 if "15:59" in offset else 400)


@pytest.mark.parametrize(
    ("query", "field", "hint"),
    [
        ("shape=ROND", "shape", "did you mean ROUND?"),
        ("shape=ROUND,ROND", "shape", "names ROND, which no stone has; did you mean ROUND?"),
        ("lab=IGL", "lab", "did you mean IGI?"),
        ("lab=XQ9", "lab", "names XQ9, which no stone has"),
        ("color=FANCY", "color", "say color_type=fancy"),
        ("color=d,fcy", "color", "say color_type=fancy"),
        ("color_to=fancy", "color_to", "say color_type=fancy"),
        ("color_min=D", "color_min", "say color_from and color_to"),
        ("clarity_max=LC", "clarity_max", "say clarity_from and clarity_to"),
        ("fancy_color=YELOW", "fancy_color", "did you mean YELLOW?"),
        ("country=Bostwana", "country", "did you mean Botswana?"),
        ("availability=avaliable", "availability", "did you mean available?"),
    ],
)
def test_a_name_that_there_is_not_is_told_with_the_nearest(http: Client, query: str, field: str, hint: str) -> None:
    assert hint in refused(http.get(f"{ADDRESS}?{query}"))[field]


def test_looking_for_a_strange_name_ends_when_a_search_would(http: Client) -> None:
    def dawdle(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "DISTINCT" in sql:
            return execute("SELECT pg_sleep(30)", (), False, context)
        return execute(sql, params, many, context)

    with mock.patch.object(names, "SEARCH_SECONDS", 0.05), connection.execute_wrapper(dawdle):
        answer = http.get(f"{ADDRESS}?lab=XQ9")

    assert answer.status_code == 503
    assert answer.json()["type"] == "/api/problems/too-slow"


def test_names_that_only_the_catalogue_has_are_known(http: Client) -> None:
    stone = a_diamond(shape="CRISSCUT", lab="HOUSE_LAB")

    for query in ("shape=CRISSCUT", "lab=HOUSE_LAB"):
        assert [found["id"] for found in http.get(f"{ADDRESS}?{query}").json()["results"]] == [str(stone.pk)]


@pytest.mark.parametrize("query", ["cut=EX", "color_type=Fancy", "shape=rb", "shape=ROUND_BRILLIANT", "clarity_to=LC"])
def test_other_spellings_of_the_trade_are_read(http: Client, query: str) -> None:
    stone = a_diamond(cut=Finish.EXCELLENT, color=Color.FANCY, shape="ROUND", clarity=Clarity.IF)

    assert [found["id"] for found in http.get(f"{ADDRESS}?{query}").json()["results"]] == [str(stone.pk)]


def mistakes_of(query: dict[str, str]) -> list[str]:
    try:
        SearchQuery.read(RequestFactory().get(ADDRESS, query))
    except InvalidParameters as error:
        return [mistake.message for mistake in error.errors]
    return []


def test_any_two_filters_can_be_asked_for_together_unless_no_stone_can_meet_both(http: Client) -> None:
    """A list of grades was compared with the upper end of their range, and failed."""
    a_diamond(color=Color.G, clarity=Clarity.VS1)
    a_diamond(color=Color.K, clarity=Clarity.VS1)
    grades = ("G", "VS1", "EXCELLENT", "NONE", "FANCY_VIVID", "MEDIUM", "SLIGHT")
    samples = ("ROUND", *grades, "1", "true", "available", "GIA", "price", "2026-01-01T00:00:00Z")
    others = ("CVD", "white", "BLUE", "India", "YELLOW", "FAINT", str(uuid4()), "slim", "certificate", "facets", "USD")

    # These two are refused together with others, and say so.
    names = [name for name in map(str, SearchQuery.shared().fields) if name not in {"fields", "facets"}]
    taken = {name: next(value for value in samples + others if not mistakes_of({name: value})) for name in names}
    for first, second in combinations(taken, 2):
        for message in mistakes_of({first: taken[first], second: taken[second]}):
            assert "never matches together with" in message
    assert http.get(f"{ADDRESS}?color=G&color_to=J").json()["count"] == 1
    assert http.get(f"{ADDRESS}?clarity=VS1&clarity_to=SI1").json()["count"] == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("color_type=white&fancy_color=YELLOW", "fancy_color"),
        ("color_type=white&fancy_intensity_from=FANCY", "fancy_intensity_from"),
        ("color_type=fancy&color=D", "color"),
        ("color_type=fancy&color_to=G", "color_to"),
        ("color=D,E&fancy_color=YELLOW", "fancy_color"),
        ("lab_grown=false&growth_method=CVD", "growth_method"),
        ("color=D&color_from=E", "color"),
        ("color=D,E&color_from=H&color_to=F", "color"),
        ("cut=NONE&cut_to=GOOD", "cut"),
        ("cut=IDEAL&cut_from=VERY_GOOD", "cut"),
    ],
)
def test_filters_that_no_stone_can_meet_together_are_a_mistake(http: Client, query: str, field: str) -> None:
    assert "never matches together with" in refused(http.get(f"{ADDRESS}?{query}"))[field]


@pytest.mark.parametrize(
    "query",
    [
        "color_type=white&fancy_color=NONE",
        "color_type=fancy&color=NONE,D",
        "color=D&fancy_intensity=NONE,FANCY",
        "lab_grown=false&growth_method=NONE,CVD",
        "color=D,K&color_to=E",
        "cut=IDEAL&cut_from=EXCELLENT&cut_to=EXCELLENT",
    ],
)
def test_filters_that_some_stone_can_meet_together_are_none(http: Client, query: str) -> None:
    assert http.get(f"{ADDRESS}?{query}").status_code == 200


NAMES = st.sampled_from(list(SearchQuery.shared().fields))
VALUES = st.text(max_size=12) | st.sampled_from(["0", "1", "1.5", "true", "D", "ROUND,OVAL", "VS1", "price", "-carats"])


@settings(max_examples=80)
@given(pairs=st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_no_query_is_a_fault_of_ours(pairs: list[tuple[str, str]]) -> None:
    http = Client(headers={"X-API-Key": _key()}, raise_request_exception=False)

    answer = http.get(f"{ADDRESS}?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs))

    assert answer.status_code in {200, 400, 403}, answer.content


def _key() -> str:
    return create_client(str(uuid4()), scopes=["catalog:read"]).text


def test_head_and_options_are_answered(http: Client) -> None:
    assert http.head(ADDRESS).status_code == 200
    assert http.options(ADDRESS).status_code == 200


def test_with_redis_away_searches_are_answered(http: Client, settings: Any) -> None:
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}

    assert http.get(ADDRESS).status_code == 200
