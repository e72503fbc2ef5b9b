"""Looking stones up by ids, stock numbers and certificates: order, what is missing, and what is no name of any stone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from catalog.certificates import FOLDED, folded
from catalog.client_views.view import ClientView
from catalog.lookup.finding import MAX_STONES_EACH
from catalog.searching.conditions import AnyOf
from catalog.tests.factories import a_diamond
from diamondhub.access.clients import create_client

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/diamonds/lookup"


@pytest.fixture
def http() -> Client:
    key = create_client("shop", scopes=["catalog:read"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def look_up(http: Client, **body: Any) -> Any:
    return http.post(ADDRESS, body, content_type="application/json")


def answered(answer: Any) -> list[tuple[str, list[str]]]:
    assert answer.status_code == 200, answer.content
    return [(result["value"], [stone["id"] for stone in result["diamonds"]]) for result in answer.json()["results"]]


def missing(answer: Any) -> list[str]:
    return [name["value"] for name in answer.json()["missing"]]


def test_stones_stand_in_the_order_in_which_they_were_asked_for(http: Client) -> None:
    stones = [str(a_diamond(availability=state).pk) for state in ("available", "sold", "delisted")]
    nobody = str(uuid4())
    asked = [stones[2], nobody, stones[0].upper(), stones[1], stones[0]]

    answer = look_up(http, ids=asked)

    expected = [[stones[2]], [], [stones[0]], [stones[1]], [stones[0]]]
    assert answered(answer) == list(zip([identity.lower() for identity in asked], expected, strict=True))
    assert missing(answer) == [nobody]


def test_kinds_can_be_mixed_and_are_answered_one_after_the_other(http: Client) -> None:
    first, second, third = a_diamond(), a_diamond(supplier_stone_id="S 2"), a_diamond(certificate_number="77")

    answer = look_up(http, certificate_numbers=["77"], stock_numbers=["S 2"], ids=[str(first.pk)])

    kinds = [result["kind"] for result in answer.json()["results"]]
    assert kinds == ["id", "stock_number", "certificate_number"]
    assert [ids for _, ids in answered(answer)] == [[str(first.pk)], [str(second.pk)], [str(third.pk)]]


def test_a_stock_number_is_one_of_any_feed_or_of_the_feed_that_is_named(http: Client) -> None:
    natural = a_diamond(feed="nivoda-natural", supplier_stone_id="S-1", price_cents=200)
    grown = a_diamond(feed="nivoda-labgrown", supplier_stone_id="S-1", price_cents=100)

    both = look_up(http, stock_numbers=["S-1"])
    named = look_up(http, stock_numbers=["S-1", "s-1"], feed="nivoda-natural")

    assert answered(both) == [("S-1", [str(grown.pk), str(natural.pk)])]
    assert answered(named) == [("S-1", [str(natural.pk)]), ("s-1", [])]


def test_a_feed_that_there_is_not_is_told_with_the_nearest(http: Client) -> None:
    answer = look_up(http, stock_numbers=["S-1"], feed="nivoda-naturel")

    assert answer.status_code == 400
    assert "did you mean nivoda-natural?" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("written", ["LG 5678901", "lg5678901", "5678901", " 567 8901 ", "LG-5678901"])
@pytest.mark.parametrize("kept", ["LG5678901", "5678901", "lg 5678901"])
def test_certificates_are_found_in_every_spelling(http: Client, written: str, kept: str) -> None:
    stone = a_diamond(certificate_number=kept, lab="IGI")

    assert answered(look_up(http, certificate_numbers=[written])) == [(written, [str(stone.pk)])]


def test_leading_zeros_are_part_of_a_certificate_s_number(http: Client) -> None:
    a_diamond(certificate_number="0012345")

    assert missing(look_up(http, certificate_numbers=["12345", "0012345", "LG0012345"])) == ["12345"]


def test_one_certificate_names_every_stone_that_has_it_those_for_sale_first(http: Client) -> None:
    sold = a_diamond(certificate_number="9", availability="sold", price_cents=1)
    dear, cheap = (a_diamond(certificate_number="9", price_cents=cents) for cents in (300, 200))

    (result,) = look_up(http, certificate_numbers=["9"]).json()["results"]

    assert [stone["id"] for stone in result["diamonds"]] == [str(stone.pk) for stone in (cheap, dear, sold)]
    assert result["more"] is False


def test_a_number_that_is_on_many_stones_says_that_there_are_more(http: Client) -> None:
    for _ in range(MAX_STONES_EACH + 1):
        a_diamond(certificate_number="SEE IMAGE")

    (result,) = look_up(http, certificate_numbers=["see image"]).json()["results"]

    assert (len(result["diamonds"]), result["more"]) == (MAX_STONES_EACH, True)


@pytest.mark.parametrize(
    "number", ["' OR 1=1 --", "%", "_", "٢١٤١٤٣٨", "２１４１", "\\", "NULL", "é", "…", "$1", "{1,2}", "x" * 64]
)
def test_numbers_of_no_stone_are_missing_whatever_they_hold(http: Client, number: str) -> None:
    a_diamond(certificate_number="2141438")

    answer = look_up(http, certificate_numbers=[number], stock_numbers=[number])

    assert missing(answer) == [number, number]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "", "all empty or missing"),
        ({"ids": []}, "", "all empty or missing"),
        ({"ids": [], "stock_numbers": [], "certificate_numbers": []}, "", "all empty or missing"),
        ({"ids": [str(uuid4())] * 501}, "ids", "more than 500"),
        ({"ids": [str(uuid4())] * 251, "stock_numbers": ["x"] * 250}, "ids", "more than 500 stones together"),
        ({"ids": ["x"]}, "ids[0]", "must be a UUID"),
        ({"ids": [str(uuid4()), "{" + str(uuid4()) + "}"]}, "ids[1]", "must be a UUID"),
        ({"ids": ["٥c1f7a52-6b0e-5c8b-9d53-0c6a4e1f2b7d"]}, "ids[0]", "must be a UUID"),
        ({"ids": [7]}, "ids[0]", "must be a UUID"),
        ({"ids": "x"}, "ids", "must be a list of ids"),
        ({"ids": None}, "ids", "must not be null"),
        ({"stock_numbers": ["\x00"]}, "", "NUL"),
        ({"stock_numbers": ["\x07"]}, "stock_numbers[0]", "control characters"),
        ({"stock_numbers": [""]}, "stock_numbers[0]", "must not be empty"),
        ({"stock_numbers": [5]}, "stock_numbers[0]", "must be a stock number"),
        ({"certificate_numbers": ["\ud800"]}, "", "half of a surrogate pair"),
        ({"certificate_numbers": ["x" * 65]}, "certificate_numbers[0]", "longer than 64"),
        ({"certificates": ["1"]}, "certificates", "is not a field"),
        ({"certificate_number": ["1"]}, "certificate_number", "did you mean certificate_numbers?"),
        ({"ids": [str(uuid4())], "fields": ["prise"]}, "fields[0]", "did you mean price?"),
    ],
)
def test_what_cannot_be_looked_up_is_told_precisely(http: Client, body: Any, field: str, words: str) -> None:
    answer = look_up(http, **body)

    assert answer.status_code == 400, answer.content
    assert words in answer.json()["detail"]
    if field:
        assert answer.json()["errors"][0]["field"] == field


def test_500_are_answered_and_what_is_shown_can_be_chosen(http: Client) -> None:
    stone = a_diamond()

    answer = look_up(http, ids=[str(uuid4()) for _ in range(499)] + [str(stone.pk)], fields=["price"])

    assert len(missing(answer)) == 499
    assert answer.json()["results"][-1]["diamonds"] == [{"id": str(stone.pk), "price": "7000.00"}]


def test_nothing_outside_the_view_is_found_by_any_name(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = a_diamond(lab_grown=True, certificate_number="5")
    view = ClientView(key="natural", forced={"lab_grown": AnyOf("lab_grown", (False,))})
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: view)

    answer = look_up(http, ids=[str(hidden.pk)], stock_numbers=[hidden.supplier_stone_id], certificate_numbers=["5"])

    assert [ids for _, ids in answered(answer)] == [[], [], []]


def test_a_number_that_the_view_does_not_show_is_not_looked_up_by(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ClientView(key="few", fields=frozenset({"price"}))
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: view)

    answers = [look_up(http, stock_numbers=["S-1"]), look_up(http, certificate_numbers=["1"])]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "certificate_number" in answers[1].json()["detail"]


def test_the_index_serves_look_ups_and_searches_by_certificate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            f"""
            EXPLAIN SELECT id FROM catalog_diamond
            WHERE certificate_number IS NOT NULL AND {FOLDED} = ANY(ARRAY['1', '2'])
            """
        )
        plan = " ".join(line for (line,) in cursor.fetchall())

    assert "diamond_certificate_number" in plan


@given(st.text(alphabet=st.sampled_from("lLgG 01-9.ıİßé٣"), max_size=8))
def test_numbers_are_folded_alike_in_python_and_in_sql(number: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {FOLDED} FROM (SELECT %s::varchar AS certificate_number) AS certificate", [number])
        (by_database,) = cursor.fetchone()

    assert folded(number) == by_database
