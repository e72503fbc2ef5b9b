"""Old months of the audit: into files that are read back first, and nothing goes that no verified file has."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.audit import archiving, doctor, tracking
from diamondhub.audit.models import AuditArchive, AuditEvent
from diamondhub.operations import retention
from diamondhub.operations.doctor.tests.planting import findings

pytestmark = pytest.mark.django_db

CLIENTS: Any = tracking.AUDITED["access.apiclient"].events.objects
TABLE = "access_apiclientevent"
LONG_AGO = date(2020, 3, 1)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Archives of the test's own, and a year of the audit in the database."""
    settings.AUDIT_RETENTION_MONTHS = 12
    archives = {**settings.STORAGES["archives"], "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "archives": archives}
    return tmp_path


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters) or None)


def event_at(at: datetime, name: str) -> None:
    """An event of that moment: a new one of now, put there under its own name."""
    client = create_client(name, scopes=["catalog:read"]).key.client
    sql("ALTER TABLE access_apiclientevent DISABLE TRIGGER audit_kept")
    sql("UPDATE access_apiclientevent SET pgh_created_at = %s WHERE pgh_obj_id = %s", at, client.pk)
    sql("ALTER TABLE access_apiclientevent ENABLE TRIGGER audit_kept")


@pytest.fixture
def events() -> list[str]:
    """Two events of a month of long ago, its first and its last moment, one of the month behind it, and one of now."""
    last = datetime(2020, 3, 31, 23, 59, 59, 999_999, UTC)
    event_at(datetime(2020, 3, 1, tzinfo=UTC), "first")
    event_at(last, "last")
    event_at(datetime(2020, 4, 1, tzinfo=UTC), "behind")
    create_client("now", scopes=["catalog:read"])
    return names()


def names() -> list[str]:
    return sorted(CLIENTS.values_list("name", flat=True))


def prune() -> dict[str, int]:
    removed: dict[str, int] = {}
    for bit in archiving.archive_months():
        for kind, count in bit.items():
            removed[kind] = removed.get(kind, 0) + count
    return removed


@pytest.mark.usefixtures("events")
def test_old_months_go_to_files_with_their_digest_and_the_others_stay(folder: Path) -> None:
    before = list(CLIENTS.filter(name="first").values())

    removed = prune()

    archive = AuditArchive.objects.get(month=LONG_AGO)
    file = folder / "audit" / "2020-03.ndjson.gz"
    manifest = json.loads((folder / "audit" / "2020-03.ndjson.gz.manifest.json").read_text())
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert removed == {"audit_events": 3, "audit_months": 2}
    assert names() == ["now"]
    assert (archive.state, archive.rows, archive.tables) == ("dropped", 2, {TABLE: 2})
    assert archive.sha256 == manifest["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [(line["table"], line["row"]["name"]) for line in lines] == [(TABLE, "first"), (TABLE, "last")]
    assert lines[0]["row"]["pgh_id"] == before[0]["pgh_id"]


@pytest.mark.usefixtures("events")
def test_by_default_everything_stays_for_ever(settings: Any) -> None:
    settings.AUDIT_RETENTION_MONTHS = 0

    assert archiving.would_archive() == {"audit_months": 0, "audit_events": 0}
    assert prune() == {}


@pytest.mark.usefixtures("events")
def test_a_dry_run_says_what_would_go_with_its_bytes() -> None:
    assert archiving.would_archive() == {"audit_months": 2, "audit_events": 3}
    amount = archiving.would_free()
    assert amount.rows == 3
    assert amount.bytes > 0
    assert len(names()) == 4


@pytest.mark.parametrize("months", [1, 2, 11, 12, 13, 1200])
def test_whole_months_stay_in_any_month_of_the_year(months: int, settings: Any, today: date) -> None:
    settings.AUDIT_RETENTION_MONTHS = months

    first = archiving.kept_from()

    assert first is not None
    assert first.day == 1
    assert (today.year - first.year) * 12 + today.month - first.month == months


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM access_apiclientevent",
        "UPDATE access_apiclientevent SET pgh_who = 'nobody'",
        "TRUNCATE access_apiclientevent",
        "SELECT audit_forget_month('2020-03-01', 'access_apiclientevent')",
    ],
)
@pytest.mark.usefixtures("events")
def test_no_event_goes_without_a_verified_archive_before_and_after_a_month_went(statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)
    prune()
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)

    assert names() == ["now"]


@pytest.mark.usefixtures("events")
def test_a_month_that_has_other_events_than_its_file_stays_whole() -> None:
    steps = archiving.archive_months()
    event = CLIENTS.filter(name="first").get()
    _stop_when_verified()
    sql(
        "INSERT INTO access_apiclientevent SELECT (jsonb_populate_record(e, '{\"pgh_id\": 900000}')).*"
        " FROM access_apiclientevent AS e WHERE pgh_id = %s",
        event.pgh_id,
    )

    removed = list(steps)

    assert {"audit_months": 1} in removed
    assert names() == ["first", "first", "last", "now"]
    assert AuditArchive.objects.get(month=LONG_AGO).state == "verified"


def _stop_when_verified() -> None:
    """Bring the oldest month as far as a pruning that was cut off between verifying and dropping."""
    archive = archiving._written(LONG_AGO)
    archiving.verify(archive)
    AuditArchive.objects.filter(pk=archive.pk).update(state="verified")


@pytest.mark.usefixtures("events")
def test_a_pruning_that_was_cut_off_goes_on_where_it_was() -> None:
    _stop_when_verified()

    assert prune() == {"audit_events": 3, "audit_months": 2}
    assert names() == ["now"]


@pytest.mark.usefixtures("events")
def test_a_file_that_was_only_begun_is_written_anew(folder: Path) -> None:
    (folder / "audit").mkdir()
    (folder / "audit" / "2020-03.ndjson.gz").write_bytes(b"half a fi")

    prune()

    assert AuditArchive.objects.get(month=LONG_AGO).file == "audit/2020-03.ndjson.gz"
    call_command("audit_archives", "--verify", stdout=StringIO())


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def without_an_event(file: Path) -> None:
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(lines[1:])))


@pytest.mark.parametrize("damage", [cut, empty, without_an_event, Path.unlink])
@pytest.mark.usefixtures("events")
def test_a_damaged_file_lets_nothing_go_and_is_told(damage: Callable[[Path], None], folder: Path) -> None:
    _stop_when_verified()
    damage(folder / "audit" / "2020-03.ndjson.gz")

    removed = prune()
    with pytest.raises(CommandError, match="1 of 2 archives are not what was written"):
        call_command("audit_archives", "--verify", stdout=StringIO())

    assert removed == {"audit_events": 1, "audit_months": 1}
    assert names() == ["first", "last", "now"]


@pytest.mark.usefixtures("events")
def test_what_an_archive_says_of_its_file_cannot_be_changed_nor_the_row_deleted() -> None:
    prune()

    for statement in (
        "UPDATE audit_auditarchive SET sha256 = 'another'",
        "UPDATE audit_auditarchive SET state = 'written'",
        "DELETE FROM audit_auditarchive",
        "TRUNCATE audit_auditarchive",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(statement)


def test_a_month_is_put_back_as_it_was_for_some_days_and_goes_again(events: list[str]) -> None:
    before = list(AuditEvent.objects.order_by("id").values())
    prune()
    out = StringIO()

    call_command("audit_archives", "--restore", "2020-03", "--days", "5", "--json", stdout=out)
    restored = list(AuditEvent.objects.order_by("id").values())
    meanwhile = prune()
    AuditArchive.objects.filter(month=LONG_AGO).update(restored_until=timezone.now())
    gone_again = prune()

    assert json.loads(out.getvalue()) == {"month": "2020-03", "restored": 2, "days": 5}
    assert restored == [event for event in before if event["at"].month != 4 or event["at"].year != 2020]
    assert meanwhile == {}
    assert gone_again == {"audit_events": 2, "audit_months": 1}
    assert names() == ["now"]


@pytest.mark.usefixtures("events")
def test_only_a_month_that_went_can_be_put_back() -> None:
    prune()
    call_command("audit_archives", "--restore", "2020-03", stdout=StringIO())

    with pytest.raises(CommandError, match="is in the database: it is restored"):
        call_command("audit_archives", "--restore", "2020-03", stdout=StringIO())
    with pytest.raises(CommandError, match="2019-01 is not archived"):
        call_command("audit_archives", "--restore", "2019-01", stdout=StringIO())
    for wrong in ("2020-13", "March", "2020-03-01"):
        with pytest.raises(CommandError, match="must be a month like 2026-03"):
            call_command("audit_archives", "--restore", wrong)


def test_the_list_says_what_is_where(events: list[str]) -> None:
    prune()
    out = StringIO()

    call_command("audit_archives", "--json", stdout=out)

    rows = json.loads(out.getvalue())["archives"]
    assert [(row["month"], row["state"], row["rows"]) for row in rows] == [
        ("2020-03", "dropped", 2),
        ("2020-04", "dropped", 1),
    ]


@pytest.mark.usefixtures("events")
def test_the_doctor_finds_months_that_are_stuck_and_files_that_are_gone(folder: Path) -> None:
    prune()
    fine = findings(doctor.archives_are_there)
    (folder / "audit" / "2020-03.ndjson.gz").unlink()
    gone = findings(doctor.archives_are_there)
    AuditArchive.objects.create(month=date(2019, 1, 1), file="x", sha256="", bytes=0, rows=0)
    AuditArchive.objects.filter(file="x").update(created_at=datetime(2020, 1, 1, tzinfo=UTC))

    stuck = findings(doctor.archives_are_there)

    assert fine == []
    assert [finding.severity for finding in gone] == ["critical"]
    assert "The audit of 2019-01 could not be archived" in stuck[0].words


def test_it_is_a_step_of_every_pruning() -> None:
    (step,) = [step for step in retention.steps() if step.name == "audit_months"]

    assert step.remove is archiving.archive_months
    assert not ApiClient.objects.exists()
