"""The vocabulary: what it says of searches is what they take."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from catalog.api.search import SearchQuery
from catalog.columns import needs
from catalog.facets.table import ATTRIBUTES
from catalog.searching.filters import FILTERS
from catalog.searching.sorts import SORTS
from catalog.tests.factories import a_diamond
from diamondhub.access.clients import create_client

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds/vocabulary"


@pytest.fixture
def http() -> Client:
    return Client(headers={"X-API-Key": create_client("shop", scopes=["catalog:read"]).text})


def described(http: Client, name: str) -> dict[str, Any]:
    (entry,) = [entry for entry in http.get(ADDRESS).json()["filters"] if entry["name"] == name]
    return dict(entry)


def test_it_names_every_filter_sort_and_facet_with_the_scope_that_it_needs(http: Client) -> None:
    answer = http.get(ADDRESS).json()

    assert [entry["name"] for entry in answer["filters"]] == [known.name for known in FILTERS]
    assert [entry["name"] for entry in answer["sorts"]] == list(SORTS)
    assert [entry["name"] for entry in answer["facets"]] == list(ATTRIBUTES)
    for entry in [*answer["filters"], *answer["sorts"], *answer["facets"]]:
        assert entry["scope"] == needs(entry["name"])


def test_searches_take_every_example_value_spelling_and_word_that_it_says(http: Client) -> None:
    for entry in http.get(ADDRESS).json()["filters"]:
        values = [value["value"] for value in entry["values"]]
        spellings = [spelling for value in entry["values"] for spelling in value["spellings"]]
        for text in [entry["example"], *values, *spellings, *entry["lacking"], *entry["default"]]:
            SearchQuery.read(RequestFactory().get(ADDRESS, {entry["name"]: text}))


def test_a_spelling_means_the_value_that_it_is_listed_with(http: Client) -> None:
    for entry in http.get(ADDRESS).json()["filters"]:
        for value in entry["values"]:
            read = {
                repr(SearchQuery.read(RequestFactory().get(ADDRESS, {entry["name"]: text}))[entry["name"]])
                for text in [value["value"], *value["spellings"]]
            }
            assert len(read) == 1, (entry["name"], value)


def test_grades_stand_in_their_order_with_their_labels(http: Client) -> None:
    cut = described(http, "cut")

    assert [value["value"] for value in cut["values"]] == ["IDEAL", "EXCELLENT", "VERY_GOOD", "GOOD", "FAIR", "POOR"]
    assert [value["label"] for value in cut["values"]][2] == "Very good"
    assert (cut["kind"], cut["ordered"], cut["open"], cut["lacking"]) == ("grade", True, False, ["NONE", "UNKNOWN"])
    assert "FANCY" not in [value["value"] for value in described(http, "color")["values"]]
    assert described(http, "fluorescence")["lacking"] == ["UNKNOWN"]


def test_numbers_have_their_unit_and_bounds(http: Client) -> None:
    carats, cost = described(http, "carats_min"), described(http, "cost_max")

    assert [carats[name] for name in ("kind", "unit", "minimum", "maximum", "end")] == [
        "number",
        "ct",
        "0",
        "99999.999",
        "min",
    ]
    assert (cost["unit"], cost["scope"]) == ("USD", "catalog:cost")
    assert (described(http, "ids")["most"], described(http, "ids")["most_in_body"]) == (50, 500)


def test_whoever_has_it_is_told_that_it_is_the_same_even_when_stones_change(http: Client) -> None:
    etag = http.get(ADDRESS)["ETag"]
    a_diamond()

    answer = http.get(ADDRESS, headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
