"""The database of the tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from psycopg import sql

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
