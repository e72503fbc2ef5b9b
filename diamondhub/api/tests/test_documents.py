"""The OpenAPI document and its pages: made once, whoever asks first, and never a fault of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http import HTTPStatus

import pytest
from django.test import Client

from diamondhub.access.clients import create_client

#: Eight first requests at once, in a process that has not made the document yet.
ASK_AT_ONCE = """
import json, threading, django
django.setup()
from django.test import Client
start = threading.Barrier(8)
answers = []
def ask(kind):
    start.wait()
    answer = Client(SERVER_NAME="localhost", raise_request_exception=False).get("/api/schema/", headers={"Accept": kind})
    answers.append([answer.status_code, kind, answer.get("ETag")])
kinds = ["application/json", "application/yaml"] * 4
threads = [threading.Thread(target=ask, args=[kind]) for kind in kinds]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(answers))
"""


@pytest.fixture
def http() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.usefixtures("redis_server")
def test_many_first_requests_at_once_get_the_same_document() -> None:
    # All tests have one address, which asks much more than an address may.
    environment = {**os.environ, "ADDRESS_RATE": "10000", "ADDRESS_BURST": "100000", "REDIS_ANSWER_SECONDS": "30"}
    asked = [sys.executable, "-c", ASK_AT_ONCE]

    done = subprocess.run(asked, capture_output=True, text=True, timeout=300, env=environment)

    answers = json.loads(done.stdout.splitlines()[-1])
    assert [status for status, _, _ in answers] == [200] * 8, done.stderr
    assert len({(kind, tag) for _, kind, tag in answers}) == 2


def test_a_client_who_has_the_document_gets_no_other(http: Client) -> None:
    tag = http.get("/api/schema/")["ETag"]

    again = http.get("/api/schema/", headers={"If-None-Match": f'"other", W/{tag}'})
    other = http.get("/api/schema/", headers={"If-None-Match": tag, "Accept": "application/yaml"})

    assert (again.status_code, again.content, again["ETag"]) == (HTTPStatus.NOT_MODIFIED, b"", tag)
    assert "Accept" in again["Vary"]
    assert other.status_code == HTTPStatus.OK


@pytest.mark.parametrize("query", ["version=%0a", "version=1", "lang=de", "lang=%00", "format=json"])
def test_the_document_takes_no_parameters(http: Client, query: str) -> None:
    answer = http.get(f"/api/schema/?{query}")

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.json()["type"] == "/api/problems/invalid-parameters"


@pytest.mark.parametrize("query", ["version=%0a", "lang=%00", "script=", "script=%0d%0a"])
def test_the_pages_pass_nothing_of_their_address_on(http: Client, query: str) -> None:
    answer = http.get(f"/api/docs/?{query}")

    assert answer.status_code == HTTPStatus.OK
    assert "/api/schema/?" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["options", "head", "post", "put", "patch", "delete", "trace"])
def test_no_method_is_a_fault_of_ours_anywhere_whatever_is_accepted(method: str) -> None:
    scopes = ["catalog:read", "pricing:read", "pricing:edit", "pricing:publish", "suppliers:proxy"]
    http = Client(headers={"X-API-Key": create_client("everybody", scopes=scopes).text}, raise_request_exception=False)

    answers = {
        (address, accept): getattr(http, method)(address, headers={"Accept": accept}).status_code
        for address in ADDRESSES
        for accept in ("*/*", "application/json", "text/html", "application/yaml", "image/png", "\x7f", "a/b;q=x")
    }

    assert not {asked: status for asked, status in answers.items() if status >= 500}


ADDRESSES = [
    "/api/schema/", "/api/docs/", "/api/v1/diamonds", "/api/v1/diamonds/00000000-0000-0000-0000-000000000000",
    "/api/v1/suppliers/nobody/graphql", "/api/v1/rule-sets", "/api/v1/rule-sets/1", "/api/v1/repricings",
    "/api/v1/experiments", "/api/v1/experiments/nothing",
]  # fmt: skip


@pytest.mark.parametrize("address", ["/api/docs/", "/api/schema/"])
def test_options_say_what_there_is(http: Client, address: str) -> None:
    answer = http.options(address)

    assert answer.status_code == HTTPStatus.OK
    assert "GET" in answer["Allow"]
    assert answer.json()["description"]
