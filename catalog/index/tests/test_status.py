"""What health and the command say of a host's index."""

from __future__ import annotations

import json
import re
import resource
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from catalog.index import board, status
from catalog.index.builder import held
from catalog.models import DatasetVersion
from catalog.tests.factories import a_diamond
from diamondhub.operations import away
from diamondhub.operations.models import Snapshot
from diamondhub.telemetry import health

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the index; not there yet."""
    # On a machine without a free moment checks are late that find nothing.
    monkeypatch.setattr(health, "ROUND_SECONDS", 60.0)
    monkeypatch.setattr(health, "STEP_SECONDS", 60.0)
    settings.INDEX_DIR = tmp_path / "index"
    health.forget()
    return tmp_path / "index"


def built(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    call_command("index", "--once", "--json")
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_once_brings_the_index_up_to_date_and_ends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_diamond()

    first, second = built(capsys), built(capsys)

    assert first["usable"]
    assert first["version"] == second["version"] == first["database_version"] == DatasetVersion.current()
    assert (first["stones"], first["behind_seconds"], first["failure"]) == (1, 0.0, None)
    assert len(list(folder.glob("*.index"))) == 1


def test_once_fails_where_the_folder_cannot_be_used(folder: Path) -> None:
    folder.write_text("a file")

    with pytest.raises(CommandError, match=r"the folder of the index cannot be used: .*: file exists"):
        call_command("index", "--once")


def test_once_leaves_it_to_a_builder_that_is_at_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = built(capsys)
    a_diamond()

    with held(folder):
        second = built(capsys)

    assert second["version"] == first["version"]
    assert second["builder"]


def test_once_fails_where_the_newest_version_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built(capsys)
    a_diamond()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (board.RECORD_BYTES, hard))

    try:
        with pytest.raises(CommandError, match="the index could not be brought up to date: File too large"):
            call_command("index", "--once")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_status_of_no_index_fails_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="searches are answered by the database: no builder has been at work here"):
        call_command("index", "--status", "--json")

    assert json.loads(capsys.readouterr().out) == {
        "usable": False,
        "reason": "no builder has been at work here",
        "builder": False,
        "version": None,
    }


def test_health_says_version_stones_age_and_whether_the_builder_is_at_work(
    folder: Path, capsys: pytest.CaptureFixture[str], client: Client
) -> None:
    a_diamond()
    version = built(capsys)["version"]
    without = status.health()

    with held(folder):
        outcome = status.health()
        checks = {check["name"]: check for check in client.get("/health/status").json()["checks"]}

    assert not without.ok
    assert re.fullmatch(rf"version {version}, 1 stones; the newest version; seen \d+ s ago; no builder", without.detail)
    assert outcome.ok
    assert outcome.detail.endswith("builder at work")
    assert checks["index"]["ok"]
    assert checks["index"]["detail"].startswith(f"version {version}, 1 stones")


def test_health_says_how_far_behind_the_index_is_and_what_fails(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = time.monotonic()
    monkeypatch.setattr(status, "time", SimpleNamespace(monotonic=lambda: at))
    built(capsys)
    notice = board.read(folder)
    assert notice is not None
    late = msgspec.structs.replace(
        notice, database_version=99, behind_since=at - 3600, failure="No space left on device"
    )
    board.post(folder, late)

    with held(folder):
        outcome = status.health()

    assert not outcome.ok
    assert "3600 s behind version 99" in outcome.detail
    assert "failing (No space left on device)" in outcome.detail
    assert outcome.detail.endswith("the builder is behind")


def test_health_without_an_index_is_degraded_and_the_instance_ready(client: Client) -> None:
    assert {check["name"]: check["ok"] for check in client.get("/health/status").json()["checks"]}["index"] is False
    assert client.get("/health/ready").status_code == 200


def test_the_start_page_says_whether_searches_have_their_index(
    folder: Path, capsys: pytest.CaptureFixture[str], admin_client: Client
) -> None:
    without = admin_client.get("/admin/").content.decode()
    version = built(capsys)["version"]
    # The page as it was a moment ago would do for a person.
    Snapshot.objects.all().delete()
    away.forget()

    with held(folder):
        page = admin_client.get("/admin/").content.decode()

    assert "no builder has been at work here" in without
    assert "search index" in page
    assert f"version {version}" in page
    assert "no builder has been at work here" not in page
