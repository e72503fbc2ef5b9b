"""What is told of the indexes of hosts: those that are behind, those that nobody keeps, and hosts that are gone."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from catalog import state_metrics
from catalog.index import board, reports
from catalog.index.board import Notice
from catalog.models import IndexBuilder
from diamondhub.database import psycopg_cursor, separate_cursor
from diamondhub.operations import workers
from diamondhub.operations.models import Worker

pytestmark = pytest.mark.django_db


def builder(host: str, *, silent: float = 0.0, behind: float = 0.0, failure: str = "") -> None:
    """A builder that was heard of so many seconds ago."""
    IndexBuilder.objects.create(
        host=host,
        seen_at=timezone.now() - timedelta(seconds=silent),
        version=1,
        behind_seconds=behind,
        failure=failure,
    )


def web(host: str, *, missing: float = 0.0, ever: bool = True, silent: float = 0.0, ended: str = "") -> None:
    """A web process that was seen so many seconds ago, and whose index nobody has kept for so long."""
    at = timezone.now() - timedelta(seconds=silent)
    Worker.objects.create(
        program="web",
        place=f"{host} web ",
        host=host,
        pid=1,
        queues=[],
        started_at=at - timedelta(hours=1),
        seen_at=at,
        ended=ended,
        ended_at=at if ended else None,
        notes={reports.NOTE: {"seconds": missing, "ever": ever}},
    )


def wrong() -> list[str]:
    return [item.about for item in reports.look()]


def told(name: str) -> dict[tuple[str, ...], float]:
    return {value.labels: value.value for value in state_metrics.indexes() if value.name == name}


def test_a_builder_that_died_is_told_as_long_as_somebody_searches_there() -> None:
    builder("living", silent=3_600)
    web("living", missing=3_600)
    web("living", missing=30)

    assert wrong() == ["host:living"]
    assert told("diamondhub_index_builder_silent_seconds") == {(): 3_600}
    assert told("diamondhub_index_hosts") == {("there",): 0, ("gone",): 1}
    assert told("diamondhub_index_behind_seconds") == {}


def test_a_builder_that_came_back_under_another_name_leaves_no_host_behind() -> None:
    builder("crashed", silent=90)
    builder("came-back")
    web("shop")

    assert wrong() == []
    assert told("diamondhub_index_builder_silent_seconds") == {(): 0}
    assert told("diamondhub_index_hosts") == {("there",): 1, ("gone",): 1}


def test_a_builder_that_lives_on_another_host_hides_nobody_who_searches_without_one() -> None:
    builder("crashed", silent=90)
    builder("other")
    web("shop", missing=90)
    web("other")

    assert wrong() == ["host:shop"]
    assert told("diamondhub_index_builder_silent_seconds") == {(): 90}


def test_of_two_hosts_the_one_that_is_gone_with_all_its_processes_is_missed_by_nobody() -> None:
    builder("gone", silent=120, behind=90)
    web("gone", missing=100, silent=120)
    builder("living")
    web("living")

    assert wrong() == []
    assert told("diamondhub_index_builder_silent_seconds") == {(): 0}
    assert told("diamondhub_index_behind_seconds") == {(): 0}


def test_processes_that_stopped_in_order_miss_nothing() -> None:
    builder("emptied", silent=400)
    web("emptied", missing=400, silent=1, ended="stopped")

    assert wrong() == []


def test_a_builder_that_stopped_in_order_and_does_not_come_back_is_missed() -> None:
    web("shop", missing=61)

    assert wrong() == ["host:shop"]


def test_a_host_that_never_had_a_builder_is_told_only_where_hosts_have_builders() -> None:
    web("without", missing=3_600, ever=False)
    alone = wrong(), told("diamondhub_index_builder_silent_seconds")
    builder("other")

    assert alone == ([], {})
    assert wrong() == ["host:without"]


def test_a_builder_that_is_at_work_is_told_when_it_fails_or_is_behind(settings: Any) -> None:
    settings.INDEX_MAX_AGE_SECONDS = 60
    builder("failing", failure="No space left on device")
    builder("late", behind=61)
    builder("well", behind=59)
    for host in ("failing", "late", "well"):
        web(host)

    assert sorted(wrong()) == ["host:failing", "host:late"]
    assert told("diamondhub_index_behind_seconds") == {(): 61}


def test_a_process_says_how_long_nobody_has_kept_the_index_that_it_reads(tmp_path: Path, settings: Any) -> None:
    settings.INDEX_DIR = tmp_path
    missing = reports.Missing()
    never = missing.note()
    kept = Notice(boot=board.boot(), pid=1, looked_at=time.monotonic())
    board.post(tmp_path, kept)
    at_work = missing.note()
    missing._kept_at -= 500
    board.post(tmp_path, msgspec.structs.replace(kept, looked_at=time.monotonic() - 70))
    dead = missing.note()
    missing._kept_at -= 500
    board.post(tmp_path, msgspec.structs.replace(kept, boot="another"))
    of_another_boot = missing.note()
    (tmp_path / board.NAME).unlink()
    emptied = missing.note()

    assert not never["ever"]
    assert at_work["ever"]
    assert max(never["seconds"], at_work["seconds"]) < 60
    assert 70 <= dead["seconds"] < 500
    assert of_another_boot["ever"]
    assert of_another_boot["seconds"] >= 500
    assert not emptied["ever"]
    assert emptied["seconds"] >= 500


def test_a_process_that_has_just_begun_misses_nobody_though_the_builder_died_long_ago(
    tmp_path: Path, settings: Any
) -> None:
    settings.INDEX_DIR = tmp_path
    board.post(tmp_path, Notice(boot=board.boot(), pid=1, looked_at=time.monotonic() - 3_600))

    assert reports.Missing().note()["seconds"] < 60


def test_a_note_that_breaks_keeps_no_process_from_being_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_notes", {})
    workers.note("web", "broken", lambda: 1 / 0)
    workers.note("web", "whole", lambda: 1)
    workers.note("index", "of-another", lambda: 2)

    assert workers._noted("web") == {"whole": 1}


def test_a_builder_that_stops_in_order_is_forgotten_and_no_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "mine" * 60)
    builder(("mine" * 60)[:200])
    builder("other")

    with psycopg_cursor() as cursor:
        reports.withdraw(cursor)

    assert [kept.host for kept in IndexBuilder.objects.all()] == ["other"]


@pytest.mark.django_db(transaction=True)
def test_a_builder_that_is_stopped_while_it_reports_does_not_wait_for_its_own_row() -> None:
    builder(reports._host())

    with transaction.atomic():
        # What a signal interrupts, and what goes on only when the signal's handler is over.
        IndexBuilder.objects.update(behind_seconds=1)
        with pytest.raises(LockNotAvailable), separate_cursor("diamondhub-index-ends") as cursor:
            reports.withdraw(cursor)

    assert IndexBuilder.objects.get().behind_seconds == 1
