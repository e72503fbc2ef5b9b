"""The index finds, orders and counts what plain Python does, and what PostgreSQL does, of any stones and any conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import models, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.index import bits, counting, deriving, evaluating, paging
from catalog.index.attributes import Digest, Presence, Word, forms
from catalog.index.evaluating import NotIndexed
from catalog.index.hits import IndexHits
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.searching.conditions import All, AnyOf, Asked, Between, Condition, Either, Known, Not, holds
from catalog.searching.database import DatabaseHits
from catalog.searching.hits import Facet
from catalog.searching.sorts import SORTS, Place, Sort
from catalog.searching.tests.plain_hits import stone_of_each
from catalog.tests.factories import SEEN, build_diamond

_CERTIFICATES = ["77", " 77123", "LG77123", "lg-77123", "LG78123", "--", "GIA 12", "gia12", "0" * 64]
_TEXTS = ["A", "B", "a", "it's 100%", "É"]
_ORDERED = [
    name for name in forms() if name in Diamond.__dict__ and not isinstance(forms()[name], Word | Digest | Presence)
]
_COUNTED = [name for name in forms() if name in Diamond.__dict__ and not isinstance(forms()[name], Digest | Presence)]


def _pool(column: str) -> list[Any]:
    """Values that stones may have in a column, the extremes among them."""
    match field := Diamond._meta.get_field(column):
        case models.UUIDField():
            return [UUID(int=number) for number in (0, 1, 2**64 - 1, 2**64, 2**127, 2**128 - 1)]
        case models.DecimalField(max_digits=digits, decimal_places=places):
            return [Decimal(number).scaleb(-places) for number in (0, 1, 10**places, 10**places + 1, 10**digits - 1)]
        case models.DateTimeField():
            return [SEEN, SEEN + timedelta(microseconds=1), SEEN + timedelta(days=1), datetime(1960, 1, 1, tzinfo=UTC)]
        case models.BooleanField():
            return [False, True]
        case models.BigIntegerField():
            return [1, 2, 3, 10**11]
        case models.IntegerField():
            return [0, 1, 2, 3, 32767]
        case models.CharField():
            if column == "certificate_number":
                return _CERTIFICATES
            return _TEXTS if field.max_length and field.max_length > 9 else _TEXTS[:3]
    raise AssertionError(column)


def _value(column: str) -> st.SearchStrategy[Any]:
    pool = st.sampled_from(_pool(column))
    return st.none() | pool if Diamond._meta.get_field(column).null else pool


def _asked_for(column: str) -> st.SearchStrategy[Any]:
    """Values that may be asked for: those of the pool, ones that no stone has, and ones between."""
    pool = _pool(column)
    match Diamond._meta.get_field(column):
        case models.DecimalField(decimal_places=places):
            between = [Decimal(1) + Decimal(5).scaleb(-places - 1), Decimal("0.5"), Decimal(10**12), Decimal("-1")]
            return st.sampled_from([*pool, *between])
        case models.BooleanField() | models.DateTimeField():
            return st.sampled_from(pool)
        case models.IntegerField():
            return st.sampled_from([*pool, -1, 7])
        case models.UUIDField():
            return st.sampled_from([*pool, UUID(int=5)])
    return st.sampled_from([*pool, "nobody has this"])


@st.composite
def _simple(draw: st.DrawFn, columns: Sequence[str]) -> Condition:
    column = draw(st.sampled_from(columns))
    form = forms().get(column)
    ways = ["known"]
    if not isinstance(form, Presence):
        ways.append("any of")
    if column in _ORDERED:
        ways += ["between", "between"]
    match draw(st.sampled_from(ways)):
        case "known":
            return Known(column, draw(st.booleans()))
        case "any of":
            unknown = draw(st.booleans()) and column != "id"
            return AnyOf(column, tuple(draw(st.lists(_asked_for(column), max_size=7))), unknown=unknown)
    low, high = draw(_asked_for(column)), draw(_asked_for(column))
    ends = draw(st.sampled_from(["both", "low", "high"]))
    return Between(column, None if ends == "high" else low, None if ends == "low" else high)


def _conditions(columns: Sequence[str]) -> st.SearchStrategy[Condition]:
    def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(parts, max_size=3).map(tuple)
        return st.builds(Either, several) | st.builds(All, several) | st.builds(Not, parts)

    return st.recursive(_simple(columns), joined, max_leaves=4)


@st.composite
def _catalogues(draw: st.DrawFn) -> tuple[list[Diamond], dict[str, Condition], Sort]:
    """Stones that differ in some columns, a search of these, and an order."""
    sort = SORTS[draw(st.sampled_from(sorted(SORTS)))]
    others = st.sampled_from(["id", "certificate_number", *sorted(_COUNTED)])
    columns = sorted({"id", "price_cents", sort.column, *draw(st.lists(others, min_size=1, max_size=3))})
    values = {name: _value(name) for name in columns} | {"id": st.sampled_from(_pool("id")) | st.uuids()}
    stones = draw(st.lists(st.fixed_dictionaries(values), max_size=24, unique_by=lambda stone: stone["id"]))
    asked = draw(st.dictionaries(st.sampled_from(["first", "second", "third"]), _conditions(columns), max_size=3))
    return [build_diamond(**stone) for stone in stones], asked, sort


@contextmanager
def _thresholds(few: bool) -> Iterator[None]:
    """Have every way of finding and counting taken for stones as few as these, or the ways for few of them only."""
    with ExitStack() as stack:
        if not few:
            for module, name, value in (
                (paging, "FEW", 0),
                (bits, "FIRST_LOOK", 4),
                (paging, "_PATIENCE", 2),
                (deriving, "BUCKETS", 3),
                (counting, "_COST_OF_A_ROW", 10**9),
                (counting, "_COST_IN_A_HISTOGRAM", 10**9),
                (counting, "_MANY", 1),
                (counting, "_PIECE", 2),
                (evaluating, "_FEW_VALUES", 1),
            ):
                stack.enter_context(mock.patch.object(module, name, value))
        yield


@contextmanager
def _indexed(stones: Sequence[Diamond], asked: Asked, bitmaps: int, few: bool) -> Iterator[IndexHits]:
    with _thresholds(few), mock.patch.object(deriving, "MAX_BITMAPS", bitmaps), TemporaryDirectory() as folder:
        yield IndexHits(snapshot_of(stones, Path(folder)), asked)


def _meeting(stones: Sequence[Diamond], asked: Asked) -> list[Diamond]:
    def meets(stone: Diamond) -> bool:
        return all(holds(condition, lambda column: getattr(stone, column)) for condition in asked.values())

    return list(filter(meets, stones))


def _places(stones: Sequence[Diamond], sort: Sort) -> list[Place]:
    """The places of stones in an order."""
    known = [(value, stone.pk) for stone in stones if (value := getattr(stone, sort.column)) is not None]
    unknown = [(None, stone.pk) for stone in stones if getattr(stone, sort.column) is None]
    return [*sorted(known, reverse=sort.descending), *sorted(unknown, key=lambda at: at[1], reverse=sort.descending)]


def _behind(places: Sequence[Place], after: Place, sort: Sort) -> list[Place]:
    def follows(place: Place) -> bool:
        (key, identity), (last, border) = place, after
        if key is None or last is None:
            return (identity < border if sort.descending else identity > border) if key is last else key is None
        return (key, identity) < after if sort.descending else (key, identity) > after

    return list(filter(follows, places))


def _counted(stones: Sequence[Diamond], column: str) -> Facet:
    return Facet(Counter(getattr(stone, column) for stone in stones))


def _histogram(stones: Sequence[Diamond], column: str, edges: Sequence[Any]) -> Facet:
    values = [getattr(stone, column) for stone in stones]
    known = [value for value in values if value is not None]
    counts: Counter[Any] = Counter(max(edge for edge in edges if edge <= value) for value in known)
    if len(known) < len(values):
        counts[None] = len(values) - len(known)
    return Facet(counts, min(known, default=None), max(known, default=None))


def _without(asked: Asked, name: str) -> dict[str, Condition]:
    return {other: condition for other, condition in asked.items() if other != name}


def _paged(
    page: Callable[[Sort, Place | None, int], Sequence[Place]], sort: Sort, limits: Sequence[int]
) -> list[Place]:
    """All pages, one behind the other."""
    places: list[Place] = []
    while True:
        limit = limits[len(places) % len(limits)]
        shown = page(sort, places[-1] if places else None, limit)
        assert len(shown) <= limit
        places += shown
        if len(shown) < limit:
            return places


_LIMITS = st.lists(st.integers(1, 7), min_size=1, max_size=3)
_EDGES = {
    column: sorted({0 if isinstance(pool[0], int) else Decimal(0), *pool, *(value + 2 for value in pool)})
    for column in _ORDERED
    for pool in [_pool(column)]
    if isinstance(pool[0], int | Decimal) and not isinstance(pool[0], bool)
}


@settings(max_examples=120, deadline=None)
@given(catalogue=_catalogues(), limits=_LIMITS, bitmaps=st.sampled_from([0, 3, 96]), few=st.booleans())
def test_pages_and_counts_are_those_of_plain_python(
    catalogue: tuple[list[Diamond], Asked, Sort], limits: list[int], bitmaps: int, few: bool
) -> None:
    stones, asked, sort = catalogue
    expected = _places(_meeting(stones, asked), sort)

    with _indexed(stones, asked, bitmaps, few) as hits:
        assert hits.count().number == len(expected)
        assert _paged(hits.page, sort, limits) == expected


@settings(max_examples=70, deadline=None)
@given(catalogue=_catalogues(), data=st.data(), bitmaps=st.sampled_from([0, 3, 96]), few=st.booleans())
def test_a_page_begins_behind_any_place_whether_a_stone_has_it_or_not(
    catalogue: tuple[list[Diamond], Asked, Sort], data: st.DataObject, bitmaps: int, few: bool
) -> None:
    stones, asked, sort = catalogue
    key = data.draw(st.none() | _asked_for(sort.column) if sort.nullable else _asked_for(sort.column))
    after = (key, data.draw(st.sampled_from(_pool("id")) | st.uuids()))
    expected = _behind(_places(_meeting(stones, asked), sort), after, sort)

    with _indexed(stones, asked, bitmaps, few) as hits:
        assert list(hits.page(sort, after, 5)) == expected[:5]


@settings(max_examples=70, deadline=None)
@given(catalogue=_catalogues(), data=st.data(), bitmaps=st.sampled_from([0, 3, 96]), few=st.booleans())
def test_facets_and_histograms_are_those_of_plain_python(
    catalogue: tuple[list[Diamond], Asked, Sort], data: st.DataObject, bitmaps: int, few: bool
) -> None:
    stones, asked, sort = catalogue
    columns = [sort.column, data.draw(st.sampled_from(_COUNTED)), data.draw(st.sampled_from(sorted(_EDGES)))]

    with _indexed(stones, asked, bitmaps, few) as hits:
        for attribute in ("first", "second", "none of these"):
            others = _meeting(stones, _without(asked, attribute))
            for column in columns:
                assert hits.facet(attribute, column) == _counted(others, column)
                if edges := _EDGES.get(column):
                    assert hits.facet(attribute, column, edges=edges) == _histogram(others, column, edges)


@settings(max_examples=50, deadline=None)
@given(catalogue=_catalogues(), limits=_LIMITS, data=st.data())
def test_of_each_certificate_the_cheapest_hit_is_shown_with_the_number_of_offers(
    catalogue: tuple[list[Diamond], Asked, Sort], limits: list[int], data: st.DataObject
) -> None:
    stones, asked, sort = catalogue
    for stone in stones:
        stone.certificate_number = data.draw(_value("certificate_number"))
    stone_of = stone_of_each(stones)
    offers: dict[Any, list[Diamond]] = {}
    for stone in sorted(_meeting(stones, asked), key=lambda stone: (stone.price_cents, stone.pk)):
        offers.setdefault(stone_of[stone.pk], []).append(stone)

    with _indexed(stones, asked, 96, few=True) as hits:
        cheapest = hits.by_certificate()
        assert cheapest.count().number == len(offers)
        assert _paged(cheapest.page, sort, limits) == _places([first for first, *_ in offers.values()], sort)
        ids = [first.pk for first, *_ in offers.values()]
        assert cheapest.offers(ids) == {several[0].pk: len(several) for several in offers.values()}


@pytest.mark.django_db
@settings(max_examples=30, deadline=None)
@given(catalogue=_catalogues(), limits=_LIMITS, data=st.data())
def test_the_index_and_the_database_find_and_count_the_same(
    catalogue: tuple[list[Diamond], Asked, Sort], limits: list[int], data: st.DataObject
) -> None:
    stones, asked, sort = catalogue
    column = data.draw(st.sampled_from(sorted(_EDGES)))
    with transaction.atomic():
        Diamond.objects.bulk_create(stones)
        database = DatabaseHits(asked)

        with _indexed(stones, asked, 96, few=False) as hits:
            assert hits.count() == database.count()
            assert _paged(hits.page, sort, limits) == _paged(database.page, sort, limits)
            for edges in (None, _EDGES[column]):
                assert hits.facet("first", column, edges=edges) == database.facet("first", column, edges=edges)
            cheapest, cheapest_in_database = hits.by_certificate(), database.by_certificate()
            assert cheapest.count() == cheapest_in_database.count()
            places = _paged(cheapest.page, sort, limits)
            assert places == _paged(cheapest_in_database.page, sort, limits)
            ids = [identity for _, identity in places]
            assert cheapest.offers(ids) == cheapest_in_database.offers(ids)
        transaction.set_rollback(True)


def test_hits_of_another_search_are_of_the_same_version(tmp_path: Path) -> None:
    stones = [build_diamond(color=color) for color in (1, 2, 2, None)]
    hits = IndexHits(snapshot_of(stones, tmp_path, version=7), {"color": AnyOf("color", (1,))})

    others = hits.of({"color": AnyOf("color", (2,))})

    assert (hits.count().number, others.count().number, others.version) == (1, 2, 7)


@pytest.mark.parametrize(
    "condition",
    [
        Between("shape", "A", "B"),
        Known("girdle_that_nobody_keeps"),
        AnyOf("image_url", ("https://x.example",)),
        Between("id", UUID(int=1)),
    ],
)
def test_what_the_index_does_not_keep_is_said(tmp_path: Path, condition: Condition) -> None:
    snapshot = snapshot_of([build_diamond()], tmp_path)

    with pytest.raises(NotIndexed):
        IndexHits(snapshot, {"this": condition})


def test_infinite_bounds_are_none(tmp_path: Path) -> None:
    snapshot = snapshot_of([build_diamond()], tmp_path)
    asked: Mapping[Condition, int] = {
        Between("carats", Decimal("-Infinity"), Decimal("Infinity")): 1,
        Between("carats", Decimal("Infinity")): 0,
        Between("carats", None, Decimal("-Infinity")): 0,
        AnyOf("carats", (Decimal("Infinity"), Decimal("1.01"))): 1,
    }

    counts = {condition: IndexHits(snapshot, {"carats": condition}).count().number for condition in asked}

    assert counts == asked
