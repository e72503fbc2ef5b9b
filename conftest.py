"""The database, the day and the browser of the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from time import sleep
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from diamondhub.local import chromium as browsers
from diamondhub.timed_tables import ON_TRUNCATE

#: A test that asks for the day is over long before it has taken this (seconds).
_ONE_TEST = 60


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let tests that commit empty all tables afterwards: Django truncates, which triggers refuse in a real database."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgtype & %s > 0",
            [ON_TRUNCATE],
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(
                sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(sql.Identifier(table), sql.Identifier(trigger))
            )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let tests that ask for the day begin where it is not about to end, and before their transaction stops the clock."""
    if "today" not in getattr(item, "fixturenames", ()):
        return
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    if midnight - now < timedelta(seconds=_ONE_TEST):
        while (now := datetime.now(UTC)) < midnight:
            sleep((midnight - now).total_seconds())


@pytest.fixture
def today() -> date:
    """The day (UTC) on which the whole test runs: one that would begin in the last minute of a day waits for the next."""
    return datetime.now(UTC).date()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; tests that ask for it are skipped where there is none."""
    found = browsers.chromium()
    if found is None:
        pytest.skip(
            "there is no chromium on this machine (apt-get install chromium): nothing was looked at in a browser"
        )
    return found
