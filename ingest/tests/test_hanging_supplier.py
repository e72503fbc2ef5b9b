"""A supplier that takes connections and says nothing, asked through the proxy of a real web process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings

from catalog.tests.factories import a_diamond
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT, until
from diamondhub.serving import bounds
from diamondhub.serving.tests.processes import Web, database_of_test, peppers
from ingest import asking
from ingest.feeds.nivoda.tokens import SharedTokens
from ingest.tests import factories, rows

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

ADDRESS = "/api/v1/suppliers/nivoda-natural/graphql"
BODY = json.dumps({"query": "{ __typename }"}).encode()


class Silent:
    """A server that accepts every connection and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def asked(self) -> int:
        """How many connections there were."""
        return len(self._taken)

    def close(self) -> None:
        """Break off all of them, and take no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._taken:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._taken.append(self._listener.accept()[0])


@pytest.fixture
def supplier() -> Iterator[Silent]:
    silent = Silent()
    factories.calm_the_limiter()
    yield silent
    silent.close()
    factories.calm_the_limiter()


@pytest.fixture
def web(supplier: Silent) -> Iterator[Web]:
    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-hanging-supplier"
    running = Web(
        folder,
        DATABASE_URL=database_of_test(),
        REDIS_URL=servers.redis_url(),
        API_KEY_PEPPERS=peppers(),
        NIVODA_ENDPOINT=f"http://127.0.0.1:{supplier.port}/graphql",
        NIVODA_USERNAME="somebody",
        NIVODA_PASSWORD="something",
        REDIS_ANSWER_SECONDS="5",
        SECRET_KEY=settings.SECRET_KEY,
    )
    yield running
    running.end()
    shutil.rmtree(folder, ignore_errors=True)


def ask(web: Web, key: str) -> tuple[int, Mapping[str, str], Any]:
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    status, told, body = web.answer("POST", ADDRESS, headers, BODY)
    return status, told, json.loads(body)


def test_a_supplier_that_hangs_holds_a_quarter_of_the_threads_and_all_else_is_answered(
    web: Web, supplier: Silent
) -> None:
    stone = a_diamond()
    rows.feed("nivoda-natural")
    proxying = create_client("tool", scopes=["suppliers:proxy"])
    ApiClient.objects.update(max_at_once=100)
    shop = {"X-API-Key": create_client("shop", scopes=["catalog:read"]).text}
    # Who has a token waits for the answer, and not for somebody else's signing in.
    SharedTokens(
        f"http://127.0.0.1:{supplier.port}/graphql",
        *("somebody", "something"),
        redis_url=servers.redis_url(),
        secret=settings.SECRET_KEY,
    ).replace("", lambda: "a supplier's token")

    with ThreadPoolExecutor(2 * bounds.THREADS) as crowd:
        told = [crowd.submit(ask, web, proxying.text) for _ in range(2 * bounds.THREADS)]
        until(lambda: sum(call.done() for call in told) >= len(told) - asking.MAX_AT_ONCE)
        refused = [call.result() for call in told if call.done()]
        until(lambda: supplier.asked == asking.MAX_AT_ONCE)
        meanwhile = web.answer("GET", "/api/v1/diamonds", shop)
        live = web.ask("/health/live")
        still_waiting = sum(not call.done() for call in told)
        supplier.close()
        failed = [call.result() for call in told if call.result() not in refused]

    assert [(status, body["type"]) for status, _, body in refused] == [(429, "/api/problems/supplier-limit")] * len(
        refused
    )
    assert all(int(headers["Retry-After"]) > 0 for _, headers, _ in refused)
    assert (meanwhile[0], [row["id"] for row in json.loads(meanwhile[2])["results"]]) == (200, [str(stone.pk)])
    assert (live, still_waiting) == (200, asking.MAX_AT_ONCE)
    assert {status for status, _, _ in failed} == {502}
