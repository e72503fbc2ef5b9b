"""What the tests themselves stand on: databases that are put back, the order of files, and servers that nobody asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from psycopg.conninfo import make_conninfo

from diamondhub.access.models import ApiClient
from diamondhub.local.management.commands.test import by_file
from diamondhub.local.testing import databases
from diamondhub.local.testing.lanes import LONG, OTHERS, deal, files
from diamondhub.local.testing.templates import template
from diamondhub.local.tests.test_services import ROOT
from diamondhub.timed_tables import TimedTable


def pytest_run(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DATABASE", "REDIS"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env={**clean, "DIAMONDHUB_VAR": str(var), "DIAMONDHUB_TEST_LANE": "inner"},
        capture_output=True,
        text=True,
        check=False,
    )


def everything() -> dict[str, int]:
    """How many rows each table has."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        counts = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = int(cursor.fetchone()[0])
    return counts


@pytest.mark.parametrize(
    ("arguments", "added"),
    [
        (["-n", "3", "a.py"], ["--dist", "loadfile"]),
        (["-n3"], ["--dist", "loadfile"]),
        (["--numprocesses=auto"], ["--dist", "loadfile"]),
        (["-n", "3", "--dist=load"], []),
        (["a.py", "-k", "not b"], []),
    ],
)
def test_several_processes_keep_the_tests_of_a_file_together(arguments: list[str], added: list[str]) -> None:
    assert by_file(arguments) == added


def test_the_lane_of_whole_processes_has_every_file_that_is_named_as_long() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in files()}

    assert set(LONG) <= found


@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_and_what_it_takes_away_is_there_again() -> None:
    before, permissions = everything(), set(Permission.objects.values_list("codename", flat=True))
    User.objects.create_user("eve")
    ApiClient.objects.create(name="shop", scopes=[])
    ContentType.objects.filter(app_label="access").delete()
    assert everything() != before

    databases.put_back()

    assert everything() == before
    assert set(Permission.objects.values_list("codename", flat=True)) == permissions


@pytest.mark.django_db(transaction=True)
def test_a_changed_row_of_the_migrations_is_as_it_was() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM ingest_feed ORDER BY name")
        before = cursor.fetchall()
        cursor.execute("UPDATE ingest_feed SET name = 'another'")

        databases.put_back()

        cursor.execute("SELECT name FROM ingest_feed ORDER BY name")
        assert cursor.fetchall() == before


@pytest.mark.django_db(transaction=True)
def test_a_file_begins_with_the_pieces_of_the_migrations_and_without_rows_of_others() -> None:
    table = TimedTable("pricing_pricechange", "changed_on", "month", ahead=2)
    before = table.pieces()
    User.objects.create_user("eve")
    made = table.make_ahead(date(2031, 1, 1))
    assert {piece.name for piece in table.pieces()} == {piece.name for piece in before} | set(made)

    left = databases.put_back_what_was_left()

    assert "auth_user" in left
    assert not User.objects.exists()
    assert table.pieces() == before
    assert databases.put_back_what_was_left() == set()


def test_what_programs_write_into_the_servers_own_database_is_in_no_copy(database_server: str) -> None:
    copied = "test_copied_beside"
    with (
        psycopg.connect(database_server) as own,
        psycopg.connect(make_conninfo(database_server, dbname="postgres"), autocommit=True) as admin,
    ):
        own.execute("CREATE TABLE written_by_a_program ()")
        own.commit()
        try:
            databases.copy(admin, template(database_server), copied)
            with psycopg.connect(make_conninfo(database_server, dbname=copied)) as copy:
                assert copy.execute("SELECT to_regclass('written_by_a_program')").fetchone() == (None,)
                assert copy.execute("SELECT to_regclass('catalog_diamond')").fetchone() == ("catalog_diamond",)
        finally:
            own.execute("DROP TABLE written_by_a_program")
            own.commit()
            admin.execute(f"DROP DATABASE IF EXISTS {copied} WITH (FORCE)")


def test_files_are_dealt_out_the_longest_first_and_none_is_lost() -> None:
    files = [*sorted(LONG), "a.py", "b.py"]

    dealt = deal(dict.fromkeys(files), 3)

    assert sorted(file for lane in dealt for file in lane) == sorted(files)
    assert dealt[0][0] == max(LONG, key=lambda file: LONG[file])
    loads = [sum(LONG.get(file, OTHERS) for file in lane) for lane in dealt]
    assert max(loads) - min(loads) <= max(LONG.values())


@pytest.mark.processes
def test_plain_tests_start_no_server_and_their_durations_are_kept(tmp_path: Path) -> None:
    ran = pytest_run(tmp_path, "catalog/tests/test_grades.py")

    assert ran.returncode == 0, ran.stdout
    assert not (tmp_path / "postgres").exists()
    assert not list(tmp_path.rglob("valkey.log"))
    (kept,) = (tmp_path / "durations").glob("*-inner.json")
    durations = json.loads(kept.read_text())
    assert durations["outcomes"]["passed"] == len(durations["tests"]) > 3
    assert all(test["seconds"] >= 0 and "processor" in test for test in durations["tests"].values())
    assert "--randomly-seed=" in ran.stdout


@pytest.mark.processes
def test_a_story_keeps_its_order_in_a_random_one(tmp_path: Path) -> None:
    story, other = ["diamondhub/local/tests/test_up.py", "catalog/tests/test_grades.py"]

    orders = [
        pytest_run(tmp_path, "--collect-only", f"--randomly-seed={seed}", story, other).stdout.splitlines()
        for seed in (1, 2)
    ]

    told = [[line.partition("[")[0] for line in order if line.startswith(story)] for order in orders]
    rest = [[line for line in order if line.startswith(other)] for order in orders]
    assert told[0] == told[1]
    assert told[0][0].endswith("test_it_serves_and_sweeps_and_tells_where")
    assert rest[0] != rest[1]
    assert sorted(rest[0]) == sorted(rest[1])
