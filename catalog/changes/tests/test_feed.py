"""Following the catalogue: whoever applies every page ends with exactly what is there, in whatever order commits came."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.changes import feed, forgetting, log
from catalog.models import DatasetVersion, Diamond, VersionCounter
from catalog.tests.factories import a_diamond, build_diamond, committed

pytestmark = pytest.mark.django_db


def test_every_way_of_writing_stones_makes_a_version_and_names_them() -> None:
    stone, other = a_diamond(), a_diamond()
    first = committed()
    Diamond.objects.filter(pk=stone.pk).update(price_cents=1)
    second = committed()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalog_diamond WHERE id = %s", [other.pk])
    third = committed()

    changes = feed.read(feed.Place(first - 1), limit=100)

    assert third == second + 1 == first + 2
    assert sorted(changes.stones) == sorted([(first, stone.pk), (first, other.pk)])
    assert feed.read(feed.Place(first), limit=100).stones == [(second, stone.pk), (third, other.pk)]
    assert (changes.through, changes.newest, changes.behind) == (third, third, None)


def test_what_changes_no_stone_makes_no_version() -> None:
    a_diamond()
    before = committed()

    Diamond.objects.filter(pk=uuid.uuid4()).update(price_cents=1)

    assert committed() == before
    assert DatasetVersion.objects.filter(version=before).count() == 1


def test_a_version_says_its_cause() -> None:
    log.because("run 7")
    a_diamond()

    assert DatasetVersion.objects.get(version=committed()).cause == "run 7"


def test_what_is_rolled_back_leaves_neither_a_version_nor_its_stones() -> None:
    before = committed()

    with transaction.atomic():
        a_diamond()
        transaction.set_rollback(True)
    kept = a_diamond()
    version = committed()

    assert feed.read(feed.Place(before), limit=10).stones == [(version, kept.pk)]
    assert DatasetVersion.objects.filter(version__gt=before).count() == 1


def test_a_page_ends_within_a_version_and_the_next_one_goes_on_there() -> None:
    before = committed()
    Diamond.objects.bulk_create(build_diamond() for _ in range(5))
    version = committed()
    late = a_diamond()
    latest = committed()

    pages, place = [], feed.Place(before)
    while True:
        page = feed.read(place, limit=2)
        pages.append(page)
        if page.behind is None:
            break
        place = page.behind

    assert [len(page.stones) for page in pages] == [2, 2, 2]
    assert [page.through for page in pages] == [before, before, latest]
    assert pages[-1].stones[-1] == (latest, late.pk)
    assert len({stone for page in pages for _, stone in page.stones}) == 6
    assert version == before + 1


@pytest.mark.parametrize("beyond", [-1, 1])
def test_a_version_that_the_log_does_not_have_is_told_with_what_it_has(beyond: int) -> None:
    a_diamond()
    newest = committed()
    VersionCounter.objects.update(forgotten=newest)

    with pytest.raises(feed.ChangesGone) as error:
        feed.read(feed.Place(newest + beyond), limit=10)

    assert (error.value.oldest, error.value.newest) == (newest, newest)


def test_a_place_of_another_generation_is_gone() -> None:
    a_diamond()
    newest = committed()

    with pytest.raises(feed.ChangesGone):
        feed.read(feed.Place(newest), generation=str(uuid.uuid4()), limit=10)


def test_a_catalogue_that_is_emptied_at_once_begins_anew() -> None:
    a_diamond()
    before = log.current().number if committed() else 0

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE catalog_diamond CASCADE")

    with pytest.raises(feed.ChangesGone):
        feed.read(feed.Place(before), limit=10)


def test_old_days_are_forgotten_with_their_versions() -> None:
    a_diamond()
    old = committed()
    # Tests that ran before may have left versions as well, and pieces of the log.
    versions = DatasetVersion.objects.count()
    long_ago = log.DAYS.piece(DatasetVersion.objects.get(version=old).changed_on - timedelta(days=30)).first
    log.DAYS.make_ahead(long_ago)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_change SET changed_on = %s", [long_ago])
        cursor.execute("UPDATE catalog_datasetversion SET changed_on = %s", [long_ago])
    a_diamond()
    newest = committed()

    removed = list(forgetting.forget())

    assert removed[-1] == {"versions": versions}
    assert {"change_days": 1} in removed
    assert log.current().forgotten == old
    assert [version for version, _ in feed.read(feed.Place(old), limit=10).stones] == [newest]
    with pytest.raises(feed.ChangesGone):
        feed.read(feed.Place(old - 1), limit=10)


_STONES = [uuid.UUID(int=number) for number in range(6)]
_writes = st.lists(
    st.lists(st.tuples(st.sampled_from(_STONES), st.integers(1, 9) | st.none()), max_size=4), min_size=1, max_size=8
)


@settings(max_examples=40)
@given(writes=_writes, limits=st.lists(st.integers(1, 4), min_size=1, max_size=4), begins=st.integers(0, 8))
def test_a_follower_from_any_version_ends_with_the_catalogue(
    writes: list[list[tuple[uuid.UUID, int | None]]], limits: list[int], begins: int
) -> None:
    with transaction.atomic():
        start = committed()
        known: dict[uuid.UUID, int] = {}
        behind: feed.Place | None = None
        after = start
        for turn, write in enumerate(writes):
            for stone, price in write:
                _apply(stone, price)
            committed()
            if turn == begins % len(writes):
                known, after = _catalogue(), log.current().number
            elif turn > begins % len(writes):
                # One page only: the follower is somewhere in the middle when more comes.
                page = feed.read(behind or feed.Place(after), limit=limits[turn % len(limits)])
                _follow(known, page)
                behind, after = page.behind, page.through

        while True:
            page = feed.read(behind or feed.Place(after), limit=limits[0])
            _follow(known, page)
            behind, after = page.behind, page.through
            if behind is None:
                break

        assert known == _catalogue()
        transaction.set_rollback(True)


def _apply(stone: uuid.UUID, price: int | None) -> None:
    if price is None:
        Diamond.objects.filter(pk=stone).delete()
    elif not Diamond.objects.filter(pk=stone).update(price_cents=price):
        a_diamond(id=stone, price_cents=price)


def _catalogue() -> dict[uuid.UUID, int]:
    return dict(Diamond.objects.values_list("pk", "price_cents"))


def _follow(known: dict[uuid.UUID, int], page: feed.Changes) -> None:
    ids = [stone for _, stone in page.stones]
    now: dict[Any, int] = dict(Diamond.objects.filter(pk__in=ids).values_list("pk", "price_cents"))
    for stone in ids:
        known.pop(stone, None)
        if stone in now:
            known[stone] = now[stone]
