"""Asking by a body, and asking for what needs a scope."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from catalog.grades import LabFinish
from catalog.tests.factories import a_diamond
from diamondhub.access.clients import create_client

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/diamonds"


def client_with(*scopes: str) -> Client:
    key = create_client(str(uuid4()), scopes=["catalog:read", *scopes]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


@pytest.fixture
def http() -> Client:
    return client_with()


def post(http: Client, body: Any) -> Any:
    return http.post(f"{ADDRESS}/search", body, content_type="application/json")


def test_a_search_by_body_answers_what_the_same_by_query_does(http: Client) -> None:
    for cents in (300, 100, 200):
        a_diamond(price_cents=cents, shape="OVAL")
    a_diamond(shape="PEAR")

    by_body = post(http, {"shape": ["oval"], "sort": "-price", "limit": 2})
    by_query = http.get(f"{ADDRESS}?shape=oval&sort=-price&limit=2")

    assert by_body.status_code == 200
    assert by_body.json()["results"] == by_query.json()["results"]
    assert by_body.json()["count"] == 3


def test_pages_of_either_way_go_on_by_the_other(http: Client) -> None:
    for cents in (300, 100, 200):
        a_diamond(price_cents=cents)

    first = post(http, {"limit": 2, "carats_min": 1.0}).json()
    second = http.get(f"{ADDRESS}?carats_min=1&cursor={first['next']}").json()

    assert [stone["price"] for stone in first["results"] + second["results"]] == ["1.00", "2.00", "3.00"]


def test_a_body_names_up_to_500_stones_and_no_more(http: Client) -> None:
    stone = a_diamond()
    a_diamond()
    ids = [str(stone.pk), *(str(uuid4()) for _ in range(499))]

    found = post(http, {"ids": ids})
    too_many = post(http, {"ids": [*ids, str(uuid4())]})

    assert [entry["id"] for entry in found.json()["results"]] == [str(stone.pk)]
    assert too_many.status_code == 400
    assert too_many.json()["errors"][0]["pointer"] == "#/ids"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"shape": "ROUND"}, "#/shape"),
        ({"shape": []}, "#/shape"),
        ({"shape": ["ROUND"] * 51}, "#/shape"),
        ({"shape": ["ROND"]}, "#/shape"),
        ({"shape": [None]}, "#/shape/0"),
        ({"color": ["FANCY"]}, "#/color/0"),
        ({"color_min": "D"}, "#/color_min"),
        ({"carats_min": 2, "carats_max": 1}, "#/carats_min"),
        ({"color_type": "white", "fancy_color": ["YELLOW"]}, "#/fancy_color"),
        ({"eye_clean": "yes"}, "#/eye_clean/0"),
        ({"lab_grown": [True]}, "#/lab_grown"),
        ({"bogus": 1}, "#/bogus"),
        ({"cursor": 7}, "#/cursor"),
    ],
)
def test_what_is_wrong_with_a_body_is_pointed_at(http: Client, body: Any, pointer: str) -> None:
    answer = post(http, body)

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


NEEDS = [
    ({"cost_min": "1"}, "catalog:cost"),
    ({"cost_per_carat_max": "1"}, "catalog:cost"),
    ({"sort": "cost"}, "catalog:cost"),
    ({"sort": "-cost_per_carat"}, "catalog:cost"),
    ({"fields": "cost"}, "catalog:cost"),
    ({"supplier": "Antwerp Stones"}, "catalog:supplier"),
    ({"fields": "supplier_name"}, "catalog:supplier"),
    ({"include": "facets", "facets": "supplier"}, "catalog:supplier"),
]


@pytest.mark.parametrize(("asked", "scope"), NEEDS)
def test_what_needs_a_scope_is_refused_without_it_and_the_scope_is_named(
    http: Client, asked: dict[str, str], scope: str
) -> None:
    a_diamond()

    answer = http.get(ADDRESS, asked)

    assert answer.status_code == 403
    assert answer.json()["type"] == "/api/problems/forbidden"
    assert scope in answer.json()["detail"]
    assert client_with(scope).get(ADDRESS, asked).status_code == 200


def test_a_cursor_by_cost_is_of_no_use_to_who_may_not_sort_by_it(http: Client) -> None:
    a_diamond()
    a_diamond()
    cursor = client_with("catalog:cost").get(f"{ADDRESS}?sort=cost&limit=1").json()["next"]

    assert http.get(f"{ADDRESS}?sort=cost&cursor={cursor}").status_code == 403
    assert http.get(f"{ADDRESS}?sort=price&cursor={cursor}").status_code == 400


def test_a_body_needs_the_same_scopes(http: Client) -> None:
    assert post(http, {"cost_max": 5}).status_code == 403
    assert post(http, {"supplier": ["A, B & C"]}).status_code == 403
    assert post(client_with("catalog:supplier"), {"supplier": ["A, B & C"]}).json()["count"] == 0


def test_ideal_is_told_from_excellent_in_answers_filters_facets_and_order(http: Client) -> None:
    for grade in (LabFinish.EXCELLENT, LabFinish.IDEAL, LabFinish.VERY_GOOD):
        a_diamond(cut=grade)

    answer = http.get(f"{ADDRESS}?sort=cut&include=facets&facets=cut").json()

    assert [stone["cut"] for stone in answer["results"]] == ["IDEAL", "EXCELLENT", "VERY_GOOD"]
    assert [(value["value"], value["count"]) for value in answer["facets"]["cut"]["values"]][:3] == [
        ("IDEAL", 1),
        ("EXCELLENT", 1),
        ("VERY_GOOD", 1),
    ]
    assert http.get(f"{ADDRESS}?cut=EXCELLENT").json()["count"] == 1
    assert http.get(f"{ADDRESS}?cut_from=EXCELLENT&cut_to=EXCELLENT").json()["count"] == 2


@pytest.mark.parametrize(
    ("sort", "column", "values"),
    [
        ("rating", "rating", [1, 9, None]),
        ("-rating", "rating", [9, 1, None]),
        ("ratio", "ratio", ["1.000", "1.500", None]),
        ("delivery", "delivery_days_max", [3, 9, None]),
        ("-delivery", "delivery_days_max", [9, 3, None]),
        ("newest", "first_seen_at", ["2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
        ("-newest", "first_seen_at", ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
        ("changed", "changed_at", ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
        ("changed_at", "changed_at", ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
        ("price_per_carat", "price_per_carat_cents", [100, 200, None]),
        ("-clarity", "clarity", [5, 1, None]),
    ],
)
def test_stones_come_in_the_order_that_is_asked_for(http: Client, sort: str, column: str, values: list[Any]) -> None:
    stones = {value: a_diamond(**{column: value}) for value in reversed(values)}

    found = http.get(f"{ADDRESS}?sort={sort}").json()["results"]

    assert [entry["id"] for entry in found] == [str(stones[value].pk) for value in values]
