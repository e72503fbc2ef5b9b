"""The index and the database find, page and count the same for every client's view, while views change in between."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import index
from catalog.client_views.reading import key_of
from catalog.client_views.view import ClientView
from catalog.currencies.converting import DOLLARS, Ending, Exchange
from catalog.facets import counting
from catalog.facets.table import ATTRIBUTES
from catalog.index.hits import IndexHits
from catalog.index.snapshot import Snapshot
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.searching.database import DatabaseHits
from catalog.searching.filters import conditions
from catalog.searching.pages import Search, search, whole
from catalog.searching.sorts import SORTS
from catalog.searching.tests.test_filters import IDS, asked, stones
from diamondhub.api import cursors

pytestmark = pytest.mark.django_db
EXCHANGES = st.sampled_from(
    [
        DOLLARS,
        Exchange("EUR", Decimal("0.92")),
        Exchange("JPY", Decimal("151.5")),
        Exchange("EUR", Decimal("0.92"), None, Ending(99, 100)),
    ]
)


@st.composite
def views(draw: st.DrawFn) -> ClientView:
    """The view of a client, made as `catalog.client_views.reading` makes it of a row."""
    forced, defaults = draw(asked()), draw(asked())
    exchange, max_rows = draw(EXCHANGES), draw(st.none() | st.integers(1, 5))
    sight = repr((forced, defaults, max_rows))
    return ClientView(
        key=key_of(sight, exchange),
        sight=sight,
        forced=conditions(forced),
        defaults=defaults,
        exchange=exchange,
        max_rows=max_rows,
    )


def all_pages(wanted: Search, finders: list[Snapshot | None]) -> tuple[list[Any], list[tuple[int, bool]]]:
    """The stones of a search over all pages, each by the next finder in turn, with what each page says of the count."""
    shown: list[Any] = []
    counts: list[tuple[int, bool]] = []
    while True:
        finder = finders[len(counts) % len(finders)]
        with mock.patch.object(index, "current", return_value=finder):
            page = search(wanted, whole)
        shown += [stone.pk for stone in page.diamonds]
        counts.append((page.count, page.count_is_exact))
        if page.next_cursor is None:
            return shown, counts
        wanted = replace(wanted, cursor=page.next_cursor)


@settings(max_examples=12, deadline=None)
@given(
    given_stones=st.lists(stones(), min_size=1, max_size=4),
    filters=asked(),
    seen=st.lists(views(), min_size=2, max_size=3, unique_by=lambda view: view.key),
    sort=st.sampled_from(sorted(SORTS)),
    limit=st.integers(1, 3),
    by_certificate=st.booleans(),
    facets=st.lists(st.sampled_from(sorted(ATTRIBUTES)), min_size=2, max_size=6, unique=True),
)
def test_what_a_view_shows_is_the_same_whoever_finds_it(
    given_stones: list[Diamond],
    filters: dict[str, Any],
    seen: list[ClientView],
    sort: str,
    limit: int,
    by_certificate: bool,
    facets: list[str],
) -> None:
    for stone, identity in zip(given_stones, IDS, strict=False):
        stone.pk = identity
    with transaction.atomic(), TemporaryDirectory() as folder:
        Diamond.objects.bulk_create(given_stones)
        snapshot = snapshot_of(given_stones, Path(folder))
        last = None

        for view in seen:
            wanted = Search(filters, sort=sort, limit=limit, by_certificate=by_certificate, view=view)
            found = all_pages(wanted, [snapshot])
            assert found == all_pages(wanted, [None])
            assert found == all_pages(wanted, [snapshot, None])
            assert len(found[0]) <= (view.max_rows or len(given_stones))
            counted, counted_by_sql = (
                counting.facets(hits(wanted.asked), wanted.asked, facets, view.exchange)
                for hits in (partial(IndexHits, snapshot), DatabaseHits)
            )
            assert counted == counted_by_sql
            if last is not None:
                # A cursor is good for the view that it was given under, and for no other.
                with pytest.raises(cursors.WrongCursor):
                    search(replace(wanted, cursor=last), whole)
            last = search(replace(wanted, limit=1), whole).next_cursor
        transaction.set_rollback(True)
