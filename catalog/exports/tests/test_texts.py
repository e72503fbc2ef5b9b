"""Stones as text made by PostgreSQL: what a spreadsheet calculates, and what JSON's readers read."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from catalog.api import presenting
from catalog.columns import COLUMNS
from catalog.currencies.converting import DOLLARS
from catalog.exports import texts, writing
from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from diamondhub.audit.export import FORMULA, harmless
from diamondhub.database import psycopg_cursor

pytestmark = pytest.mark.django_db
#: Everything that a column of texts can hold.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
DANGEROUS = st.builds("".join, st.tuples(st.sampled_from(["", " ", "  "]), st.sampled_from(FORMULA), TEXTS))


def copied(form: str, names: tuple[str, ...]) -> str:
    choice = writing.Choice({}, names, DOLLARS, form, gzip=False)
    with psycopg_cursor() as cursor, cursor.copy(writing.statement_of(choice)) as copy:
        return b"".join(map(bytes, copy)).decode()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS | DANGEROUS)
def test_texts_are_defused_as_the_audits_are(text: str) -> None:
    with psycopg_cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(texts.harmless(sql.Literal(text))))
        (cell,) = cursor.fetchone() or ("",)

    assert cell == harmless(text)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(girdle=TEXTS | DANGEROUS, images=st.lists(TEXTS | DANGEROUS, max_size=3))
def test_whatever_a_stone_says_comes_out_of_a_file_as_it_is(girdle: str, images: list[str]) -> None:
    Diamond.objects.all().delete()
    a_diamond(girdle=girdle, images=images)

    lines = copied("ndjson", ("id", "girdle", "images")).split("\n")
    rows = list(csv.reader(io.StringIO(copied("csv", ("girdle", "images")), newline="")))

    assert (len(lines), lines[1]) == (2, "")
    assert json.loads(lines[0])["girdle"] == girdle
    assert json.loads(lines[0])["images"] == images
    assert rows[1] == [harmless(girdle), json.dumps(images, ensure_ascii=False, separators=(",", ":"))] or (
        rows[1][0] == harmless(girdle) and json.loads(rows[1][1]) == images
    )
    assert not rows[1][0].lstrip(" ").startswith(FORMULA)


def test_every_column_that_anybody_may_see_can_be_written() -> None:
    a_diamond()

    line = json.loads(copied("ndjson", presenting.NAMES))
    (cells,) = csv.DictReader(io.StringIO(copied("csv", presenting.NAMES)))

    assert list(line) == list(cells) == list(presenting.NAMES)
    assert {column.name for column in COLUMNS if column.scope} <= set(line)


def test_a_stone_without_values_has_nulls_and_empty_cells() -> None:
    lacking: dict[str, Any] = {
        field.name: None for field in Diamond._meta.concrete_fields if field.null and field.name != "id"
    }
    a_diamond(**lacking)

    line = json.loads(copied("ndjson", presenting.NAMES))
    (cells,) = csv.DictReader(io.StringIO(copied("csv", presenting.NAMES)))

    assert {name for name, value in line.items() if value is None} == {name for name, cell in cells.items() if not cell}
    assert {line[name] for name in lacking if name in line} == {None}


def test_the_cheapest_are_written_where_a_view_shows_only_some() -> None:
    for price in (3_00, 1_00, 2_00):
        a_diamond(price_cents=price)
    choice = writing.Choice({}, ("price",), DOLLARS, "csv", gzip=False, max_rows=2)

    with psycopg_cursor() as cursor:
        with cursor.copy(writing.statement_of(choice)) as copy:
            text = b"".join(map(bytes, copy)).decode()
        cursor.execute(texts.count_statement(writing.where_of({}), max_rows=2))
        count = cursor.fetchone()

    assert text.splitlines() == ["price", "1.00", "2.00"]
    assert count == (2,)
