"""The database of one process of tests: a copy of the migrated one, restored after every test that commits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from diamondhub.local.testing.templates import template

#: The schema with copies of the rows that migrations made.
KEPT = "as_migrated"
#: Tables with rows, partitions one by one; a table whose file is empty has none.
_WRITTEN = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
#: Tables and those that refer to them, which cannot be emptied without them.
_REFERRING = "SELECT confrelid::regclass::text, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"


@contextmanager
def copied(url: str) -> Iterator[str]:
    """A database of this process's own for the time of the block; Django uses it. Returns its name."""
    name = f"test_{conninfo_to_dict(url).get('dbname', 'diamondhub')}_{os.getpid()}"
    source = template(url)
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as admin:
        if admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
            pytest.exit("DATABASE_URL: tests need a superuser, for they empty tables whose triggers refuse that", 1)
        admin.execute("SELECT pg_advisory_lock(hashtext('diamondhub tests'))")
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(source)
            )
        )
    parts = conninfo_to_dict(url)
    # Changed in place, since Django's connections hold this very dictionary.
    settings.DATABASES["default"].update(
        HOST=parts.get("host", ""),
        PORT=str(parts.get("port", "")),
        USER=parts.get("user", ""),
        PASSWORD=parts.get("password", ""),
        NAME=name,
    )
    connections["default"].settings_dict.update(settings.DATABASES["default"])
    try:
        _prepare()
        yield name
    finally:
        connections.close_all()
        with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def put_back() -> None:
    """Empty the tables that a test has written, and restore the rows that migrations made.

    Django would truncate all tables and make content types and permissions anew, which takes ten times as long.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        changed = {name for (name,) in cursor.fetchall()} - set(_kept)
        for name, before in _kept.items():
            cursor.execute(_state(name))
            if cursor.fetchone() != before:
                changed.add(name)
        if not changed:
            return
        emptied = _with_referring(changed)
        # Without triggers: those of the audit refuse deletions and would record the restored rows.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, sorted(emptied)))))
        for name in emptied & set(_kept):
            cursor.execute(
                sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT * FROM {}").format(
                    sql.Identifier(name), sql.Identifier(KEPT, name)
                )
            )
            cursor.execute(_state(name))
            _kept[name] = cursor.fetchone()


#: The tables that have rows after `migrate`, with the number and newest transaction of these.
_kept: dict[str, tuple[int, int] | None] = {}
_referring: dict[str, set[str]] = {}


def _prepare() -> None:
    """Copy the rows that migrations made to the schema `KEPT`."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERRING)
        for table, referring in cursor.fetchall():
            _referring.setdefault(table, set()).add(referring)
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(KEPT)))
        cursor.execute(_WRITTEN)
        for (name,) in cursor.fetchall():
            cursor.execute(
                sql.SQL("CREATE TABLE {} AS TABLE {}").format(sql.Identifier(KEPT, name), sql.Identifier(name))
            )
            cursor.execute(_state(name))
            _kept[name] = cursor.fetchone()


def _state(table: str) -> sql.Composed:
    """A query whose answer differs after any change of a table's rows."""
    return sql.SQL("SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM {}").format(sql.Identifier(table))


def _with_referring(tables: set[str]) -> set[str]:
    """The tables and all that refer to them, directly or indirectly."""
    reached, ahead = set(tables), list(tables)
    while ahead:
        for name in _referring.get(ahead.pop(), set()) - reached:
            reached.add(name)
            ahead.append(name)
    return reached
