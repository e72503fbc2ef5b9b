"""Facets: every evaluator counts the same, and edges of histograms hold whatever there is."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.facets import counting, edges
from catalog.facets.table import ATTRIBUTES
from catalog.index.hits import IndexHits
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.searching.database import DatabaseHits
from catalog.searching.filters import conditions
from catalog.searching.tests.plain_hits import PlainHits
from catalog.tests.factories import build_diamond

STONES = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids(),
            "price_cents": st.integers(1, 30) | st.integers(1, 10**11),
            "carats": st.none() | st.integers(0, 99_999_999).map(lambda number: Decimal(number).scaleb(-3)),
            "shape": st.none() | st.sampled_from(["ROUND", "OVAL", "KITE", "ÉTOILE"]),
            "color": st.none() | st.integers(1, 24),
            "cut": st.none() | st.integers(0, 5),
            "lab_grown": st.booleans(),
            "eye_clean": st.none() | st.booleans(),
            "image_url": st.none() | st.just("https://x.example/1"),
            "supplier_name": st.none() | st.sampled_from(["A", "it's"]),
            "availability": st.sampled_from(["available", "sold"]),
        }
    ),
    max_size=15,
    unique_by=lambda stone: stone["id"],
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "shape": st.just(("ROUND", None)),
        "color_from": st.just(3),
        "price_max": st.just(1_000_00),
        "carats_min": st.just(Decimal(1)),
        "has_image": st.booleans(),
        "availability": st.just(("available",)),
        "lab_grown": st.booleans(),
    },
)


@pytest.mark.django_db
@settings(max_examples=40)
@given(stones=STONES, filters=ASKED)
def test_the_database_the_index_and_plain_python_count_the_same(
    stones: list[dict[str, Any]], filters: dict[str, Any]
) -> None:
    with transaction.atomic(), TemporaryDirectory() as folder:
        Diamond.objects.bulk_create(build_diamond(**stone) for stone in stones)
        saved = list(Diamond.objects.all())
        asked = conditions(filters)
        plain, by_index = PlainHits(0, saved, asked), IndexHits(snapshot_of(saved, Path(folder)), asked)

        expected = counting.facets(plain, asked, ATTRIBUTES)

        assert counting.facets(DatabaseHits(asked), asked, ATTRIBUTES) == expected
        assert counting.facets(by_index, asked, ATTRIBUTES) == expected
        assert counting.total_of(expected, asked) == plain.count().number
        transaction.set_rollback(True)


@given(attribute=st.sampled_from(["price", "carats"]), ends=st.tuples(st.integers(0, 10**11), st.integers(0, 10**11)))
def test_buckets_hold_all_from_the_least_to_the_greatest_and_are_never_many(
    attribute: str, ends: tuple[int, int]
) -> None:
    number: Any = int if attribute == "price" else lambda cents: Decimal(cents % 10**8).scaleb(-3)
    low, high = sorted(map(number, ends))
    ladder = edges.LADDERS[attribute]
    if not edges.is_fine_enough(attribute, low, high):
        ladder = edges.even(attribute, low, high)

    buckets = edges.trimmed(ladder, low, high)

    assert list(ladder) == sorted(set(ladder))
    assert ladder[0] == 0
    assert 1 <= len(buckets) <= edges.MAX_BUCKETS
    assert buckets[0][0] <= low
    assert buckets[-1][1] is None or buckets[-1][1] > high
    assert all(before[1] == after[0] for before, after in itertools.pairwise(buckets))


def test_more_values_than_people_read_are_counted_together() -> None:
    stones = [build_diamond(shape=f"S{number}") for number in range(counting.MAX_VALUES + 5)]
    stones += [build_diamond(shape="ROUND") for _ in range(2)]

    facet = counting.facets(PlainHits(0, stones, {}), {}, ["shape"])["shape"]

    backwards = counting.facets(PlainHits(0, stones[::-1], {}), {}, ["shape"])["shape"]

    assert (len(facet["values"]), facet["others"]) == (counting.MAX_VALUES, 6)
    assert {value["value"] for value in backwards["values"]} == {value["value"] for value in facet["values"]}
    assert facet["values"][0] == {"value": "ROUND", "label": "Round", "count": 2}
