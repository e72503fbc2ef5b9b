"""`/health/live` and `/health/ready`: what they say, how long they take, and what they keep to themselves."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from diamondhub.telemetry import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _look_again() -> Iterator[None]:
    health.forget()
    yield
    health.forget()


@pytest.fixture(autouse=True)
def committed() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor beside the test's transaction: the checks look by a connection of their own and see what is committed."""
    with health._cursor() as cursor:
        yield cursor
        cursor.execute("DELETE FROM telemetry_heartbeat")


def sweep(cursor: psycopg.Cursor[Any], seconds_ago: int = 0) -> None:
    cursor.execute(
        "INSERT INTO telemetry_heartbeat (name, seen_at) VALUES ('sweep', now() - make_interval(secs => %s))",
        [seconds_ago],
    )


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test registers is gone after it."""
    monkeypatch.setattr(health, "_database_checks", dict(health._database_checks))


def ask(http: Client) -> tuple[int, dict[str, dict[str, Any]]]:
    answer = http.get("/health/ready")
    assert answer["Cache-Control"].count("no-store") == 1
    return answer.status_code, {check["name"]: check for check in answer.json()["checks"]}


def test_live_asks_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_with_everything_there(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed)

    status, checks = ask(client)

    assert status == 200
    assert {"database", "migrations", "sweep", "redis", "broker"} <= set(checks)
    assert all(check["ok"] for check in checks.values() if check["required"])


def test_not_ready_before_the_first_sweep(client: Client) -> None:
    status, checks = ask(client)

    assert status == 503
    assert not checks["sweep"]["ok"]


def test_not_ready_when_beat_stopped_sweeping(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed, seconds_ago=600)

    status, checks = ask(client)

    assert status == 503
    assert "600 s ago" in checks["sweep"]["detail"]


def test_not_ready_with_a_migration_missing(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed)
    committed.execute("DELETE FROM django_migrations WHERE app = 'access' RETURNING app, name, applied")
    removed = committed.fetchall()

    status, checks = ask(client)

    committed.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", removed)
    assert status == 503
    assert "access" in checks["migrations"]["detail"]


@pytest.mark.parametrize("setting", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_not_ready_with_redis_or_broker_away_and_their_password_is_not_told(
    client: Client, committed: psycopg.Cursor[Any], settings: Any, setting: str
) -> None:
    sweep(committed)
    setattr(settings, setting, "redis://:hush-hush@127.0.0.1:1/0")

    status, checks = ask(client)

    failed = "redis" if setting == "REDIS_URL" else "broker"
    assert status == 503
    assert [name for name, check in checks.items() if not check["ok"] and check["required"]] == [failed]
    assert "hush" not in str(checks)
    assert "127.0.0.1" not in str(checks)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_accepts_and_says_nothing_is_not_waited_for(client: Client, settings: Any, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.CELERY_BROKER_URL = f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/"
        started = time.monotonic()

        status, checks = ask(client)

    assert status == 503
    assert not checks["broker"]["ok"]
    assert time.monotonic() - started < health.ROUND_SECONDS + 1


def test_a_database_that_accepts_and_says_nothing_is_not_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setitem(connection.settings_dict, "PORT", str(mute.getsockname()[1]))
        started = time.monotonic()

        status, checks = ask(client)

    assert status == 503
    assert not checks["database"]["ok"]
    assert time.monotonic() - started < health.ROUND_SECONDS + 1


@pytest.mark.usefixtures("registered")
def test_an_app_may_add_a_check_that_only_informs(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed)
    health.register("last_run", lambda _cursor: health.Outcome(ok=False, detail="3 days ago"), required=False)

    status, checks = ask(client)

    assert status == 200
    assert checks["last_run"] == {"name": "last_run", "ok": False, "required": False, "detail": "3 days ago"}


@pytest.mark.usefixtures("registered")
def test_a_check_that_fails_or_takes_too_long_does_not_take_the_others_along(
    client: Client, committed: psycopg.Cursor[Any]
) -> None:
    def slow(cursor: psycopg.Cursor[Any]) -> health.Outcome:
        cursor.execute("SELECT pg_sleep(30)")
        return health.Outcome(ok=True, detail="")

    sweep(committed)
    health.register("slow", slow, required=True)

    status, checks = ask(client)

    assert status == 503
    assert "QueryCanceled" in checks["slow"]["detail"]
    assert all(check["ok"] for name, check in checks.items() if check["required"] and name != "slow")


def test_asking_often_looks_once(client: Client, committed: psycopg.Cursor[Any]) -> None:
    first = ask(client)
    sweep(committed)

    second = ask(client)

    assert second == first
