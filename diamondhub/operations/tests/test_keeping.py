"""What is kept how long: every table of the project is in the table, and what goes is told with its bytes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from diamondhub.alerts.models import Delivery, Event
from diamondhub.audit import archiving
from diamondhub.operations import pruning, retention, sizes
from diamondhub.operations.models import Problem, ProblemEvent
from diamondhub.operations.problems import tracking

#: Steps that remove no rows of a table.
WITHOUT_ROWS = {"lost_export_files"}
DOCUMENT = Path(settings.BASE_DIR) / "docs" / "retention.md"


@pytest.mark.django_db
def test_of_every_table_it_is_said_how_long_it_is_kept() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relname FROM pg_class
            WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
            """
        )
        there = {name for (name,) in cursor.fetchall()}

    said = {keeping.table for keeping in retention.keepings()}

    assert said == there


def test_of_every_model_it_is_said_how_long_it_is_kept() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    views = {"audit_event", "pghistory_events"}

    assert tables - views <= {keeping.table for keeping in retention.keepings()}


def test_every_step_belongs_to_a_table_and_what_is_kept_for_ever_says_why() -> None:
    named = {name for keeping in retention.keepings() for name in keeping.by}

    assert named | WITHOUT_ROWS | {"prunings"} == {step.name for step in retention.steps()} | WITHOUT_ROWS
    for keeping in retention.keepings():
        if not keeping.by:
            assert re.match(r"for ever: \w|nothing is ever written: \w|until .*: the sweep", keeping.how_long), keeping


def test_the_document_has_every_table_with_what_the_code_says() -> None:
    text = DOCUMENT.read_text()

    missing = [
        keeping.model
        for keeping in retention.keepings()
        if f"`{keeping.table}`" not in text and keeping.table not in archiving.tables()
    ]
    assert missing == []
    for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", " ".join(keeping.how_long for keeping in retention.keepings())):
        assert f"`{name}`" in text, name


@pytest.mark.django_db
def test_problems_that_ended_long_ago_go_with_what_became_of_them_and_others_stay() -> None:
    long_ago = timezone.now() - timedelta(days=settings.HISTORY_RETENTION_DAYS + 1)
    for about in ("ended", "goes on", "back"):
        tracking.occurred("backup-old", about, subject="old")
    for about in ("ended", "back"):
        tracking.resolve("backup-old", about, why="mended")
    Problem.objects.filter(state="resolved").update(resolved_at=long_ago)
    ProblemEvent.objects.update(at=long_ago)
    tracking.occurred("backup-old", "back", subject="old")
    steps = {step.name: step for step in retention.steps()}

    assert list(steps["problems"].remove()) == [{"problems": 1}]
    assert list(steps["problem_events"].remove()) == [{"problem_events": 2}]

    assert set(Problem.objects.values_list("about", flat=True)) == {"goes on", "back"}
    kept = ProblemEvent.objects.order_by("pk").values_list("problem__about", "what")
    assert list(kept) == [("goes on", "opened"), ("back", "reopened")]


def old_alert() -> Event:
    event = Event.objects.create(dedupe_key="old", kind="run", severity="info", subject="old")
    Event.objects.update(created_at=timezone.now() - timedelta(days=settings.HISTORY_RETENTION_DAYS + 1))
    for channel in ("log", "email"):
        Delivery.objects.create(event=event, channel=channel, state="delivered")
    return event


@pytest.mark.django_db
def test_a_dry_run_tells_rows_and_bytes_with_what_hangs_on_them_and_removes_nothing() -> None:
    old_alert()
    out = StringIO()

    call_command("prune", "--dry-run", "--json", stdout=out)

    told = json.loads(out.getvalue())
    assert told["removed"]["alerts"] == 1
    assert told["frees"]["alerts"]["rows"] == 3
    assert told["frees"]["alerts"]["bytes"] > 0
    assert set(told["frees"]) == {step.name for step in retention.steps() if step.would_free}
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_every_step_that_removes_rows_says_what_that_frees() -> None:
    without = {step.name for step in retention.steps() if step.would_free is None}

    assert without == set()
    assert all(amount.bytes >= 0 for amount in pruning.would_free().values())


@pytest.mark.django_db
def test_whole_pieces_are_measured_and_tables_that_are_cut_are_the_sum_of_theirs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE planted (day date, words text) PARTITION BY RANGE (day)")
        cursor.execute("CREATE TABLE planted_1 PARTITION OF planted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')")
        cursor.execute("CREATE TABLE planted_default PARTITION OF planted DEFAULT")
        cursor.execute("INSERT INTO planted SELECT '2026-01-05', repeat('x', 100) FROM generate_series(1, 1000)")

    piece = sizes.of_pieces(["planted_1"])

    assert piece.rows == 1000
    assert 100_000 < piece.bytes < 400_000
    assert sizes.of_table("planted").rows == 1000
    assert sizes.of_table("no_such_table") == sizes.Amount()


@pytest.mark.django_db
def test_the_list_says_what_is_kept_how_long_with_the_settings_values() -> None:
    out = StringIO()

    call_command("prune", "--list", "--json", stdout=out)

    rows = {row["model"]: row for row in json.loads(out.getvalue())["kept"]}
    assert f"RAW_RETENTION_DAYS ({settings.RAW_RETENTION_DAYS}) days" in rows["ingest.RawDiamond"]["how_long"]
    assert rows["ingest.RawDiamond"]["by"] == ["raw_days"]
