"""The probes and `/health/status`: what they say, how long they take, and what they keep to themselves."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from diamondhub.database import separate_cursor
from diamondhub.telemetry import health

pytestmark = pytest.mark.django_db

#: How long whoever waits for a server that says nothing would wait; the checks' own bound is a thirtieth of it.
MUTE_SECONDS = 60


@pytest.fixture(autouse=True)
def _look_again() -> Iterator[None]:
    health.forget()
    yield
    health.forget()


@pytest.fixture
def in_time() -> None:
    """For tests of the time that checks may take."""


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a free moment checks are late that find nothing."""
    if "in_time" not in request.fixturenames:
        monkeypatch.setattr(health, "ROUND_SECONDS", MUTE_SECONDS)
        monkeypatch.setattr(health, "STEP_SECONDS", MUTE_SECONDS)


@pytest.fixture(autouse=True)
def committed() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor beside the test's transaction: the checks look by a connection of their own and see what is committed."""
    with separate_cursor("tests") as cursor:
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
    monkeypatch.setattr(health, "_host_checks", dict(health._host_checks))


def ask(http: Client, path: str = "/health/status") -> tuple[str, dict[str, dict[str, Any]]]:
    answer = http.get(path)
    assert answer["Cache-Control"].count("no-store") == 1
    status = answer.json()["status"]
    assert answer.status_code == (503 if path == "/health/ready" and status != "ready" else 200)
    return status, {check["name"]: check for check in answer.json()["checks"]}


def failed(checks: dict[str, dict[str, Any]]) -> list[str]:
    # Runs and the index are none of this module's business.
    return [name for name, check in checks.items() if not check["ok"] and name not in ("last_runs", "index")]


def test_live_asks_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_takes_the_database_and_its_schema_and_nothing_else(client: Client, settings: Any) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    status, checks = ask(client, "/health/ready")

    assert status == "ready"
    assert {name: (check["ok"], check["required"]) for name, check in checks.items()} == {
        "database": (True, True),
        "migrations": (True, True),
    }


def test_the_status_lists_every_check(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed)

    _, checks = ask(client)

    assert {"database", "migrations", "sweep", "redis", "broker"} <= set(checks)
    assert failed(checks) == []
    assert [name for name, check in checks.items() if check["required"]] == ["database", "migrations"]


def test_before_the_first_sweep_an_instance_is_degraded_and_ready(client: Client) -> None:
    status, checks = ask(client)

    assert (status, failed(checks)) == ("degraded", ["sweep"])
    assert ask(client, "/health/ready")[0] == "ready"


def test_the_status_says_when_beat_stopped_sweeping(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed, seconds_ago=600)

    status, checks = ask(client)

    assert (status, failed(checks)) == ("degraded", ["sweep"])
    assert re.search(r"\b6\d\d s ago", checks["sweep"]["detail"])


@pytest.mark.parametrize("path", ["/health/ready", "/health/status"])
def test_not_ready_with_a_migration_missing(client: Client, committed: psycopg.Cursor[Any], path: str) -> None:
    sweep(committed)
    committed.execute("DELETE FROM django_migrations WHERE app = 'access' RETURNING app, name, applied")
    removed = committed.fetchall()

    status, checks = ask(client, path)

    committed.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", removed)
    assert status == "not ready"
    assert "access" in checks["migrations"]["detail"]


@pytest.mark.parametrize(("setting", "check"), [("REDIS_URL", "redis"), ("CELERY_BROKER_URL", "broker")])
def test_the_status_says_that_redis_or_broker_are_away_and_not_their_address(
    client: Client, committed: psycopg.Cursor[Any], settings: Any, setting: str, check: str
) -> None:
    sweep(committed)
    setattr(settings, setting, "redis://:hush-hush@127.0.0.1:1/0")

    status, checks = ask(client)

    assert (status, failed(checks)) == ("degraded", [check])
    assert "hush" not in str(checks)
    assert "127.0.0.1" not in str(checks)


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_accepts_and_says_nothing_is_not_waited_for(
    client: Client, settings: Any, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One step of it bounds the broker; the database has time.
    monkeypatch.setattr(health, "ROUND_SECONDS", MUTE_SECONDS / 3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.CELERY_BROKER_URL = f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/"
        started = time.monotonic()

        status, checks = ask(client)

    assert status == "degraded"
    assert not checks["broker"]["ok"]
    assert time.monotonic() - started < MUTE_SECONDS / 2


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/status"])
def test_probes_are_asked_by_any_host_without_tls_and_cost_no_session(
    settings: Any, path: str, django_assert_num_queries: Any
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["hub.example.com"]
    pod = Client(HTTP_HOST="10.1.2.3:8000")
    pod.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32

    with django_assert_num_queries(0):
        answer = pod.get(path)

    assert answer.status_code == 200
    assert not answer.cookies
    assert not answer.has_header("Vary")
    assert answer["X-Request-Id"]


def test_all_other_pages_are_host_checked_still(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["hub.example.com"]

    answer = Client(HTTP_HOST="10.1.2.3:8000").get("/health/")

    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/status"])
def test_probes_are_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200


@pytest.mark.usefixtures("in_time")
def test_a_database_that_accepts_and_says_nothing_is_not_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setitem(connection.settings_dict, "PORT", str(mute.getsockname()[1]))
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "connect_timeout", MUTE_SECONDS)
        started = time.monotonic()

        status, checks = ask(client, "/health/ready")

    assert status == "not ready"
    assert not checks["database"]["ok"]
    assert time.monotonic() - started < MUTE_SECONDS / 2


@pytest.mark.usefixtures("registered")
def test_an_app_may_add_a_check_that_informs(client: Client, committed: psycopg.Cursor[Any]) -> None:
    sweep(committed)
    health.register("last_run", lambda _cursor: health.Outcome(ok=False, detail="3 days ago"))

    status, checks = ask(client)

    assert status == "degraded"
    assert checks["last_run"] == {"name": "last_run", "ok": False, "required": False, "detail": "3 days ago"}
    assert "last_run" not in ask(client, "/health/ready")[1]


@pytest.mark.usefixtures("registered", "in_time")
def test_a_check_that_fails_or_takes_too_long_does_not_take_the_others_along(
    client: Client, committed: psycopg.Cursor[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # All others are in time, however busy the machine is.
    monkeypatch.setattr(health, "ROUND_SECONDS", MUTE_SECONDS)
    monkeypatch.setattr(health, "STEP_SECONDS", 3.0)

    def slow(cursor: psycopg.Cursor[Any]) -> health.Outcome:
        cursor.execute("SELECT pg_sleep(30)")
        return health.Outcome(ok=True, detail="")

    def broken(*_: Any) -> health.Outcome:
        raise KeyError("a fault of ours")

    sweep(committed)
    health.register("broken", broken)
    health.register_host("broken here", broken)
    health.register_host("sound here", lambda: health.Outcome(ok=True, detail="it is"))
    health.register("slow", slow)
    health.register("slower", slow)

    status, checks = ask(client)

    assert status == "degraded"
    assert checks["broken"]["detail"] == "failed (KeyError)"
    assert "QueryCanceled" in checks["slow"]["detail"]
    assert checks["broken here"]["detail"] == "failed (KeyError)"
    assert checks["sound here"]["detail"] == "it is"
    assert failed(checks) == ["broken here", "broken", "slow", "slower"]


def test_asking_often_looks_once(
    client: Client, committed: psycopg.Cursor[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 600.0)
    first = ask(client)
    sweep(committed)

    second = ask(client)

    assert second == first


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/health/ready", "/health/status"])
@pytest.mark.parametrize(
    ("asked_from", "told"),
    [
        ({}, True),
        ({"REMOTE_ADDR": "10.1.2.3"}, True),
        ({"REMOTE_ADDR": "8.8.8.8"}, False),
        ({"REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": "8.8.8.8"}, False),
        ({"REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": "10.1.1.1"}, False),
        ({"REMOTE_ADDR": ""}, False),
    ],
)
def test_only_who_asks_from_inside_is_told_what_the_checks_found(
    path: str, asked_from: dict[str, str], told: bool
) -> None:
    checks = Client().get(path, **asked_from).json()["checks"]  # type: ignore[arg-type]

    assert checks
    assert all(("detail" in check) is told and "ok" in check for check in checks)
