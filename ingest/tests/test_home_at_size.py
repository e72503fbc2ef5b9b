"""The start page over large tables: no plan of its statements reads one of them whole, and there are few statements."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import inf
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog import on_sale
from diamondhub.alerts.models import Event
from diamondhub.operations import home, snapshots
from diamondhub.operations.models import Measurement, Worker
from diamondhub.operations.problems import tracking
from ingest.models import ConsolidationBatch, SupplierRequests
from ingest.tests import rows
from ingest.tests.at_size import analyze, copies, statements, whole_scans

pytestmark = pytest.mark.django_db

#: Rows of the large tables; enough for plans to be those of millions.
MANY = 30_000
#: What differs between the rows that a large table is filled with, as SQL by column; `n` counts them.
FILLED: dict[str, dict[str, str]] = {
    "ingest_run": {"created_at": "now() - n * interval '1 hour'", "finished_at": "now() - n * interval '1 hour'"},
    "ingest_partition": {"ordinal": "n"},
    "ingest_consolidationbatch": {"ordinal": "n"},
    "ingest_deadletter": {"fingerprint": "md5(n::text)"},
    "alerts_event": {"dedupe_key": "n::text"},
    "operations_problem": {"about": "n::text"},
    "operations_measurement": {"minute": "minute - n * interval '1 minute'"},
    "operations_worker": {"place": "n::text"},
    "ingest_supplierrequests": {"at": "at - n * interval '10 seconds'"},
}


@pytest.fixture
def _large_tables() -> None:
    """Many rows of everything that the page counts, of which nothing is open, live or due."""
    long_ago = timezone.now() - timedelta(days=2)
    over = rows.run(state="completed", due_at=None, finished_at=long_ago, summary={"received": 5, "repeats": 0})
    rows.partition(over, kind="confirm", state="completed", due_at=None)
    ConsolidationBatch.objects.create(run=over, ordinal=0, stone_from=UUID(int=0), raw_through=1, state="completed")
    rows.dead_letter(over, state="replayed")
    Event.objects.create(dedupe_key="k", kind="x", severity="info", subject="x")
    tracking.occurred("run-failed", "feed:x", subject="x")
    tracking.resolve("run-failed", "feed:x", why="x")
    Measurement.objects.create(name="x", minute=timezone.now())
    Worker.objects.create(
        program="x",
        place="x",
        host="h",
        pid=1,
        version="v",
        ended="stopped",
        started_at=long_ago,
        seen_at=long_ago,
        ended_at=long_ago,
    )
    SupplierRequests.objects.create(account="x", at=long_ago, requests=1)
    with connection.cursor() as cursor:
        # Neither the audit nor the rules of states is what is looked at.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, differing in FILLED.items():
            cursor.execute(f"SELECT max(id) FROM {table}")
            copies(table, (cursor.fetchone() or (0,))[0], MANY, differing)
        cursor.execute("SET LOCAL session_replication_role = origin")
    analyze(FILLED)


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


@pytest.mark.usefixtures("_large_tables")
@pytest.mark.parametrize("name", ["admin:index", "home_now", "home_slow"])
def test_no_statement_of_the_page_reads_a_large_table_whole(name: str, browser: Client) -> None:
    live = rows.run()
    rows.partition(live)
    rows.dead_letter(live)

    asked = statements(browser, reverse(name))

    assert len(asked) > 15
    assert whole_scans(asked, FILLED) == {}


@pytest.mark.usefixtures("still_banner")
def test_who_comes_within_two_seconds_costs_what_a_session_costs(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The whole test lies within them, however slow the machine is.
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 3_600.0)
    rows.run()
    browser.get(reverse("admin:index"))

    for name in ("admin:index", "home_now", "home_slow"):
        assert len(statements(browser, reverse(name))) <= 8, name


def test_a_snapshot_of_all_costs_the_same_for_many_live_rows_as_for_few(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.delete(on_sale.KEY)
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 0.0)
    for name, registered in home._parts.items():
        # What is asked less often than each time is asked once, however long the test takes.
        monkeypatch.setitem(home._parts, name, replace(registered, every=registered.every and inf))
    live = rows.run()
    rows.partition(live)
    statements(browser, reverse("home_now"))
    few = len(statements(browser, reverse("home_now")))
    for _ in range(30):
        rows.partition(live)
        rows.dead_letter(live)

    many = len(statements(browser, reverse("home_now")))

    assert many == few
    assert many <= 30
