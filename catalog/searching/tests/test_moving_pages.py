"""Paging while stones change and the hits come from old versions, new ones and the database in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.index.hits import IndexHits
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.searching import pages
from catalog.searching.conditions import Asked
from catalog.searching.database import DatabaseHits
from catalog.searching.hits import Hits
from catalog.searching.pages import Search, search, whole
from catalog.searching.sorts import SORTS
from catalog.searching.tests.plain_hits import PlainHits, meets
from catalog.tests.factories import a_diamond, build_diamond

pytestmark = pytest.mark.django_db
FILTERS: dict[str, Any] = {"availability": ("available",), "price_max": 300}


class Versions:
    """Who finds the hits: a version of the catalogue as it was when it was taken, or the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self.take()

    def take(self) -> None:
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir()
        self.snapshot = snapshot_of(list(Diamond.objects.all()), folder, self._number)
        self.by_database = False

    def with_hits(self, asked: Asked, use: Callable[[Hits], Any]) -> Any:
        return use(DatabaseHits(asked) if self.by_database else IndexHits(self.snapshot, asked))


@pytest.fixture
def versions(tmp_path: Path) -> Iterator[Versions]:
    held = Versions(tmp_path)
    with mock.patch.object(pages, "with_hits", held.with_hits):
        yield held


def test_a_stone_that_was_sold_or_left_the_filter_since_is_not_shown_however_old_the_version(
    versions: Versions,
) -> None:
    stones = [a_diamond(price_cents=100 + number) for number in range(6)]
    versions.take()
    Diamond.objects.filter(pk=stones[0].pk).update(availability="sold")
    Diamond.objects.filter(pk=stones[1].pk).update(price_cents=301)

    page = search(Search(FILTERS, limit=2), whole)

    assert [stone.pk for stone in page.diamonds] == [stones[2].pk, stones[3].pk]
    assert (page.count, page.found_by) == (6, "index")


def test_a_stone_that_was_repriced_within_the_filter_shows_its_new_price(versions: Versions) -> None:
    stone = a_diamond(price_cents=100)
    versions.take()
    Diamond.objects.filter(pk=stone.pk).update(price_cents=299)

    assert [shown.price_cents for shown in search(Search(FILTERS), whole).diamonds] == [299]


def test_a_page_of_which_nearly_all_stones_are_gone_is_filled_within_bounds(versions: Versions) -> None:
    stones = [a_diamond(price_cents=1 + number) for number in range(200)]
    versions.take()
    Diamond.objects.filter(price_cents__lte=190).update(availability="sold")

    shown: list[Any] = []
    cursor, turns = None, 0
    while True:
        page = search(Search(FILTERS, limit=3, cursor=cursor), whole)
        shown += [stone.pk for stone in page.diamonds]
        cursor, turns = page.next_cursor, turns + 1
        if cursor is None:
            break

    assert shown == [stone.pk for stone in stones[190:]]
    assert turns < 8


few_cents = st.integers(1, 4).map(lambda number: number * 100)
CHANGES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "sold": st.just({"availability": "sold"}),
    "back": st.just({"availability": "available"}),
    "repriced": st.fixed_dictionaries({"price_cents": few_cents}),
    "weighed": st.fixed_dictionaries({"carats": st.none() | st.sampled_from([Decimal("0.5"), Decimal("1")])}),
}
STEPS = st.lists(
    st.one_of(
        st.sampled_from(["swap", "database", "new"]).map(lambda step: (step, 0, {})),
        *(st.tuples(st.just("change"), st.integers(0, 30), change) for change in CHANGES.values()),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(
    stones=st.lists(
        st.fixed_dictionaries(
            {
                "id": st.uuids(),
                "price_cents": few_cents,
                "carats": st.none() | st.sampled_from([Decimal("0.5"), Decimal("1"), Decimal("2")]),
                "availability": st.sampled_from(["available", "available", "sold"]),
            }
        ),
        min_size=1,
        max_size=20,
        unique_by=lambda stone: stone["id"],
    ),
    sort=st.sampled_from(["price", "-price", "carats", "-carats"]),
    limit=st.integers(1, 5),
    turns=st.lists(STEPS, min_size=1, max_size=6),
)
def test_what_is_shown_is_true_and_no_standing_stone_is_missed(
    stones: list[dict[str, Any]], sort: str, limit: int, turns: list[list[tuple[str, int, dict[str, Any]]]]
) -> None:
    with transaction.atomic(), TemporaryDirectory() as folder:
        saved = Diamond.objects.bulk_create(build_diamond(**stone) for stone in stones)
        wanted = Search(FILTERS, sort=sort, limit=limit)
        versions, touched = Versions(Path(folder)), set()
        shown = set()

        with mock.patch.object(pages, "with_hits", versions.with_hits):
            for turn in range(60):
                for step, number, change in turns[turn] if turn < len(turns) else []:
                    if step == "swap":
                        versions.take()
                    elif step == "database":
                        versions.by_database = True
                    elif step == "new":
                        a_diamond(price_cents=200)
                    else:
                        stone = saved[number % len(saved)]
                        Diamond.objects.filter(pk=stone.pk).update(**change)
                        touched.add(stone.pk)
                page = search(wanted, whole)
                now = Diamond.objects.in_bulk([stone.pk for stone in page.diamonds])
                for stone in page.diamonds:
                    assert meets(now[stone.pk], wanted.asked)
                    assert (stone.price_cents, stone.availability) == (now[stone.pk].price_cents, "available")
                shown |= set(now)
                if page.next_cursor is None:
                    break
                wanted = replace(wanted, cursor=page.next_cursor)
            else:
                pytest.fail("paging does not end")

        standing = {stone.pk for stone in saved if stone.pk not in touched and meets(stone, wanted.asked)}
        assert standing <= shown
        transaction.set_rollback(True)


@settings(max_examples=40)
@given(
    stones=st.lists(
        st.fixed_dictionaries(
            {
                "id": st.uuids(),
                "price_cents": few_cents,
                "carats": st.none() | st.sampled_from([Decimal("1"), Decimal("1.01"), Decimal("1.02"), Decimal("1.5")]),
                "lab": st.sampled_from(["GIA", "IGI", None]),
                "certificate_number": st.sampled_from(
                    [None, "LG 12345", "lg12345", "12345", "PENDING", "77777", "A 2345"]
                ),
                "availability": st.sampled_from(["available", "available", "sold"]),
            }
        ),
        max_size=15,
        unique_by=lambda stone: stone["id"],
    ),
    sort=st.sampled_from(sorted(SORTS)),
    limit=st.integers(1, 5),
)
def test_offers_of_one_certificate_are_one_stone_for_every_evaluator(
    stones: list[dict[str, Any]], sort: str, limit: int
) -> None:
    with transaction.atomic():
        Diamond.objects.bulk_create(build_diamond(**stone) for stone in stones)
        asked = Search(FILTERS).asked
        plain = PlainHits(0, list(Diamond.objects.all()), asked).by_certificate()
        by_sql = DatabaseHits(asked).by_certificate()

        assert by_sql.count() == plain.count()
        after = None
        while places := plain.page(SORTS[sort], after, limit):
            assert list(by_sql.page(SORTS[sort], after, limit)) == list(places)
            ids = [identity for _, identity in places]
            assert by_sql.offers(ids) == plain.offers(ids)
            after = places[-1]
        transaction.set_rollback(True)
