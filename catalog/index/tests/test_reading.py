"""Stones read for the index say what the table says of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection
from psycopg import sql

from catalog.index import reading
from catalog.index.attributes import forms
from catalog.index.reading import read
from catalog.index.tests.factories import stones_of
from catalog.index.tests.reading_back import said_of
from catalog.models import Diamond
from catalog.tests.factories import a_diamond

pytestmark = pytest.mark.django_db

#: Every column that may be unknown.
UNKNOWN = {field.name: None for field in Diamond._meta.concrete_fields if field.null}


def read_all(ids: list[uuid.UUID] | None = None) -> dict[uuid.UUID, dict[str, Any]]:
    return said_of(read(connection.connection, ids))


def as_the_table_says() -> dict[uuid.UUID, dict[str, Any]]:
    return said_of(stones_of(list(Diamond.objects.all())))


def test_an_empty_catalogue_is_read_as_no_stones() -> None:
    stones = read(connection.connection)

    assert len(stones) == 0
    assert set(stones.columns) == set(forms())


def test_whatever_stones_have_or_lack_is_read_as_the_table_has_it() -> None:
    a_diamond()
    a_diamond(**UNKNOWN)
    a_diamond(
        id=uuid.UUID(int=2**128 - 1),
        carats=Decimal("99999.999"),
        ratio=Decimal("0.001"),
        table_pct=Decimal("9999.99"),
        depth_pct=Decimal(0),
        price_cents=2**40,
        price_per_carat_cents=2**62,
        rating=32_767,
        treated=False,
        changed_at=datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
        certificate_number="lg 5678-90",
    )
    a_diamond(
        id=uuid.UUID(int=1),
        shape="",
        lab="Größe \N{GEM STONE} '\"\\%",
        fancy_color="\N{ZERO WIDTH SPACE}",
        certificate_number="---",
        image_url="",
        treated=True,
        lab_grown=True,
        changed_at=datetime(9999, 12, 31, tzinfo=UTC) - timedelta(microseconds=1),
    )
    a_diamond(certificate_number="", changed_at=datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=5.5))))

    assert read_all() == as_the_table_says()


def test_digits_that_prove_nothing_are_nobody_s_number() -> None:
    for number in ("0", "1234", "0000000000", "77777", "12345", "00001", "LG 0000000", "LG12345", None):
        a_diamond(certificate_number=number)

    assert read_all() == as_the_table_says()


def test_blocks_of_rows_and_their_words_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_ROWS", 4)
    for number in range(23):
        a_diamond(shape=f"SHAPE_{number % 7}", lab=f"LAB {number}" if number % 3 else None)

    assert read_all() == as_the_table_says()


def test_some_stones_are_read_by_their_ids_and_those_that_are_not_there_are_left_out() -> None:
    stones = [a_diamond(shape=f"SHAPE_{number}") for number in range(5)]
    wanted = [stones[3].pk, stones[1].pk, uuid.uuid4()]

    some = read_all(wanted)

    assert some == {key: value for key, value in as_the_table_says().items() if key in wanted}
    assert len(some) == 2
    assert read_all([]) == {}


def test_what_the_database_refuses_is_raised_and_the_connection_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    a_diamond()
    sent = reading._Sent(sql.SQL("1 / 0"), ">i4", np.int32)
    monkeypatch.setattr(reading, "_sent", lambda *_: sent)

    with pytest.raises(psycopg.errors.DivisionByZero), connection.connection.transaction():
        read(connection.connection)

    assert Diamond.objects.count() == 1
