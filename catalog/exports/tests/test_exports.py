"""Exports from outside: asked for, written, fetched, cancelled, expired."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from psycopg import sql

from catalog.exports import files, jobs, work, writing
from catalog.exports.models import Export
from catalog.exports.tests.asking import (
    ADDRESS,
    bytes_of,
    file_of,
    refusal,
    row,
    set_rows_a_day,
    signed_in,
    start,
    text_of,
    written,
)
from catalog.grades import Clarity, Color, LabFinish
from catalog.models import DatasetVersion
from catalog.tests.factories import a_diamond, committed
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient, RowsTaken
from diamondhub.audit.models import AuditEvent
from diamondhub.operations import retention

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_line_of_a_file_is_the_object_that_a_search_shows(http: Client) -> None:
    a_diamond(
        color=Color.FANCY,
        cut=LabFinish.IDEAL,
        clarity=None,
        ratio=None,
        carats=Decimal("1.500"),
        girdle='say "thin", or\n\\thick\\ \u2028é\t',
        images=["https://images.example/1.jpg", 'a,"b'],
        treated=True,
        eye_clean=None,
        price_cents=1_234_50,
        changed_at=datetime(2026, 1, 2, 3, 4, 5, 120000, tzinfo=UTC),
    )
    a_diamond(carats=Decimal("2.000"), price_cents=9_999_999_05, rating=None, certificate_number=None)

    export = written(http)

    lines = [json.loads(line) for line in text_of(http, export).split("\n")[:-1]]
    shown = http.get("/api/v1/diamonds").json()["results"]
    assert sorted(lines, key=lambda stone: stone["id"]) == sorted(shown, key=lambda stone: stone["id"])
    assert export["fields"] == list(shown[0])


def test_columns_that_need_a_scope_are_as_the_search_shows_them_to_who_holds_it() -> None:
    http = signed_in("buyer", "catalog:cost", "catalog:supplier", "pricing:read")
    a_diamond(cost_cents=5_000_07, experiment_arm="b", rule=7)

    export = written(http)

    assert json.loads(text_of(http, export)) == http.get("/api/v1/diamonds").json()["results"][0]
    assert {"cost", "supplier_name", "rule_set"} <= set(export["fields"])


def test_an_export_says_what_it_is_from_its_start_to_its_file(http: Client) -> None:
    a_diamond(shape="OVAL")
    a_diamond()
    committed()

    started = start(http, shape=["OVAL"], fields=["price", "shape"])
    waiting = http.get(started["Location"]).json()
    too_early = file_of(http, started.json())
    work.work(started.json()["export"])
    finished = http.get(started["Location"]).json()
    file = file_of(http, finished)

    sent = bytes_of(file)
    assert started.status_code == 202
    assert (waiting["state"], waiting["links"]["file"], waiting["progress"]) == (
        "pending",
        None,
        {"rows": 0, "of": None},
    )
    assert refusal(too_early) == (409, "export-not-finished")
    assert (finished["state"], finished["rows"], finished["filters"]) == ("finished", 1, {"shape": ["OVAL"]})
    assert finished["progress"] == {"rows": 1, "of": 1}
    assert finished["dataset_version"] == DatasetVersion.current()
    assert finished["bytes"] == len(sent) == int(file["Content-Length"])
    assert finished["sha256"] == hashlib.sha256(sent).hexdigest() == file["ETag"].strip('"')
    assert file["Content-Type"] == "application/x-ndjson"
    assert (
        f'filename="diamonds-{finished["export"]}-v{finished["dataset_version"]}.ndjson"' in file["Content-Disposition"]
    )
    assert list(json.loads(sent)) == ["id", "price", "shape"]
    assert [export["export"] for export in http.get(ADDRESS).json()["results"]] == [finished["export"]]


def test_a_packed_file_is_a_gzip_file_and_never_unpacked_on_its_way(http: Client) -> None:
    a_diamond()

    export = written(http, gzip=True)
    file = http.get(f"{ADDRESS}/{export['export']}/file", headers={"Accept-Encoding": "gzip", "Accept": "text/csv"})

    assert file["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in file
    assert hashlib.sha256(bytes_of(file)).hexdigest() == export["sha256"]
    assert json.loads(text_of(http, export))["shape"] == "ROUND"


def test_a_table_has_numbers_names_and_harmless_texts(http: Client) -> None:
    stone = a_diamond(
        supplier_stone_id="=1+1",
        girdle='=HYPERLINK("x")',
        culet=None,
        price_cents=1_234_50,
        clarity=Clarity.VVS1,
        images=["=a"],
        treated=False,
        changed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )

    export = written(http, format="csv")
    text = text_of(http, export)

    (cells,) = csv.DictReader(io.StringIO(text))
    assert export["rows"] == 1
    assert list(cells) == export["fields"]
    assert cells["id"] == str(stone.pk)
    assert (cells["supplier_stone_id"], cells["girdle"], cells["culet"]) == ("'=1+1", '\'=HYPERLINK("x")', "")
    assert (cells["price"], cells["carats"], cells["clarity"], cells["treated"]) == ("1234.50", "1.01", "VVS1", "false")
    assert (cells["changed_at"], cells["images"]) == ("2026-01-02T03:04:05Z", '["=a"]')
    assert ",1234.50," in text


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_search_that_finds_nothing_gives_a_file_without_stones(http: Client, form: str) -> None:
    a_diamond()

    export = written(http, format=form, carats_min=99, gzip=True)

    assert (export["state"], export["rows"]) == ("finished", 0)
    assert len(text_of(http, export).splitlines()) == (1 if form == "csv" else 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"carats_min": 2, "carats_max": 1}, "carats_min"),
        ({"shape": ["ROUNDISH"]}, "shape"),
        ({"sort": "price"}, "sort"),
        ({"format": "xml"}, "format"),
        ({"fields": ["prise"]}, "fields[0]"),
        ({"gzip": "yes"}, "gzip"),
        ({"ids": ["x"]}, "ids[0]"),
    ],
)
def test_what_cannot_be_asked_for_is_told_with_its_field_and_nothing_begins(
    http: Client, body: dict[str, Any], field: str
) -> None:
    answer = start(http, **body)

    assert refusal(answer) == (400, "invalid-body")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Export.objects.exists()


@pytest.mark.parametrize("body", [{"cost_min": 5}, {"fields": ["cost"]}, {"supplier": ["Antwerp Stones"]}])
def test_what_needs_a_scope_is_refused_by_its_name(http: Client, body: dict[str, Any]) -> None:
    answer = start(http, **body)

    assert refusal(answer) == (403, "forbidden")
    assert "catalog:" in answer.json()["detail"]


def test_exports_are_nobody_elses(http: Client) -> None:
    a_diamond()
    export = written(http)
    other = signed_in("other")
    address = f"{ADDRESS}/{export['export']}"

    answers = [other.get(address), other.get(f"{address}/file"), other.delete(address), other.get(f"{ADDRESS}/{2**63}")]

    assert [refusal(answer) for answer in answers] == [(404, "not-found")] * 4
    assert other.get(ADDRESS).json()["results"] == []
    assert file_of(http, export).status_code == 200


def test_a_client_without_the_scope_of_reading_exports_nothing() -> None:
    key = create_client("odd", scopes=["catalog:export"]).text

    answer = start(Client(headers={"X-API-Key": key}))

    assert refusal(answer) == (403, "forbidden")
    assert "catalog:read" in answer.json()["detail"]


def test_the_same_request_sent_twice_with_one_key_begins_one_export(http: Client) -> None:
    first, second = (start(http, {"Idempotency-Key": "a-key"}) for _ in range(2))

    assert first.content == second.content
    assert second["Location"] == first["Location"]
    assert Export.objects.count() == 1


def test_a_second_export_is_refused_with_the_number_of_the_first(http: Client) -> None:
    first = start(http).json()

    second = start(http)

    assert refusal(second) == (409, "export-running")
    assert second.json()["export"] == first["export"]


def test_of_many_that_begin_at_once_one_does(http: Client) -> None:
    def ask(_: int) -> Any:
        try:
            return start(http)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(4)))

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    (running,) = Export.objects.all()
    assert {answer.json()["export"] for answer in answers} == {running.pk}


def test_rows_of_the_day_are_taken_and_used_up(http: Client, today: Any) -> None:
    for _ in range(3):
        a_diamond()
    set_rows_a_day(5)

    written(http)
    refused = start(http)
    fewer = start(http, ids=[str(a_diamond().pk)])

    assert RowsTaken.objects.get().rows == 3
    assert refusal(refused) == (429, "rows-used-up")
    assert (refused.json()["limit"], refused.json()["left"]) == (5, 2)
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert fewer.status_code == 202


def test_a_client_that_may_take_no_rows_is_told_so(http: Client) -> None:
    set_rows_a_day(0)

    assert refusal(start(http)) == (403, "forbidden")


def test_rows_that_were_used_up_meanwhile_end_the_export_with_the_reason(http: Client, today: Any) -> None:
    a_diamond()
    a_diamond()
    started = start(http)
    set_rows_a_day(1)

    work.work(started.json()["export"])

    export = http.get(started["Location"]).json()
    assert export["state"] == "failed"
    assert "1 are left today" in export["reason"]
    assert refusal(file_of(http, export)) == (410, "export-gone")
    assert not RowsTaken.objects.filter(rows__gt=0).exists()


def test_a_full_disk_ends_the_export_with_the_reason_and_gives_the_rows_back(
    http: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, today: Any
) -> None:
    a_diamond()
    full = partial(open, "/dev/full", "wb")
    monkeypatch.setattr(writing, "open", lambda _path, _mode: full(), raising=False)

    export = written(http)

    assert (export["state"], export["links"]["file"]) == ("failed", None)
    assert "no room" in export["reason"]
    assert "/dev/full" not in json.dumps(export)
    assert list(folder.rglob("*.*")) == []
    assert RowsTaken.objects.get().rows == 0


def test_a_statement_that_takes_too_long_ends_the_export(http: Client, settings: Any) -> None:
    settings.EXPORT_STATEMENT_SECONDS = 0.05
    a_diamond()
    started = start(http)

    def dawdle(*_: Any, **__: Any) -> Any:
        return sql.SQL("COPY (SELECT pg_sleep(30)) TO STDOUT")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writing, "statement_of", dawdle)
        work.work(started.json()["export"])

    export = http.get(started["Location"]).json()
    assert (export["state"], "too long" in export["reason"]) == ("failed", True)


@pytest.mark.usefixtures("today")
def test_an_export_that_cannot_be_written_is_tried_some_times_and_then_given_up(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_diamond()
    started = start(http)
    number = started.json()["export"]

    def break_down(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(writing.Snapshot, "write", break_down)

    for _ in range(work.MAX_ATTEMPTS + 1):
        Export.objects.update(due_at=datetime.now(UTC) - timedelta(hours=1))
        work.work(number)

    export = http.get(started["Location"]).json()
    assert (export["state"], "fault" in json.dumps(export)) == ("failed", False)
    assert "a fault of ours" in row(export).last_error
    assert RowsTaken.objects.get().rows == 0


def test_what_a_client_may_not_see_any_more_is_neither_written_nor_sent() -> None:
    http = signed_in("buyer", "catalog:cost")
    a_diamond()
    export = written(http)
    begun = start(http).json()

    ApiClient.objects.update(scopes=["catalog:read", "catalog:export"])
    work.work(begun["export"])

    assert refusal(file_of(http, export)) == (410, "export-gone")
    assert row(begun).state == "failed"


def test_a_cancelled_export_is_not_written_and_makes_room_for_another(http: Client) -> None:
    a_diamond()
    started = start(http)

    answers = [http.delete(started["Location"]).status_code for _ in range(2)]
    work.work(started.json()["export"])

    export = http.get(started["Location"]).json()
    assert answers == [204, 204]
    assert export["state"] == "cancelled"
    assert refusal(file_of(http, export)) == (410, "export-gone")
    assert start(http).status_code == 202


def test_an_export_that_is_cancelled_while_it_is_written_stops_and_leaves_nothing(
    http: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_diamond()
    started = start(http)
    number = started.json()["export"]
    monkeypatch.setattr(work, "BEAT_SECONDS", 0.05)

    def cancel() -> None:
        # By another connection than the worker's, as a client's request has.
        jobs.end(number)
        connection.close()

    def dawdle(*_: Any) -> Any:
        with ThreadPoolExecutor(1) as aside:
            aside.submit(cancel).result()
        return sql.SQL("COPY (SELECT pg_sleep(600)) TO STDOUT")

    monkeypatch.setattr(writing, "statement_of", dawdle)

    work.work(number)

    assert http.get(started["Location"]).json()["state"] == "cancelled"
    assert list(folder.rglob("*.*")) == []
    assert RowsTaken.objects.get().rows == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%'"
            " AND state = 'active' AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone() == (0,)


def test_whoever_lost_the_lease_neither_finishes_the_export_nor_leaves_a_file(
    http: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_diamond()
    started = start(http)
    number = started.json()["export"]
    keep = files.keep

    def keep_too_late(*arguments: Any) -> str:
        name = keep(*arguments)
        Export.objects.filter(pk=number).update(lease_token=99, lease_expires_at=None)
        return name

    monkeypatch.setattr(files, "keep", keep_too_late)

    work.work(number)

    assert http.get(started["Location"]).json()["state"] == "running"
    assert list(folder.rglob("*.*")) == []


def test_no_more_exports_are_written_at_once_than_the_setting_allows(http: Client) -> None:
    a_diamond()
    mine, others = start(http).json(), start(signed_in("other")).json()
    Export.objects.filter(pk=mine["export"]).update(lease_expires_at=datetime.now(UTC) + timedelta(hours=1))

    work.work(others["export"])
    waits = row(others).state
    Export.objects.filter(pk=mine["export"]).update(lease_expires_at=None)
    work.work(others["export"])

    assert (waits, row(others).state) == ("pending", "finished")


def test_a_file_expires_and_is_removed(http: Client, folder: Path) -> None:
    a_diamond()
    export = written(http)
    Export.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    over = file_of(http, export)
    jobs.ring_due()

    expired = http.get(f"{ADDRESS}/{export['export']}").json()
    assert refusal(over) == (410, "export-gone")
    assert "POST /api/v1/exports" in over.json()["detail"]
    assert (expired["state"], expired["links"]["file"]) == ("expired", None)
    assert refusal(file_of(http, export)) == (410, "export-gone")
    assert list(folder.rglob("*.ndjson")) == []


def test_the_file_of_a_finished_export_is_removed_by_delete(http: Client, folder: Path) -> None:
    a_diamond()
    export = written(http)

    http.delete(f"{ADDRESS}/{export['export']}")

    assert refusal(file_of(http, export)) == (410, "export-gone")
    assert list(folder.rglob("*.ndjson")) == []


def test_a_file_that_was_lost_is_told_as_gone(http: Client, folder: Path) -> None:
    a_diamond()
    export = written(http)
    (path,) = folder.rglob("*.ndjson")
    path.unlink()

    assert refusal(file_of(http, export)) == (410, "export-gone")


def test_files_that_no_row_names_are_pruned_after_a_while(http: Client, folder: Path) -> None:
    a_diamond()
    export = written(http)
    lost, young, part = folder / "files" / "1-1-lost", folder / "files" / "2-1-young", folder / "making" / "1-1.part"
    for path in (lost, young, part):
        path.write_bytes(b"x")
    for path in [lost, part, *folder.rglob("*.ndjson")]:
        os.utime(path, (0, 0))
    step = next(step for step in retention.steps() if step.name == files.KIND)

    would = step.would_remove()
    list(step.remove())

    assert would == {files.KIND: 2}
    assert (lost.exists(), young.exists(), part.exists()) == (False, True, False)
    assert file_of(http, export).status_code == 200


def test_who_exported_what_is_in_the_audit(http: Client) -> None:
    a_diamond()

    export = written(http, shape=["ROUND"])

    events = AuditEvent.objects.filter(kind="catalog.export", object_id=export["export"]).order_by("at")
    created, finished = events
    assert (created.who, created.after["asked"]) == ("shop (API client)", {"shape": ["ROUND"]})
    assert (finished.after["state"], finished.after["rows"]) == ("finished", 1)
