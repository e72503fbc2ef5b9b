"""What the doctor finds of the product's own machinery: beat, workers, tables made ahead, prunings, backups."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from diamondhub.operations import backups, retention
from diamondhub.operations.doctor import of_machinery
from diamondhub.operations.doctor.tests.planting import findings, severities, sql, words
from diamondhub.operations.models import Pruning, Worker
from diamondhub.telemetry.models import Heartbeat

pytestmark = pytest.mark.django_db


def seen(name: str, ago: timedelta) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": timezone.now() - ago})


def test_a_sweep_that_never_was_or_is_late_is_critical_and_one_of_now_is_fine() -> None:
    Heartbeat.objects.all().delete()
    never = severities(of_machinery.sweep_goes_round)
    seen("sweep", timedelta(minutes=10))
    late = findings(of_machinery.sweep_goes_round)
    Heartbeat.beat("sweep")

    assert never == ["critical"]
    assert re.search(r"was 10 min \d\d s ago", late[0].words)
    assert findings(of_machinery.sweep_goes_round) == []


def test_a_piece_that_is_not_made_and_a_row_in_the_net_are_found(today: date) -> None:
    tables = retention.tables_made_ahead()
    for table in tables:
        table.make_ahead(today)
    fine = findings(of_machinery.pieces_are_made)
    changes = next(table for table in tables if table.name == "catalog_change")
    sql(f"DROP TABLE {changes.piece(today + timedelta(days=1)).name}")
    next_is_missing = findings(of_machinery.pieces_are_made)
    sql(f"DROP TABLE {changes.piece(today).name}")
    both_are_missing = severities(of_machinery.pieces_are_made)
    changes.make_ahead(today)
    sql("INSERT INTO catalog_change VALUES (1, '2001-01-01', gen_random_uuid())")
    caught = words(of_machinery.pieces_are_made)

    assert fine == []
    assert [finding.severity for finding in next_is_missing] == ["warning"]
    assert "catalog_change has no piece catalog_change_" in next_is_missing[0].words
    assert both_are_missing == ["critical"]
    assert "catalog_change_default holds rows" in caught


@pytest.mark.parametrize(("days", "is_late"), [(1, False), (3, True)])
def test_prunings_that_do_not_get_through_are_found(days: int, is_late: bool) -> None:
    then = timezone.now() - timedelta(days=days)
    Pruning.objects.create(started_by="schedule", state=Pruning.State.COMPLETED, completed_at=then)

    assert bool(findings(of_machinery.old_things_go)) == is_late


def test_prunings_of_which_the_first_never_ends_are_found() -> None:
    pruning = Pruning.objects.create(started_by="schedule")
    Pruning.objects.filter(pk=pruning.pk).update(created_at=timezone.now() - timedelta(days=3))

    assert "No pruning was over since" in words(of_machinery.old_things_go)


def test_backups_that_nobody_notes_are_told_but_are_no_fault() -> None:
    assert severities(of_machinery.backup_is_fresh) == ["info"]
    assert list(backups.look()) == []


def test_a_backup_that_was_noted_is_fine_until_it_is_too_old(settings: Any) -> None:
    call_command("note_backup", "--json")
    fresh = findings(of_machinery.backup_is_fresh)
    seen("backup", timedelta(hours=settings.BACKUP_MAX_AGE_HOURS + 1))

    assert fresh == []
    assert severities(of_machinery.backup_is_fresh) == ["critical"]
    (wrong,) = backups.look()
    assert (wrong.kind, wrong.about) == ("backup-old", "backup")
    assert "1 d 3 h ago" in wrong.subject


def test_backups_that_are_not_watched_are_never_late(settings: Any) -> None:
    settings.BACKUP_MAX_AGE_HOURS = 0
    seen("backup", timedelta(days=100))

    assert findings(of_machinery.backup_is_fresh) == []
    assert list(backups.look()) == []


def process(program: str, *queues: str, **fields: Any) -> Worker:
    now = timezone.now()
    values = {"place": program, "host": "here", "pid": 1, "version": "1.2", "started_at": now, "seen_at": now}
    return Worker.objects.create(program=program, queues=list(queues), **{**values, **fields})


def test_a_queue_without_a_worker_is_critical_and_so_is_one_whose_worker_is_gone() -> None:
    process("worker-io", "control", "supplier")
    cpu = process("worker-cpu", "consolidation")
    fine = findings(of_machinery.queues_have_workers)
    Worker.objects.filter(pk=cpu.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    gone = findings(of_machinery.queues_have_workers)
    Worker.objects.filter(pk=cpu.pk).update(seen_at=timezone.now(), ended_at=timezone.now())

    stopped = severities(of_machinery.queues_have_workers)

    assert fine == []
    assert [(finding.severity, "queue consolidation" in finding.words) for finding in gone] == [("critical", True)]
    assert stopped == ["critical"]


def test_processes_of_two_versions_are_found() -> None:
    process("worker-io", "control", "supplier")
    process("worker-cpu", "consolidation", version="1.1", host="there")

    (finding,) = findings(of_machinery.queues_have_workers)

    assert "1.1 on there; 1.2 on here" in finding.words
