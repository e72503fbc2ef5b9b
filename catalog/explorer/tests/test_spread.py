"""Prices over carats: the index, the database and plain Python count the same stones in the same cells."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.index.hits import IndexHits
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.searching.conditions import AnyOf, Asked
from catalog.searching.database import DatabaseHits
from catalog.searching.tests.plain_hits import PlainHits
from catalog.tests.factories import build_diamond

pytestmark = pytest.mark.django_db

STONES = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids(),
            "price_cents": st.sampled_from([1, 2, 99, 100, 101, 12_345, 10**11, 10**13]),
            "carats": st.none() | st.sampled_from([Decimal(text) for text in ("0", "0.001", "0.5", "1", "99999.999")]),
            "lab_grown": st.booleans(),
            "color": st.integers(1, 2),
        }
    ),
    max_size=20,
    unique_by=lambda stone: stone["id"],
)


@settings(max_examples=60)
@given(
    stones=STONES,
    across=st.integers(1, 9),
    up=st.integers(1, 9),
    asked=st.sampled_from([{}, {"color": AnyOf("color", (1,))}]),
)
def test_every_weighed_stone_is_counted_in_the_cell_in_which_it_lies_whoever_counts(
    stones: list[dict[str, Any]], across: int, up: int, asked: Asked
) -> None:
    with transaction.atomic(), TemporaryDirectory() as folder:
        saved = Diamond.objects.bulk_create(build_diamond(**stone) for stone in stones)

        plain = PlainHits(0, saved, asked).spread(across, up)
        by_index = IndexHits(snapshot_of(saved, Path(folder)), asked).spread(across, up)
        by_database = DatabaseHits(asked, 0).spread(across, up)

        transaction.set_rollback(True)
    for spread in (by_index, by_database):
        assert list(spread.carats) == list(plain.carats)
        assert list(spread.cents) == list(plain.cents)
        assert dict(spread.counts) == dict(plain.counts)
