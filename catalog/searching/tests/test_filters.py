"""What filters mean: the same in SQL and in plain Python, however they are put together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpRequest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.api.search import SearchBody, SearchQuery
from catalog.columns import (
    COLUMNS,
    Address,
    Chosen,
    Column,
    Counted,
    Flag,
    Graded,
    Identity,
    Listed,
    Measured,
    Money,
    Named,
    Time,
)
from catalog.models import Diamond
from catalog.searching.conditions import All, holds
from catalog.searching.filters import FILTERS, Filter, conditions, normal
from catalog.searching.sql import to_q
from catalog.tests.factories import SEEN, build_diamond

_COLUMNS = {column.source: column for column in COLUMNS}
IDS = [UUID(int=number << 90) for number in range(1, 5)]
MEASURES = [Decimal("0"), Decimal("1.5"), Decimal("2.25"), Decimal("3")]
NUMBERS = [1, 2, 100, 250]
MOMENTS = [SEEN, SEEN + timedelta(microseconds=1), SEEN + timedelta(days=1)]


def some(column: Column) -> list[Any]:
    """Few values of a column, so that stones and filters meet often."""
    match column.kind:
        case Identity():
            return list(IDS)
        case Listed() if column.name == "certificate_number":
            return ["77123", "LG77123", "78123", "LG 77123", "0000000"]
        case Listed():
            return ["nivoda-natural", "nivoda-labgrown"]
        case Named(known=known):
            return list(known[:3]) or ["A & B", "C"]
        case Chosen(values=values):
            return list(values[:3])
        case Graded() as kind:
            return [int(grade) for grade in (*kind.scale[:3], *list(kind.grades)[-1:])]
        case Measured():
            return list(MEASURES)
        case Counted() | Money():
            return [number for number in NUMBERS if not isinstance(column.kind, Counted) or number <= column.kind.high]
        case Flag():
            return [True, False]
        case Address():
            return ["https://x.example/1"]
        case Time():
            return list(MOMENTS)
    raise AssertionError(column)


ASKED = {column.source: column for column in COLUMNS if column.asked}


@st.composite
def stones(draw: st.DrawFn) -> Diamond:
    values: dict[str, Any] = {}
    for source, column in ASKED.items():
        if column.name == "id":
            continue
        options = st.sampled_from(some(column))
        values[source] = draw(st.none() | options if column.nullable else options)
    return build_diamond(**values)


def value_for(known: Filter) -> st.SearchStrategy[Any]:
    column = _COLUMNS[known.column]
    if known.attribute == "color_type":
        return st.sampled_from(["white", "fancy"])
    if known.name == column.asked and isinstance(column.kind, Flag | Address):
        truth: st.SearchStrategy[Any] = st.booleans()
        if isinstance(column.kind, Flag) and column.nullable:
            return st.lists(truth | st.none(), min_size=1, max_size=3).map(tuple)
        return truth
    values = st.sampled_from(some(column))
    if known.name != column.asked or isinstance(column.kind, Time):
        return values
    return st.lists(values | st.none() if column.nullable else values, min_size=1, max_size=3).map(tuple)


@st.composite
def asked(draw: st.DrawFn) -> Mapping[str, Any]:
    chosen = draw(st.lists(st.sampled_from(FILTERS), max_size=3, unique=True))
    return {known.name: draw(value_for(known)) for known in chosen}


class BothEvaluators(TestCase):
    """Conditions in SQL, and in plain Python."""

    @settings(max_examples=60)
    @given(
        given_stones=st.lists(stones(), min_size=1, max_size=4),
        ids=st.permutations(IDS),
        queries=st.lists(asked(), min_size=1, max_size=8),
    )
    def test_they_find_the_same_stones_whatever_is_asked(
        self, given_stones: list[Diamond], ids: list[UUID], queries: list[Mapping[str, Any]]
    ) -> None:
        for stone, identity in zip(given_stones, ids, strict=False):
            stone.pk = identity
        Diamond.objects.bulk_create(given_stones)

        for query in queries:
            condition = All(tuple(conditions(query).values()))
            by_python = {stone.pk for stone in given_stones if holds(condition, partial(getattr, stone))}
            assert set(Diamond.objects.filter(to_q(condition)).values_list("pk", flat=True)) == by_python, query
        Diamond.objects.all().delete()

    @settings(max_examples=25)
    @given(known=st.sampled_from([known for known in FILTERS if known.name.endswith("_from")]), data=st.data())
    def test_a_range_of_grades_means_the_same_in_either_order(self, known: Filter, data: st.DataObject) -> None:
        other = known.name.removesuffix("_from") + "_to"
        first, second = (data.draw(value_for(known)) for _ in range(2))

        assert conditions({known.name: first, other: second}) == conditions({known.name: second, other: first})


def by_query(query: str) -> dict[str, Any]:
    request = HttpRequest()
    request.META["QUERY_STRING"] = query
    return SearchQuery.read(request)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("shape=rb,oval", {"shape": ["ROUND", "OVAL", "oval"]}),
        ("shape=rb&shape=oval", {"shape": ["OVAL", "rb"]}),
        ("carats_min=1.50", {"carats_min": 1.5}),
        ("price_max=1234.5", {"price_max": "1234.50"}),
        ("color_from=G&color_to=D", {"color_from": "D", "color_to": "g"}),
        ("eye_clean=true", {"eye_clean": True}),
        ("eye_clean=unknown,false", {"eye_clean": [False, "UNKNOWN"]}),
        ("lab_grown=false", {"lab_grown": False}),
        ("cut=EX,NONE", {"cut": ["none", "excellent"]}),
        ("ids=" + str(IDS[0]).upper(), {"ids": [str(IDS[0])]}),
        ("sort=-newest&limit=7", {"sort": "-newest", "limit": 7}),
        ("", {}),
    ],
)
@pytest.mark.django_db
def test_a_body_asks_what_a_query_asks(query: str, body: dict[str, Any]) -> None:
    assert by_query(query) == SearchBody.read(body)


def test_what_is_normal_stays_so() -> None:
    tidy = normal({"color_from": 4, "color_to": 1, "carats_min": Decimal("1.500")})

    assert tidy == normal(tidy) == {"color_from": 1, "color_to": 4, "carats_min": Decimal("1.5")}
    assert str(tidy["carats_min"]) == "1.5"
