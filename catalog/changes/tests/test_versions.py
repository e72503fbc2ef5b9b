"""The counter: versions without gaps in the order of commits, none used twice after a restore, and nobody in a circle."""

from __future__ import annotations

import os
import threading
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from catalog.changes import feed, log
from catalog.models import DatasetVersion, Diamond
from catalog.tests.factories import a_diamond
from diamondhub.tests.patience import HANG_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def another_session(**options: Any) -> psycopg.Connection[Any]:
    parameters: dict[str, Any] = connection.get_connection_params()
    known = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    return psycopg.connect(make_conninfo(**known), **options)


def change(session: psycopg.Connection[Any], stone: UUID, price: int) -> None:
    session.execute("UPDATE catalog_diamond SET price_cents = %s WHERE id = %s", [price, stone])


def sql(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def moved_to_another_database() -> None:
    """As after a restore: whoever counts next finds that the counter was kept by another database."""
    sql("UPDATE catalog_versioncounter SET incarnation = 'of the backup'")


def test_versions_are_in_the_order_of_commits_and_not_of_beginnings() -> None:
    first, second = a_diamond(), a_diamond()
    start = log.current().number

    with another_session() as early, another_session() as late:
        change(early, first.pk, 1)
        change(late, second.pk, 2)
        late.commit()
        seen = feed.read(feed.Place(start), limit=10)
        early.commit()

    assert seen.stones == [(start + 1, second.pk)]
    assert feed.read(feed.Place(seen.through), limit=10).stones == [(start + 2, first.pk)]


def test_a_long_transaction_holds_up_nobody_else() -> None:
    first, second = a_diamond(), a_diamond()

    with another_session() as long, another_session(options="-c lock_timeout=2s") as other:
        change(long, first.pk, 1)
        change(other, second.pk, 2)
        other.commit()
        long.rollback()

    assert Diamond.objects.get(pk=second.pk).price_cents == 2


def test_the_counter_is_taken_behind_all_checks_that_wait_for_the_commit() -> None:
    """A check of a foreign key waits for a row that somebody else holds; meanwhile others commit their changes."""
    sql("CREATE TABLE watched (id int PRIMARY KEY)")
    sql("CREATE TABLE watching (of int REFERENCES watched DEFERRABLE INITIALLY DEFERRED)")
    sql("INSERT INTO watched VALUES (1)")
    first, second = a_diamond(), a_diamond()
    waiting: list[BaseException] = []

    def commit(session: psycopg.Connection[Any]) -> None:
        try:
            session.commit()
        except psycopg.Error as error:
            waiting.append(error)

    try:
        with another_session() as holder, another_session() as waiter, another_session() as other:
            other.execute("SET lock_timeout = '10s'")
            other.commit()
            change(waiter, first.pk, 1)
            waiter.execute("INSERT INTO watching VALUES (1)")
            holder.execute("SELECT FROM watched FOR UPDATE")
            committing = threading.Thread(target=commit, args=[waiter])
            committing.start()
            _until_somebody_waits()

            change(other, second.pk, 2)
            other.commit()

            holder.rollback()
            committing.join()
    finally:
        sql("DROP TABLE watching, watched")
    assert not waiting
    assert set(Diamond.objects.values_list("price_cents", flat=True)) == {1, 2}
    _, newest = DatasetVersion.objects.order_by("version").values_list("pk", "version").last() or (0, 0)
    assert newest == log.current().number


def _until_somebody_waits() -> None:
    deadline = monotonic() + HANG_SECONDS
    while sql(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database()"
    ) == (0,):
        assert monotonic() < deadline
        sleep(0.01)


def test_all_that_one_transaction_changes_is_one_version_with_its_cause() -> None:
    stones = [a_diamond() for _ in range(3)]
    start = log.current().number

    with another_session() as session:
        session.execute("SELECT set_config('diamondhub.change_cause', 'run 7', true)")
        for stone in stones:
            change(session, stone.pk, 1)
        session.commit()
        change(session, stones[0].pk, 2)
        session.commit()

    made = DatasetVersion.objects.filter(version__gt=start).order_by("version").values_list("version", "cause")
    assert list(made) == [(start + 1, "run 7"), (start + 2, "sql")]


def test_numbers_of_before_a_restore_are_not_used_for_other_changes() -> None:
    stone = a_diamond()
    before = log.current()
    moved_to_another_database()

    Diamond.objects.filter(pk=stone.pk).update(price_cents=2)

    now = log.current()
    assert now.generation != before.generation
    assert now.number > before.number + 1_000_000
    assert now.forgotten == now.number - 1
    for lost in (before.number, before.number + 1, before.number + 500):
        with pytest.raises(feed.ChangesGone):
            feed.read(feed.Place(lost), limit=10)
    assert feed.read(feed.Place(now.forgotten), limit=10).stones == [(now.number, stone.pk)]


def test_until_somebody_writes_a_restored_database_says_that_a_later_version_is_none_of_its_own() -> None:
    a_diamond()
    newest = log.current().number
    moved_to_another_database()

    with pytest.raises(feed.ChangesGone) as error:
        feed.read(feed.Place(newest + 5), limit=10)

    assert error.value.newest == newest
    assert feed.read(feed.Place(newest), limit=10).stones == []


def test_two_restores_of_one_backup_count_from_different_numbers() -> None:
    stone = a_diamond()
    backup = sql("SELECT version, generation, forgotten FROM catalog_versioncounter")
    seen = set()
    for price in (2, 3):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE catalog_versioncounter SET version = %s, generation = %s, forgotten = %s, incarnation = 'backup'",
                backup,
            )

        Diamond.objects.filter(pk=stone.pk).update(price_cents=price)

        seen.add((log.current().number, log.current().generation))

    assert len({number for number, _ in seen}) == len({generation for _, generation in seen}) == 2


def test_there_is_one_counter_and_no_second_one() -> None:
    with pytest.raises(Exception, match="one_version_counter"):
        sql("INSERT INTO catalog_versioncounter SELECT 2, version, generation, forgotten, incarnation "
            "FROM catalog_versioncounter")  # fmt: skip


def test_a_user_without_special_rights_can_write_stones() -> None:
    """What tells one database from another needs no superuser."""
    stone = a_diamond()
    name = f"plain_writer_of_a_test_{os.getpid()}"
    sql(f"DROP ROLE IF EXISTS {name}")
    sql(f"CREATE ROLE {name}")
    try:
        sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
        sql(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}")
        before = log.current().number

        with another_session() as session:
            session.execute(f"SET ROLE {name}")
            change(session, stone.pk, 3)
            session.commit()

        assert log.current().number == before + 1
    finally:
        sql(f"DROP OWNED BY {name}")
        sql(f"DROP ROLE {name}")
