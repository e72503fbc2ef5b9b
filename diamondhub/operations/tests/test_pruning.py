"""Prunings: what keeps one table busy keeps nothing else from its turn, and how far stores reach back is known."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import OperationalError

from diamondhub.operations import pruning, retention
from diamondhub.operations.models import Pruning
from diamondhub.timed_tables import TimedTable

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_table_that_is_kept_busy_keeps_no_other_from_its_next_pieces_nor_the_day_from_its_pruning(
    monkeypatch: pytest.MonkeyPatch, today: date
) -> None:
    made: list[str] = []

    def make_ahead(table: TimedTable, _today: date, *, patient: bool) -> list[str]:
        if not made:
            made.append("busy")
            raise OperationalError("canceling statement due to lock timeout")
        made.append(table.name)
        return []

    monkeypatch.setattr(TimedTable, "make_ahead", make_ahead)

    pruning.ring_due()

    tables = [table.name for table in retention.tables_made_ahead()]
    assert {"ingest_rawdiamond", "ingest_deadletterattempt", "pricing_pricechange"} <= set(tables)
    assert made[1:] == tables[1:]
    assert Pruning.objects.filter(day=today, state="ready").exists()


def test_a_store_is_kept_from_the_latest_moment_that_any_pruning_left() -> None:
    for moment in ("2026-03-01T00:00:00.000000+00:00", "2026-02-01T00:00:00.000000+00:00"):
        Pruning.objects.create(started_by="olga", kept_from={"raw_days": moment})

    assert pruning.kept_from("raw_days") == datetime(2026, 3, 1, tzinfo=UTC)
    assert pruning.kept_from("history") is None
