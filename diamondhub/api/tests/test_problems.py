"""Every error below /api/ is a problem document, whoever raised it; elsewhere errors are pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.views import APIView

from diamondhub import urls
from diamondhub.access.clients import create_client
from diamondhub.api import handlers, kinds
from diamondhub.api.mistakes import FieldError
from diamondhub.urls import handler400, handler403, handler404, handler500  # noqa: F401 - this module is a URLconf too

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id", "errors"}


class Broken(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request: HttpRequest) -> None:
        raise ZeroDivisionError("a secret detail")

    def put(self, request: HttpRequest) -> None:
        raise ValidationError({"carats": ["is too much"], "stones": [{"price": ["is no amount"]}]})


class Slow(Broken):
    def get(self, request: HttpRequest) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)")


def broken_page(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret detail")


urlpatterns = [
    *urls.urlpatterns,
    path("api/broken", Broken.as_view()),
    path("api/slow", Slow.as_view()),
    path("broken", broken_page),
]


@pytest.fixture
def http() -> Client:
    return Client(raise_request_exception=False)


def checked(answer: Any, status: int) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer["Content-Type"] == "application/problem+json"
    assert set(body) == MEMBERS
    assert body["request_id"] == answer["X-Request-Id"]
    kind = kinds.named(body["type"].removeprefix("/api/problems/"))
    assert kind is not None
    assert (body["title"], body["status"]) == (kind.title, kind.status)
    return body


@pytest.mark.parametrize("address", ["/api/", "/api/v1/nothing", "/api/v1/diamonds/no-id", "/api/%C3%A9"])
def test_an_unknown_address_is_a_problem(http: Client, address: str) -> None:
    body = checked(http.get(address), 404)

    assert body["type"] == "/api/problems/not-found"


def test_elsewhere_an_unknown_address_is_a_page(http: Client) -> None:
    assert http.get("/nothing")["Content-Type"].startswith("text/html")


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_method_that_there_is_not_is_a_problem(http: Client, method: str) -> None:
    key = create_client("shop", scopes=["catalog:read"]).text

    answer = getattr(http, method)("/api/v1/diamonds", headers={"X-API-Key": key})

    checked(answer, 405)
    assert "GET" in answer["Allow"]


@pytest.mark.django_db
def test_an_answer_in_a_form_that_there_is_not_is_a_problem(http: Client) -> None:
    key = create_client("shop", scopes=["catalog:read"]).text

    checked(http.get("/api/v1/diamonds", headers={"X-API-Key": key, "Accept": "image/png"}), 406)


def test_a_host_that_is_not_ours_is_a_problem(http: Client) -> None:
    checked(http.get("/api/v1/diamonds", headers={"Host": "evil.example"}), 400)


@pytest.mark.urls(__name__)
def test_our_own_fault_is_a_problem_that_tells_nothing(http: Client) -> None:
    answer = http.get("/api/broken")

    body = checked(answer, 500)
    assert body["type"] == "/api/problems/internal-error"
    assert "secret" not in answer.content.decode()


@pytest.mark.urls(__name__)
def test_elsewhere_our_own_fault_is_a_page(http: Client) -> None:
    answer = http.get("/broken")

    assert answer.status_code == 500
    assert answer["Content-Type"].startswith("text/html")


@pytest.mark.urls(__name__)
def test_fields_of_a_body_are_told_by_their_path(http: Client) -> None:
    body = checked(http.put("/api/broken"), 400)

    assert body["errors"] == [
        {"field": "carats", "pointer": "#/carats", "message": "is too much"},
        {"field": "stones.price", "pointer": "#/stones/price", "message": "is no amount"},
    ]


@pytest.mark.urls(__name__)
@pytest.mark.django_db
def test_a_statement_that_takes_too_long_is_unavailable_and_not_our_fault(http: Client) -> None:
    answer = http.get("/api/slow")

    body = checked(answer, 503)
    assert body["type"] == "/api/problems/too-slow"
    assert int(answer["Retry-After"]) > 0


def test_a_problem_outside_of_any_middleware_has_no_request_id() -> None:
    answer = handlers.not_found(RequestFactory().get("/api/x"), Exception())

    assert isinstance(answer, HttpResponse)
    assert json.loads(answer.content)["request_id"] is None


ASK_WITHOUT_SERVERS = """
import json, django
django.setup()
from django.test import Client
from diamondhub.access import keys
http = Client(SERVER_NAME="localhost", raise_request_exception=False)
key = keys.generate().text
def ask(path):
    answer = http.get(path, headers={"X-API-Key": key})
    return [answer.status_code, dict(answer.headers), answer.content.decode()]
paths = ["/api/v1/diamonds", "/api/schema/", "/api/docs/", "/health/live", "/health/ready"]
print(json.dumps({path: ask(path) for path in paths}))
"""


def test_without_database_and_redis_the_api_is_unavailable_and_the_rest_answers(tmp_path: Path) -> None:
    environment = os.environ | {
        "DIAMONDHUB_VAR": str(tmp_path),
        "DATABASE_URL": "postgresql://diamondhub:hush-hush@127.0.0.1:1/diamondhub",
        "REDIS_URL": "redis://:hush-hush@127.0.0.1:1/0",
        "CELERY_BROKER_URL": "",
    }

    done = subprocess.run(
        [sys.executable, "-c", ASK_WITHOUT_SERVERS], env=environment, capture_output=True, text=True, timeout=60
    )
    answers = json.loads(done.stdout.splitlines()[-1])

    status, headers, body = answers["/api/v1/diamonds"]
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert json.loads(body)["type"] == "/api/problems/database-away"
    assert int(headers["Retry-After"]) > 0
    assert [answers[path][0] for path in ("/api/schema/", "/api/docs/", "/health/live")] == [200, 200, 200]
    status, _, body = answers["/health/ready"]
    assert status == 503
    assert not any(check["ok"] for check in json.loads(body)["checks"])
    assert "hush" not in done.stdout
    assert "127.0.0.1" not in body


@pytest.mark.parametrize(
    ("error", "pointer"),
    [
        (FieldError("", "must be an object"), "#"),
        (FieldError("reason", ""), "#/reason"),
        (FieldError("rule.clauses[0].carats_max", ""), "#/rule/clauses/0/carats_max"),
        (FieldError("[2]", ""), "#/2"),
        (FieldError("a.b", "", ("a.b",)), "#/a.b"),
        (FieldError("x", "", ("a/b~c d%é", 3)), "#/a~1b~0c%20d%25%C3%A9/3"),
    ],
)
def test_a_pointer_leads_to_the_field_whatever_it_is_called(error: FieldError, pointer: str) -> None:
    assert error.pointer == pointer


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"a.b[0]/~": 1}, ["#/a.b[0]~1~0", "#/reason"]),
        ({"x" * 5_000: 1}, ["#", "#/reason"]),
        ({"reason": 1}, ["#/reason"]),
    ],
)
def test_names_that_a_client_made_up_are_pointed_at_as_they_are(body: dict[str, Any], pointers: list[str]) -> None:
    key = create_client("shop", scopes=["pricing:publish"]).text

    answer = Client(headers={"X-API-Key": key}).post("/api/v1/repricings", body, content_type="application/json")

    told = checked(answer, 400)["errors"]
    assert [unquote(error["pointer"]) for error in told] == pointers


@pytest.mark.django_db
def test_what_cannot_be_read_is_pointed_at_however_deep_it_stands() -> None:
    key = create_client("shop", scopes=["pricing:publish"]).text
    text = b'{"rules": [1, {"p.q": {"n": NaN}}]}'

    answer = Client(headers={"X-API-Key": key}).post("/api/v1/repricings", text, content_type="application/json")

    assert checked(answer, 400)["errors"][0]["pointer"] == "#/rules/1/p.q/n"
