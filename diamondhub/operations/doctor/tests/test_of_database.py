"""What the doctor finds in PostgreSQL: each finding once, planted, and none where nothing is planted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.db.migrations.loader import MigrationLoader

from diamondhub.local.processes import free_port
from diamondhub.operations.doctor import of_database
from diamondhub.operations.doctor.tests.planting import (
    advised,
    another_session,
    findings,
    server_that_says,
    severities,
    sql,
    words,
)

pytestmark = pytest.mark.django_db

#: How long a test waits for what it planted to show (seconds).
PATIENCE = 30.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "check",
    [
        of_database.answers,
        of_database.connections_fit,
        of_database.schema_is_current,
        of_database.indexes_are_sound,
        of_database.ids_are_recycled,
        of_database.sequences_have_numbers_left,
        of_database.time_outs_are_in_force,
    ],
)
def test_nothing_is_found_where_nothing_is_planted(check: Callable[[], Any]) -> None:
    assert findings(check) == []


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_answer_is_critical(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", str(free_port()))

    found = severities(of_database.answers)

    connection.close()
    assert found == ["critical"]


def test_an_old_server_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_database, "MIN_VERSION", 99)

    assert "older than 99" in words(of_database.answers)


@pytest.mark.parametrize(
    ("piece", "instead", "said", "severity"),
    [
        ("pg_is_in_recovery()", "true", "standby", "critical"),
        ("current_setting('autovacuum')::bool", "false", "autovacuum is off", "warning"),
        ("current_setting('fsync')::bool", "false", "fsync is off", "critical"),
    ],
)
def test_a_standby_and_servers_that_lose_or_grow_are_found(
    piece: str, instead: str, said: str, severity: str, settings: Any
) -> None:
    settings.PRODUCTION = True

    with server_that_says(
        {"current_setting('fsync')::bool": "true", piece: instead} if "fsync" not in piece else {piece: instead}
    ):
        (finding,) = findings(of_database.answers)

    assert said in finding.words
    assert finding.severity == severity


def test_pools_that_have_no_room_are_found_with_the_formula(settings: Any) -> None:
    settings.WEB_CONCURRENCY = 40

    (finding,) = findings(of_database.connections_fit)

    assert "40 web processes x (8 threads + 1) + 12 of worker-io + 2 of worker-cpu" in finding.words
    assert "of max_connections = " in finding.words
    assert finding.severity == "warning"


def test_connections_that_are_nearly_all_in_use_are_critical(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_database, "FULL", 0.0)

    assert severities(of_database.connections_fit) == ["critical"]


def test_a_migration_that_is_not_applied_is_critical_and_one_of_a_newer_release_is_found() -> None:
    ((_, newest),) = MigrationLoader(connection).graph.leaf_nodes("operations")
    sql("DELETE FROM django_migrations WHERE app = 'operations' AND name = %s", newest)
    sql("INSERT INTO django_migrations (app, name, applied) VALUES ('ingest', '9999_from_next_year', now())")

    missing, newer = findings(of_database.schema_is_current)

    assert f"operations.{newest}" in missing.words
    assert missing.severity == "critical"
    assert "ingest.9999_from_next_year" in newer.words


@pytest.mark.django_db(transaction=True)
def test_an_invalid_index_is_found() -> None:
    sql("CREATE TABLE doctor_planted AS SELECT 1 AS number FROM generate_series(1, 2)")
    try:
        with suppress(IntegrityError):
            sql("CREATE UNIQUE INDEX CONCURRENTLY doctor_planted_index ON doctor_planted (number)")

        found = words(of_database.indexes_are_sound)
        (drop,) = advised(found)
        sql(drop)
        after = words(of_database.indexes_are_sound)
    finally:
        sql("DROP TABLE doctor_planted")

    assert "Index doctor_planted_index of doctor_planted is invalid" in found
    assert drop == "DROP INDEX CONCURRENTLY doctor_planted_index"
    assert after == ""


def test_a_doubled_index_is_found_and_one_with_a_condition_of_its_own_is_none() -> None:
    sql("CREATE TABLE doctor_planted (number int)")
    sql("CREATE INDEX doctor_planted_first ON doctor_planted (number)")
    sql("CREATE INDEX doctor_planted_part ON doctor_planted (number) WHERE number > 3")
    sql("CREATE INDEX doctor_planted_back ON doctor_planted (number DESC)")
    sql("CREATE INDEX doctor_planted_again ON doctor_planted (number)")

    (finding,) = findings(of_database.indexes_are_sound)

    assert "doctor_planted_first, doctor_planted_again" in finding.words


def test_a_big_index_that_nobody_uses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_database, "BIG_INDEX", 0)
    monkeypatch.setattr(of_database, "UNUSED_DAYS", 0)
    sql("CREATE TABLE doctor_planted (number int)")
    sql("CREATE INDEX doctor_planted_unused ON doctor_planted (number)")

    assert "Index doctor_planted_unused" in words(of_database.indexes_are_sound)


@pytest.mark.parametrize(("bound", "severity"), [("OLD_IDS", "warning"), ("DANGEROUS_IDS", "critical")])
def test_transaction_ids_that_run_out_are_found(bound: str, severity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_database, "OLD_IDS", 0)
    monkeypatch.setattr(of_database, bound, 0)

    assert severities(of_database.ids_are_recycled) == [severity]


def test_what_is_advised_makes_transaction_ids_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_database, "OLD_IDS", 0)

    (vacuum,) = advised(words(of_database.ids_are_recycled))

    # One table is enough to see that it is done; the whole database takes long.
    with another_session() as session:
        oldest = b"SELECT relfrozenxid::text::bigint FROM pg_class WHERE relname = 'doctor_planted'"
        session.execute("CREATE TABLE doctor_planted AS SELECT 1 AS number")
        try:
            session.execute("INSERT INTO doctor_planted VALUES (2)")
            (before,) = session.execute(oldest).fetchone() or (0,)

            def freed() -> bool:
                session.execute(f"{vacuum} doctor_planted".encode())
                (after,) = session.execute(oldest).fetchone() or (0,)
                return after > before

            # The server itself may be analyzing a table at that moment, which keeps ids from being freed.
            until(freed)
        finally:
            session.execute("DROP TABLE doctor_planted")


def test_a_session_that_idles_in_a_transaction_is_found_and_one_that_just_came_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with another_session() as session:
        session.execute("BEGIN")
        session.execute("SELECT 1")
        pid = session.info.backend_pid

        at_once = words(of_database.nobody_idles_in_a_transaction)
        monkeypatch.setattr(of_database, "IDLE_SECONDS", 0.0)
        found = words(of_database.nobody_idles_in_a_transaction)
        (end,) = [statement for statement in advised(found) if str(pid) in statement]
        sql(end)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")

    assert f"Session {pid}" not in at_once
    assert f"Session {pid} " in found
    assert end == f"SELECT pg_terminate_backend({pid})"


def test_a_prepared_transaction_that_nobody_ends_is_found() -> None:
    lost = "(VALUES ('lost', 'olga', now() - interval '1 hour')) AS planted (gid, owner, prepared)"

    with server_that_says({"pg_prepared_xacts": lost}):
        (finding,) = findings(of_database.nobody_idles_in_a_transaction)

    assert "'lost' of olga is prepared for 3,6" in finding.words


@pytest.mark.django_db(transaction=True)
def test_a_long_statement_and_one_that_waits_for_a_lock_are_found(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.EXPORT_STATEMENT_SECONDS = 0.0
    monkeypatch.setattr(of_database, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(of_database, "BLOCKED_SECONDS", 0.0)
    with another_session() as holder, another_session() as waiter, another_session() as sleeper:
        holder.execute("BEGIN; LOCK TABLE operations_pruning IN ACCESS EXCLUSIVE MODE")
        held_by, waits, sleeps = (session.info.backend_pid for session in (holder, waiter, sleeper))
        threads = [
            _running(waiter, "SELECT FROM operations_pruning"),
            _running(sleeper, "SELECT pg_sleep(60)"),
        ]

        until(lambda: f"Session {waits} " in words(of_database.statements_end))
        until(lambda: f"Session {sleeps} " in words(of_database.statements_end))
        found = words(of_database.statements_end)

        holder.execute("ROLLBACK")
        look, cancel = (statement for statement in advised(found) if str(sleeps) in statement)
        with connection.cursor() as cursor:
            cursor.execute(look)
            assert cursor.fetchall() == [("SELECT pg_sleep(60)",)]
        sql(cancel)
        for thread in threads:
            thread.join()
    assert f"which is held by session {held_by}." in found
    assert "runs one statement for" in found


def _running(session: psycopg.Connection[Any], statement: str) -> threading.Thread:
    def run() -> None:
        with suppress(psycopg.Error):
            session.execute(statement.encode())

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_sequences_near_their_end_are_found_also_where_the_column_is_smaller_than_they_are() -> None:
    sql("CREATE SEQUENCE planted_near MAXVALUE 100")
    sql("SELECT setval('planted_near', 80)")
    sql("CREATE SEQUENCE planted_small")
    sql("CREATE TABLE doctor_planted (number int DEFAULT nextval('planted_small'))")
    sql("ALTER SEQUENCE planted_small OWNED BY doctor_planted.number")
    sql("SELECT setval('planted_small', 2147483000)")

    worse, bad = findings(of_database.sequences_have_numbers_left)

    assert "planted_small is at 2,147,483,000 of 2,147,483,647" in worse.words
    assert worse.severity == "critical"
    assert "planted_near is at 80 of 100" in bad.words
    assert bad.severity == "warning"


@pytest.mark.django_db(transaction=True)
def test_a_replication_slot_that_nobody_reads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"planted_{os.getpid()}"
    sql("SELECT pg_create_physical_replication_slot(%s, true)", name)
    try:
        found = words(of_database.slots_are_read)
        monkeypatch.setattr(of_database, "MAX_HELD", -1)
        later = severities(of_database.slots_are_read)
        with server_that_says({"coalesce(wal_status, '')": "'lost'"}):
            lost = words(of_database.slots_are_read)
    finally:
        sql(f"SELECT pg_drop_replication_slot('{name}')")

    assert f"Replication slot {name} is read by nobody" in found
    assert "critical" in later
    assert f"Replication slot {name} is lost" in lost
    assert {f"SELECT pg_drop_replication_slot('{name}')"} <= {*advised(found)} & {*advised(lost)}


def test_a_pooler_that_swallows_the_time_limit_is_found() -> None:
    with server_that_says({"set_config('statement_timeout', %s, true)": "%s::text"}):
        (finding,) = findings(of_database.time_outs_are_in_force)

    assert "SET LOCAL does not reach the server" in finding.words
    assert finding.severity == "critical"


def test_options_in_the_databases_address_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", "-c statement_timeout=5s")

    assert "DATABASE_URL has `options`" in words(of_database.time_outs_are_in_force)
