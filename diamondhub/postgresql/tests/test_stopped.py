"""A database that is really stopped, and started again: a web process on a cluster of the test's own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from diamondhub.access import keys
from diamondhub.local.postgres import Postgres
from diamondhub.local.testing import servers
from diamondhub.local.testing.templates import prepared
from diamondhub.local.tests.test_services import ROOT, until
from diamondhub.serving.tests import processes
from diamondhub.serving.tests.processes import Web

pytestmark = pytest.mark.processes

#: Nobody waits longer for an answer while the database is stopped (seconds).
BOUND = 60
WORDS = "The database cannot be reached; ask again in a while."
PAGES = ("/admin/", "/admin/operations/problem/", "/admin/login/?next=/admin/")
ADDRESSES = ("/api/v1/diamonds", "/api/v1/problems")


@dataclass
class Alone:
    """A web process, and the cluster that it alone uses."""

    web: Web
    database: Postgres

    def page(self, address: str) -> tuple[int, str | None, str]:
        session = "sessionid=0123456789abcdefghijklmnopqrstuv"
        status, headers, body = self.web.answer("GET", address, {"Cookie": session})
        return status, headers.get("Retry-After"), body.decode()

    def ask(self, address: str) -> tuple[int, str | None, str | None, str]:
        """Status, `Retry-After`, type and kind of what a program with a well-formed key is answered."""
        status, headers, body = self.web.answer("GET", address, {"X-API-Key": keys.generate().text})
        return status, headers.get("Retry-After"), headers.get("Content-Type"), json.loads(body)["type"]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Alone]:
    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-stopped"
    monkeypatch.setenv("DIAMONDHUB_EMBEDDED_TEMPLATE", str(prepared()))
    monkeypatch.setenv("DIAMONDHUB_EMBEDDED_FSYNC", "off")
    database = Postgres(folder)
    database.start()
    web = Web(folder, DATABASE_URL=database.url, REDIS_URL=servers.redis_url())
    yield Alone(web, database)
    web.end()
    database.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_pages_and_answers_say_that_the_database_is_stopped_and_come_back_with_it(
    alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [alone.page(address)[0] for address in PAGES], {alone.ask(address)[0] for address in ADDRESSES}
    monkeypatch.setattr(processes, "PATIENCE", BOUND)

    alone.database.stop()
    page = alone.page(PAGES[1])
    answers = {alone.ask(address) for address in ADDRESSES}
    probes = [alone.web.ask(address) for address in ("/health/live", "/health/ready", "/metrics", "/metrics/state")]
    alone.database.start()

    assert before == ([302, 302, 200], {401})
    assert page[:2] == (503, "5")
    assert WORDS in page[2]
    assert answers == {(503, "5", "application/problem+json", "/api/problems/database-away")}
    assert probes == [200, 503, 200, 503]
    until(lambda: [alone.page(address)[0] for address in PAGES] == [302, 302, 200])
    until(lambda: alone.ask(ADDRESSES[0])[0] in {401, 429})
    # What was found a second ago would do.
    until(lambda: alone.web.ask("/health/ready") == 200)
    assert "Traceback" not in alone.web.said()
