"""The database and the browser of the tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from diamondhub.local import chromium as browsers

#: The bit of `pg_trigger.tgtype` that says "before or after TRUNCATE".
_ON_TRUNCATE = 32


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let tests that commit empty all tables afterwards: Django truncates, which triggers refuse in a real database."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgtype & %s > 0",
            [_ON_TRUNCATE],
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(
                sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(sql.Identifier(table), sql.Identifier(trigger))
            )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; tests that ask for it are skipped where there is none."""
    found = browsers.chromium()
    if found is None:
        pytest.skip(
            "there is no chromium on this machine (apt-get install chromium): nothing was looked at in a browser"
        )
    return found
