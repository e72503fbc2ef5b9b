"""PostgreSQL and Redis that hang: they take connections and say nothing, as a stopped server does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest

from diamondhub.access import keys
from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT, until
from diamondhub.serving.tests.processes import Relay, Web

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@dataclass
class Behind:
    """A web process, and the relays to its servers."""

    web: Web
    database: Relay
    redis: Relay


def relayed(url: str, database: str | None = None) -> tuple[Relay, str]:
    parts = urlsplit(url)
    relay = Relay(parts.hostname or "127.0.0.1", parts.port or 0)
    account, at, _ = parts.netloc.rpartition("@")
    path = f"/{database}" if database else parts.path
    return relay, urlunsplit(parts._replace(netloc=f"{account}{at}127.0.0.1:{relay.port}", path=path))


@pytest.fixture
def behind() -> Iterator[Behind]:
    from django.db import connection

    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-hanging"
    database, database_url = relayed(servers.database_url(), str(connection.settings_dict["NAME"]))
    redis, redis_url = relayed(servers.redis_url())
    # A relay that is late makes no Redis that is away.
    web = Web(folder, DATABASE_URL=database_url, REDIS_URL=redis_url, REDIS_ANSWER_SECONDS="5")
    yield Behind(web, database, redis)
    database.thaw()
    redis.thaw()
    web.end()
    database.close()
    redis.close()
    shutil.rmtree(folder, ignore_errors=True)


def unknown_key() -> str:
    """A key that is well-formed, so that the database is asked for it."""
    return keys.generate().text


def ask(web: Web) -> tuple[int, str | None]:
    status, headers, _ = web.answer("GET", "/api/v1/diamonds", {"X-API-Key": unknown_key()})
    return status, headers.get("Retry-After")


def pages_of_the_admin(web: Web) -> list[tuple[int, str | None, bool]]:
    """Status and `Retry-After` of pages for somebody with a session, and whether they are pages of our style."""
    headers = {"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv; csrftoken=0123456789abcdefghijklmnopqrstuv"}
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    token = b"csrfmiddlewaretoken=0123456789abcdefghijklmnopqrstuv&username=a&password=b"
    answers = [
        web.answer("GET", "/admin/", headers),
        web.answer("GET", "/admin/catalog/diamond/", headers),
        web.answer("POST", "/admin/login/", form, token),
    ]
    return [(status, told.get("Retry-After"), b"<style>" in body) for status, told, body in answers]


def test_a_database_that_hangs_is_told_to_all_health_answers_and_all_comes_back_by_itself(behind: Behind) -> None:
    assert ask(behind.web) == (401, None)

    behind.database.freeze()
    with ThreadPoolExecutor(24) as crowd:
        # Three times as many as there are threads.
        told = [crowd.submit(ask, behind.web) for _ in range(24)]
        live = behind.web.ask("/health/live")
        statuses = {call.result() for call in told}
    afterwards = ask(behind.web)
    page = behind.web.ask("/api/docs/")
    admin = pages_of_the_admin(behind.web)

    assert live == 200
    assert statuses == {(503, "5")}
    assert afterwards == (503, "5")
    assert page == 200, "what needs no database is there"
    assert admin == [(503, "5", True)] * 3
    behind.database.thaw()
    until(lambda: ask(behind.web)[0] in {401, 429})


def test_a_database_that_is_away_is_told_by_pages_as_by_answers_and_not_as_a_fault_of_ours(behind: Behind) -> None:
    assert pages_of_the_admin(behind.web)[0][0] == 302

    behind.database.close()

    assert pages_of_the_admin(behind.web) == [(503, "5", True)] * 3
    assert ask(behind.web) == (503, "5")
    said = behind.web.said()
    assert "answered_unavailable" in said
    assert "Traceback" not in said


def test_a_redis_that_hangs_keeps_nobody_from_being_answered(behind: Behind) -> None:
    assert ask(behind.web) == (401, None)

    behind.redis.freeze()

    # Nothing thaws it: whoever waited for it would wait for ever.
    assert ask(behind.web)[0] == 401
    assert behind.web.ask("/health/live") == 200
