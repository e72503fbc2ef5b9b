"""The database of one process of tests: a copy of the migrated one, restored after every test that commits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from diamondhub.audit.tracking import AUDITED
from diamondhub.local.testing.templates import template

#: The schema with copies of the rows that are put back, as a rule those that migrations made.
KEPT = "as_migrated"
#: A program of another test may be at work in the database that is copied for so long (seconds).
COPY_SECONDS = 300.0
#: Tables with rows, partitions one by one; a table whose file is empty has none.
_WRITTEN = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
#: Pieces of tables that are cut by days or months.
_PIECES = (
    "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
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
        copy(admin, source, name)
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


def copy(admin: psycopg.Connection[Any], source: str, name: str) -> None:
    """Make the database `name` anew, a copy of `source`; waits for programs of other tests that are at work in `source`."""
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    deadline = monotonic() + COPY_SECONDS
    while True:
        try:
            # The server itself waits five seconds for others to leave.
            admin.execute(statement.format(sql.Identifier(name), sql.Identifier(source)))
        except psycopg.errors.ObjectInUse:
            if monotonic() > deadline:
                raise
        else:
            return


def put_back_what_was_left() -> set[str]:
    """Put back what a program that a test started wrote when that was over. Returns the tables in which it left rows.

    Pieces that tests made ahead go, too: with them, plans are others, and rows lie elsewhere.
    """
    if not _kept:
        return set()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PIECES)
        if made := {name for (name,) in cursor.fetchall()} - _pieces:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(map(sql.Identifier, sorted(made)))))
        cursor.execute(_WRITTEN)
        names = {name for (name,) in cursor.fetchall()} - set(_kept)
        if not names:
            return names
        # What a test has rolled back leaves a file, too.
        cursor.execute(sql.SQL(" UNION ALL ").join(map(_name_if_it_has_rows, sorted(names))))
        left = {name for (name,) in cursor.fetchall()}
    return put_back() & left if left else left


def put_back() -> set[str]:
    """Empty the tables that a test has written, and restore the rows that were kept: those that migrations made.

    Returns the names of the tables that were written. Django would truncate all tables and make content types and
    permissions anew, which takes ten times as long.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        changed = {name for (name,) in cursor.fetchall()} - set(_kept)
        for name, before in _kept.items():
            cursor.execute(_state(name))
            if cursor.fetchone() != before:
                changed.add(name)
        if not changed:
            return changed
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
    return changed


#: The tables whose rows were kept, with the number and newest transaction of these.
_kept: dict[str, tuple[int, int] | None] = {}
_referring: dict[str, set[str]] = {}
_pieces: set[str] = set()


def _prepare() -> None:
    """Keep the rows that migrations made, but for events of the audit: tests begin without any."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        events = [sql.Identifier(audited.events._meta.db_table) for audited in AUDITED.values()]
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(events)))
    keep()


def keep() -> None:
    """Copy all rows that there are to the schema `KEPT`: `put_back` restores them."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERRING)
        for table, referring in cursor.fetchall():
            _referring.setdefault(table, set()).add(referring)
        cursor.execute(_PIECES)
        _pieces.update(name for (name,) in cursor.fetchall())
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


def _name_if_it_has_rows(table: str) -> sql.Composed:
    return sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(table), sql.Identifier(table))


def _with_referring(tables: set[str]) -> set[str]:
    """The tables and all that refer to them, directly or indirectly."""
    reached, ahead = set(tables), list(tables)
    while ahead:
        for name in _referring.get(ahead.pop(), set()) - reached:
            reached.add(name)
            ahead.append(name)
    return reached
