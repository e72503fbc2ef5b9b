"""Long bodies that a real web process refuses unread, with a key that is good, on all its threads at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT
from diamondhub.serving import bounds
from diamondhub.serving.tests.processes import Web, database_of_test, peppers, rest_of

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

LENGTH = 900_000


@pytest.fixture
def web() -> Iterator[Web]:
    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-refused-unread"
    running = Web(
        folder,
        DATABASE_URL=database_of_test(),
        REDIS_URL=servers.redis_url(),
        API_KEY_PEPPERS=peppers(),
        # A machine without a free moment makes Redis look away, and then limits are kept more strictly.
        REDIS_ANSWER_SECONDS="5",
    )
    yield running
    running.end()
    shutil.rmtree(folder, ignore_errors=True)


def test_bodies_of_900_kb_on_all_threads_at_once_are_refused_and_others_answered(web: Web) -> None:
    senders = 2 * bounds.THREADS
    key = create_client("sender", scopes=["catalog:read", "catalog:export"]).text
    ApiClient.objects.update(max_at_once=100)
    other = {"X-API-Key": create_client("other", scopes=["catalog:read"]).text}
    head = "\r\n".join(
        [
            *("POST /api/v1/diamonds/lookup HTTP/1.1", "Host: 127.0.0.1", f"X-API-Key: {key}"),
            *("Content-Type: application/json", f"Content-Length: {LENGTH}", "Connection: close", "", ""),
        ]
    ).encode()
    half = [web.connect() for _ in range(senders)]
    for client in half:
        client.sendall(head + b" " * 9_000)

    def send_all(_number: int) -> bytes:
        while True:
            with web.connect() as client:
                # What the server does not read any more; its answer is there all the same.
                with suppress(ConnectionError):
                    client.sendall(head + b" " * LENGTH)
                answer = rest_of(client)
            # Two seconds for a body are little for a machine without a free moment.
            if b" 408 " not in answer.partition(b"\r\n")[0]:
                return answer

    with ThreadPoolExecutor(senders) as crowd:
        whole = [crowd.submit(send_all, number) for number in range(senders)]
        meanwhile = [web.answer("GET", "/api/v1/diamonds?limit=1", other)[0], web.ask("/health/live")]
        told = [call.result() for call in whole]
    told_halves = [rest_of(client) for client in half]
    for client in half:
        client.close()

    assert meanwhile == [200, 200]
    for answer in told:
        first, _, rest = answer.partition(b"\r\n")
        assert b" 413 " in first, answer
        assert b'"/api/problems/body-too-large"' in rest
    # Without their rest nobody looks at them: they are late.
    assert all(b" 408 " in answer for answer in told_halves)
