"""The check of the index against the table: quiet while they agree, and precise when they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from catalog.index.builder import Builder
from catalog.index.checking import differences
from catalog.models import Diamond
from catalog.tests.factories import a_diamond

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def working(tmp_path: Path, settings: Any) -> Builder:
    """A builder of this process's index, of three stones so far."""
    settings.INDEX_DIR = tmp_path
    for price in (100, 200, 300):
        a_diamond(price_cents=price, shape="ROUND" if price > 100 else None)
    working = Builder(tmp_path)
    working.turn()
    return working


def unnoticed(statement: str, *values: Any) -> None:
    """Change the table past the triggers that log it."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


def test_an_index_of_the_newest_version_agrees_with_the_table(working: Builder) -> None:
    assert list(differences()) == []


def test_without_an_index_there_is_nothing_to_check(settings: Any, tmp_path: Path) -> None:
    settings.INDEX_DIR = tmp_path / "none"
    a_diamond()

    assert list(differences()) == []


def test_an_index_of_another_version_is_not_compared(working: Builder) -> None:
    a_diamond()

    assert list(differences()) == []


def test_a_value_that_differs_is_told_with_its_column_and_stone(working: Builder) -> None:
    stone = Diamond.objects.get(price_cents=200)
    unnoticed("UPDATE catalog_diamond SET shape = 'OVAL', lab = NULL WHERE id = %s", stone.pk)

    problems = list(differences())

    version = working.notice.version
    assert sorted(problems) == [
        f"the index of version {version}: lab differs for 1 stones, such as {stone.pk}",
        f"the index of version {version}: shape differs for 1 stones, such as {stone.pk}",
    ]


def test_a_price_that_moves_a_stone_is_told(working: Builder) -> None:
    unnoticed("UPDATE catalog_diamond SET price_cents = 999 WHERE price_cents = 100")

    (problem,) = differences()

    assert "3 rows are of other stones than by the table's prices" in problem


def test_stones_that_are_missing_are_told(working: Builder) -> None:
    unnoticed("DELETE FROM catalog_diamond WHERE price_cents = 100")

    (problem,) = differences()

    assert "it has 3 stones, the table 2" in problem
