"""Stones that are shown for `msgspec` to encode look as those that are shown as objects."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from catalog.api import presenting
from catalog.columns import COLUMNS
from catalog.currencies.converting import DOLLARS, Ending, Exchange
from catalog.tests.factories import SEEN, a_diamond

pytestmark = pytest.mark.django_db
_LACKING = {column.source: None for column in COLUMNS if column.nullable}


@pytest.mark.parametrize("exchange", [DOLLARS, Exchange("EUR", Decimal("0.92"), None, Ending(99, 100))], ids=str)
@pytest.mark.parametrize("names", [presenting.NAMES, presenting.SLIM, ("id",), ("id", "price", "changed_at")], ids=len)
def test_either_way_the_same_bytes_are_answered(names: tuple[str, ...], exchange: Exchange) -> None:
    odd = {"changed_at": SEEN + timedelta(microseconds=1), "first_seen_at": SEEN + timedelta(milliseconds=500)}
    stones = [
        a_diamond(),
        a_diamond(**odd),
        a_diamond(**_LACKING),
        a_diamond(carats=Decimal(1), supplier_name='a "b" é'),
    ]
    ids = [stone.pk for stone in stones]
    presenter = presenting.presenter(names, exchange)

    objects, structs = presenter.read(ids, {}), presenter.read_encodable(ids, {})

    assert set(objects) == set(structs) == set(ids)
    for identity in ids:
        assert msgspec.json.encode(structs[identity]) == msgspec.json.encode(objects[identity])
        assert list(msgspec.to_builtins(structs[identity])) == ["id", *(name for name in names if name != "id")]
