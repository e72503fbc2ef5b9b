"""The migration that gives prunings to operations: rows, ids, leases and horizons come along, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from diamondhub.operations import pruning
from diamondhub.operations.models import Pruning

pytestmark = pytest.mark.django_db(transaction=True)

MOVED = ("ingest", "0037_prunings_moved")


def leaves() -> list[tuple[str, str]]:
    return [leaf for leaf in MigrationExecutor(connection).loader.graph.leaf_nodes() if leaf[0] == "ingest"]


def migrate(*targets: tuple[str, str]) -> None:
    MigrationExecutor(connection).migrate(list(targets))


@pytest.fixture
def before() -> Iterator[tuple[str, str]]:
    """The migration before; all are applied again when the test is over."""
    (earlier,) = (
        key for key in MigrationExecutor(connection).loader.get_migration(*MOVED).dependencies if key[0] == "ingest"
    )
    yield earlier
    migrate(*leaves())


def rows_of_before() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, day, state, started_by, lease_token, raw_kept_from, history_kept_from, removed::text
            FROM ingest_pruning ORDER BY id
            """
        )
        prunings: list[tuple[Any, ...]] = cursor.fetchall()
    return prunings


def test_prunings_move_with_their_ids_leases_and_horizons_and_move_back(before: tuple[str, str]) -> None:
    migrate(before)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO ingest_pruning (id, lease_owner, lease_token, attempts, day, state, started_by, raw_kept_from,
                history_kept_from, removed, created_at)
            VALUES
                (7, '', 3, 1, '2026-03-02', 'completed', 'schedule', '2026-02-01', '2025-02-01T03:04:05Z',
                    '{"ledgers": 2}', now()),
                (9, 'worker', 4, 1, NULL, 'ready', 'olga', NULL, NULL, '{}', now())
            """
        )
    there = rows_of_before()

    migrate(*leaves())

    moved = [(row.pk, row.day, row.state, row.started_by, row.lease_token) for row in Pruning.objects.order_by("pk")]
    assert moved == [(7, date(2026, 3, 2), "completed", "schedule", 3), (9, None, "ready", "olga", 4)]
    assert pruning.kept_from("raw_days") == datetime(2026, 2, 1, tzinfo=UTC)
    assert pruning.kept_from("history") == datetime(2025, 2, 1, 3, 4, 5, tzinfo=UTC)
    assert pruning.start(started_by="olga").pk == 10
    Pruning.objects.filter(pk=10).delete()
    migrate(before)
    assert rows_of_before() == there
