"""Counts by the minute: gathered in the process, added up over processes, read by quarters of an hour, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from diamondhub.database import psycopg_cursor
from diamondhub.operations import measuring
from diamondhub.operations.models import Measurement

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    measuring.take()
    yield
    measuring.take()


def write() -> None:
    with psycopg_cursor() as cursor:
        measuring.write(cursor)


def test_what_is_counted_is_added_to_the_minute_by_name_and_labels() -> None:
    measuring.add("stones", "a", count=2)
    measuring.add("stones", "b")
    write()
    measuring.add("stones", "a", count=3, total=1.5)
    write()

    rows = Measurement.objects.order_by("labels").values_list("name", "labels").distinct()

    assert list(rows) == [("stones", ["a"]), ("stones", ["b"])]
    totals = measuring.by_quarter("stones")
    assert {labels: sum(values.values()) for labels, values in totals.items()} == {("a",): 5, ("b",): 1}


def test_nothing_is_written_where_nothing_was_counted() -> None:
    measuring.add("stones", "a", count=0)

    write()

    assert not Measurement.objects.exists()


def test_what_cannot_be_written_stays_counted() -> None:
    measuring.add("x" * 100, count=2)

    with pytest.raises(DatabaseError):
        write()

    assert measuring.take() == {("x" * 100, ()): (2, 0.0)}


def test_labels_without_number_cost_no_memory_without_bound() -> None:
    for number in range(measuring.MAX_KEPT + 100):
        measuring.add("requests", f"path-{number}")

    assert len(measuring.take()) == measuring.MAX_KEPT


def test_durations_are_counted_by_class_and_the_class_of_most_is_told() -> None:
    for _ in range(95):
        measuring.add_duration("calls", seconds=0.04)
    for _ in range(5):
        measuring.add_duration("calls", seconds=7)

    counts = {labels[-1]: float(count) for (_, labels), (count, _) in measuring.take().items()}

    assert counts == {"0.05": 95, "more": 5}
    assert measuring.quantile(counts, 0.95) == 0.05
    assert measuring.quantile(counts, 0.96) == measuring.BOUNDS[-1]
    assert measuring.quantile({}, 0.95) is None


def test_a_level_is_read_as_what_it_has_grown_by() -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    for minutes, level in ((46, 100), (31, 130), (30, 150), (1, 150)):
        Measurement.objects.create(name="level", minute=now - timedelta(minutes=minutes), count=level)
    measuring.note_level("level", 145)
    measuring.note_level("level", 170)

    growth = measuring.grown_by_quarter("level")

    assert sum(growth.values()) == 70


def test_minutes_are_forgotten_after_their_days() -> None:
    for days in (0, measuring.KEPT_DAYS - 1, measuring.KEPT_DAYS + 1):
        Measurement.objects.create(name="x", minute=timezone.now() - timedelta(days=days))

    measuring.forgotten().delete()

    assert Measurement.objects.count() == 2


def test_a_call_of_the_api_is_counted_by_its_outcome_and_a_page_is_not() -> None:
    answer = Client().get("/api/v1/diamonds")
    Client().get("/admin/login/")

    counted = {(name, labels[0]): count for (name, labels), (count, _) in measuring.take().items()}

    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert counted == {(measuring.API_CALLS, "refused"): 1}
