"""Connections with deadlines, on a real server behind a relay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.errors import QueryCanceled

from diamondhub.database import psycopg_cursor
from diamondhub.local.tests.test_services import until
from diamondhub.postgresql.connections import Hangs, WatchedConnection
from diamondhub.postgresql.watch import LOOK_SECONDS, Watch
from diamondhub.serving.tests.processes import Relay

pytestmark = pytest.mark.django_db


@pytest.fixture
def relay() -> Iterator[Relay]:
    parameters = connection.get_connection_params()
    opened = Relay(str(parameters["host"]), int(parameters["port"]))
    yield opened
    opened.thaw()
    opened.close()


@pytest.fixture
def parameters(relay: Relay) -> dict[str, Any]:
    names = ("dbname", "user", "password")
    account = {name: value for name, value in connection.get_connection_params().items() if name in names}
    return {**account, "host": "127.0.0.1", "port": relay.port, "connect_timeout": 2, "autocommit": True}


@pytest.fixture
def server(parameters: dict[str, Any]) -> dict[str, Any]:
    """The server itself, without a relay that may be late."""
    place = {name: value for name, value in connection.get_connection_params().items() if name in ("host", "port")}
    return {**parameters, "port": 5432, **place}


class Heard:
    """How often a database was said to have come back."""

    times = 0

    def __call__(self) -> None:
        self.times += 1


def watched(parameters: dict[str, Any], *, statement_seconds: float = 60.0) -> tuple[WatchedConnection, Watch, Heard]:
    heard = Heard()
    watch = Watch(lambda: parameters, heard)
    kind: type[WatchedConnection] = type(
        "Watched", (WatchedConnection,), {"watch": watch, "statement_seconds": statement_seconds}
    )
    # Connecting is not what is looked at; on a busy machine it may take long.
    return kind.connect(**{**parameters, "connect_timeout": 60}), watch, heard


def test_a_statement_that_takes_too_long_is_cancelled_and_the_connection_stays(server: dict[str, Any]) -> None:
    patient, _, _ = watched(server, statement_seconds=0.3)

    with pytest.raises(QueryCanceled):
        patient.execute("SELECT pg_sleep(600)")

    type(patient).statement_seconds = 60.0
    assert patient.execute("SELECT 1").fetchone() == (1,)
    patient.close()


def test_a_slow_statement_is_no_hanging_database(server: dict[str, Any]) -> None:
    patient, watch, heard = watched(server)

    patient.execute("SELECT pg_sleep(%s)", [LOOK_SECONDS + 0.5])

    assert not watch.hangs
    assert heard.times == 0
    patient.close()


def test_a_hanging_database_is_given_up_and_found_again(
    relay: Relay, parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, watch, heard = watched(parameters)
    other = type(waiting).connect(**parameters)

    relay.freeze()
    with pytest.raises(Hangs):
        waiting.execute("SELECT 1")
    # Who comes later is told at once, by what is known.
    monkeypatch.setattr(type(other), "_bounded", lambda *_: pytest.fail("it waits"))
    with pytest.raises(Hangs):
        other.execute("SELECT 1")

    assert waiting.closed
    assert other.closed
    relay.thaw()
    until(lambda: not watch.hangs)
    assert heard.times == 1


def test_a_database_that_says_no_does_not_hang(parameters: dict[str, Any]) -> None:
    wrong = {**parameters, "dbname": "nobody-has-it"}
    heard = Heard()
    watch = Watch(lambda: wrong, heard)

    assert watch._answers()
    assert not watch.hangs


def test_workers_and_commands_wait_as_long_as_it_takes() -> None:
    with psycopg_cursor() as cursor:
        kind = type(cursor.connection)

    assert kind is psycopg.Connection
