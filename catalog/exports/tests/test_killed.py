"""A worker that is killed while it writes: another begins anew, and nothing of the first is left or counted."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from psycopg import sql

from catalog import tasks
from catalog.exports import writing
from catalog.exports.models import Export
from catalog.exports.tests.asking import file_of, start, text_of
from catalog.exports.work import work
from catalog.tests.factories import a_diamond
from diamondhub.access.models import RowsTaken
from diamondhub.celery import app

#: It goes on sending, so PostgreSQL notices when nobody reads any more.
ENDLESS = """
COPY (SELECT repeat('x', 20000) FROM generate_series(1, 100000) WHERE pg_sleep(0.02)::text IS NOT NULL) TO STDOUT
"""


def test_workers_know_the_task() -> None:
    assert tasks.export.name in app.tasks


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_was_writing_is_written_by_the_next(
    http: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, today: Any
) -> None:
    a_diamond()
    started = start(http)
    number = started.json()["export"]
    # Each process has a connection of its own.
    connection.close()

    worker = os.fork()
    if not worker:
        try:
            # It has taken the rows, begun its file, and never comes to an end.
            monkeypatch.setattr(writing, "statement_of", lambda _choice: sql.SQL(ENDLESS))
            work(number)
        finally:
            os._exit(1)
    end = monotonic() + 60
    while not (list(folder.rglob("*.part")) and RowsTaken.objects.filter(rows=1).exists()):
        assert monotonic() < end
        sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    work(number)
    too_early = http.get(started["Location"]).json()["state"]
    # As if the lease had run out.
    Export.objects.update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    work(number)

    export = http.get(started["Location"]).json()
    assert too_early == "running"
    assert (export["state"], export["rows"]) == ("finished", 1)
    assert json.loads(text_of(http, export))["shape"] == "ROUND"
    assert file_of(http, export).status_code == 200
    assert list(folder.rglob("*.part")) == []
    assert RowsTaken.objects.get().rows == 1
    assert Export.objects.get().attempts == 2
