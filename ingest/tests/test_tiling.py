"""What the database refuses of a planned run: partitions with a gap, partitions that overlap, and other ranges later."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from ingest import runs
from ingest.models import Partition, Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(900, step=1_700)))


def planned(*edges: tuple[int, int | None], **fields: Any) -> Run:
    run = factories.start()
    Partition.objects.bulk_create(
        Partition(run=run, ordinal=place, price_from=start, price_to=end, expected=1, **fields)
        for place, (start, end) in enumerate(edges)
    )
    return run


def leave_planning(run: Run) -> None:
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(state="ingesting")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("edges", "shares_end", "fault"),
    [
        ([], False, "it has no partitions"),
        ([(1, None)], False, "starts at 1"),
        ([(0, 99)], False, "should be open-ended"),
        ([(0, 99), (101, None)], False, "between 99 and 101"),
        ([(0, 99), (100, None)], True, "between 99 and 100"),
        ([(0, 100), (101, None)], True, "between 100 and 101"),
    ],
)
def test_a_run_does_not_leave_planning_with_a_gap(
    supplier: MemorySupplier, edges: list[tuple[int, int | None]], shares_end: bool, fault: str
) -> None:
    run = planned(*edges)
    run.partitions.filter(price_to__isnull=False).delete()
    Partition.objects.bulk_create(
        Partition(run=run, ordinal=50 + place, price_from=start, price_to=end, shares_end=shares_end, expected=1)
        for place, (start, end) in enumerate(edges)
        if end is not None
    )

    with pytest.raises(IntegrityError, match=fault):
        leave_planning(run)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("edges", "shares_end"),
    [([(0, None)], False), ([(0, 99), (100, 100), (101, None)], False)],
)
def test_a_run_leaves_planning_when_its_partitions_tile(
    supplier: MemorySupplier, edges: list[tuple[int, int | None]], shares_end: bool
) -> None:
    run = planned(*edges, shares_end=shares_end)

    leave_planning(run)

    assert Run.objects.get(pk=run.pk).state == "ingesting"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("edges", "shares_end"),
    [([(0, 100), (100, 200)], False), ([(0, None), (500, 600)], False), ([(0, 101), (100, 200)], True)],
)
def test_ranges_of_a_run_cannot_overlap(
    supplier: MemorySupplier, edges: list[tuple[int, int | None]], shares_end: bool
) -> None:
    with pytest.raises(IntegrityError, match="partition_no_overlap"), transaction.atomic():
        planned(*edges, shares_end=shares_end)


@pytest.mark.django_db
def test_the_same_ranges_may_be_those_of_two_runs_and_touch_where_they_share_ends(supplier: MemorySupplier) -> None:
    first = planned((0, 100), (100, 200), shares_end=True)
    runs.cancel_run(first.pk, actor="eve")

    second = planned((0, 100), (100, 200), shares_end=True)

    assert first.pk != second.pk


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"carats_from": "0.51", "carats_to": None}, "do not tile the carats"),
        ({"carats_from": "0.40", "carats_to": None}, "do not tile the carats"),
        ({"carats_from": "0.50", "carats_to": "2.00"}, "do not tile the carats"),
        ({"carats_from": "0.49", "carats_to": None, "offset_from": 7}, "do not tile the list"),
        ({"carats_from": "0.49", "carats_to": None, "offset_to": 7}, "do not tile the list"),
    ],
)
def test_carats_and_offsets_of_a_crowded_price_must_tile_too(
    supplier: MemorySupplier, wrong: dict[str, Any], fault: str
) -> None:
    run = planned((0, None), carats_from="0", carats_to="0.48")
    right = {"carats_from": "0.49", "carats_to": None}
    Partition.objects.create(run=run, ordinal=7, expected=1, **right)
    with transaction.atomic():
        leave_planning(run)
    Run.objects.filter(pk=run.pk).update(state="planning")
    run.partitions.filter(ordinal=7).delete()

    Partition.objects.create(run=run, ordinal=8, expected=1, **wrong)

    with pytest.raises(IntegrityError, match=fault):
        leave_planning(run)


@pytest.mark.django_db
def test_a_planned_range_never_changes(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(max_partition_stones=100), until="ingesting")

    with pytest.raises(IntegrityError, match="was planned and does not change"), transaction.atomic():
        run.partitions.filter(ordinal=0).update(price_to=5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT ingest_tiling_fault(%s)", [run.pk])

        assert cursor.fetchone() == (None,)
