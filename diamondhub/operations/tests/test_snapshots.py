"""Snapshots: one for all who look, whatever their number; taken anew when old; and by oneself if nobody comes to an end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from diamondhub.operations import snapshots
from diamondhub.operations.models import Snapshot
from diamondhub.tests.patience import HANG_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _slow_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """No snapshot gets old by itself, however slow the machine is."""
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 600.0)
    monkeypatch.setattr(snapshots, "STALE_SECONDS", 1_200.0)
    monkeypatch.setattr(snapshots, "WAIT_SECONDS", 180.0)


def age(seconds: float) -> None:
    """Make the snapshot as old as that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE operations_snapshot SET begun_at = clock_timestamp() - %s * interval '1 second',"
            " taken_at = taken_at - %s * interval '1 second'",
            [seconds, seconds],
        )


def test_a_fresh_snapshot_is_shown_as_it_is() -> None:
    first = snapshots.of("page", lambda _former: "one")

    second = snapshots.of("page", lambda _former: "two")

    assert (first, second) == ("one", "one")
    assert Snapshot.objects.get().taken == 1


def test_an_old_one_is_taken_anew_from_the_former() -> None:
    snapshots.of("page", lambda _former: "one")
    age(snapshots.FRESH_SECONDS)

    body = snapshots.of("page", lambda former: f"{former}, two")

    assert body == "one, two"


def test_while_somebody_takes_it_others_see_the_former_one_unless_it_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshots, "WAIT_SECONDS", 0.0)
    snapshots.of("page", lambda _former: "one")
    age(snapshots.FRESH_SECONDS)
    assert snapshots.begin("page")
    former = snapshots.of("page", lambda _former: "two")
    age(snapshots.STALE_SECONDS)
    Snapshot.objects.update(begun_at=snapshots_clock())

    own = snapshots.of("page", lambda _former: "three")

    assert (former, own) == ("one", "three")


def snapshots_clock() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_twenty_viewers_at_once_cost_one_snapshot() -> None:
    taken: list[int] = []
    together = threading.Barrier(20)

    def look(_viewer: int) -> str:
        def take(_former: str) -> str:
            taken.append(1)
            return "the page"

        try:
            together.wait(HANG_SECONDS)
            return snapshots.of("page", take)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as viewers:
        bodies = list(viewers.map(look, range(20)))

    assert bodies == ["the page"] * 20
    assert len(taken) == 1
