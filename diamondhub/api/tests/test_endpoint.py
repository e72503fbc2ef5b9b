"""The base view: scopes by method, errors by the table, pages, and answers that a client has already."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub import urls
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.access.scopes import Scope
from diamondhub.api.endpoint import Endpoint, PageQuery, operation
from diamondhub.api.problems import InvalidBody
from diamondhub.urls import handler400, handler403, handler404, handler500  # noqa: F401 - this module is a URLconf too

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Taken(Exception):
    """Somebody was faster."""


class TakenByUs(Taken):
    """We were."""


class Strange(Exception):
    """Told by nobody."""


ERRORS: dict[str, type[Exception]] = {"taken": Taken, "ours": TakenByUs, "strange": Strange, "value": ValueError}


class Things(Endpoint):
    """A view of everything."""

    scope = Scope.CATALOG_READ
    cache_control = "no-store"
    problems_of = {
        Taken: (HTTPStatus.CONFLICT, "taken"),
        ValueError: lambda error: InvalidBody(f"{error} is no value"),
    }

    @operation("list_things", "Things", answer=None, query=PageQuery)
    def get(self, request: Request) -> Response:
        return self.page(ApiClient.objects.all(), lambda client: client.name, by="id")

    @operation("break_things", "Break", answer=None, scope=Scope.PRICING_EDIT)
    def post(self, request: Request, error: str = "taken") -> Response:
        raise ERRORS[error]("somebody was faster")


class Versioned(Endpoint):
    """A view whose answer has a version."""

    scope = Scope.CATALOG_READ

    @operation("get_versioned", "Versioned", answer=None)
    def get(self, request: Request) -> HttpResponseBase:
        return self.unless_known("7", lambda: Response({"made": True}))


urlpatterns = [
    *urls.urlpatterns,
    path("api/things", Things.as_view()),
    path("api/things/<str:error>", Things.as_view()),
    path("api/versioned", Versioned.as_view()),
]


def signed_in(*scopes: str, name: str = "shop") -> Client:
    return Client(headers={"X-API-Key": create_client(name, scopes=scopes).text}, raise_request_exception=False)


def test_each_method_needs_its_own_scope_and_every_other_the_view_s() -> None:
    reader, editor = signed_in("catalog:read"), signed_in("pricing:edit", name="editor")

    assert [reader.get("/api/things").status_code, reader.post("/api/things").status_code] == [200, 403]
    assert [editor.get("/api/things").status_code, editor.post("/api/things").status_code] == [403, 409]
    for method in ("options", "put", "delete"):
        assert getattr(editor, method)("/api/things").status_code == 403
    assert [reader.head("/api/things").status_code, reader.options("/api/things").status_code] == [200, 200]
    assert reader.delete("/api/things").status_code == 405


@pytest.mark.parametrize(
    "word", ["BODY", "OPERATION", "REQUIRED_SCOPE", "SCOPE", "INITIAL", "QUERY", "TRACE", "CONNECT"]
)
def test_a_word_that_is_no_method_is_refused_whatever_is_called_so(word: str) -> None:
    reader, stranger = signed_in("catalog:read"), Client(raise_request_exception=False)

    assert [http.generic(word, "/api/things").status_code for http in (stranger, reader)] == [405, 405]


@pytest.mark.parametrize(
    ("error", "status", "kind", "detail"),
    [
        ("taken", 409, "taken", "Somebody was faster."),
        ("ours", 409, "taken", "Somebody was faster."),
        ("value", 400, "invalid-body", "somebody was faster is no value"),
        ("strange", 500, "internal-error", "This is our fault. Tell us the request_id if it goes on."),
    ],
)
def test_errors_become_what_the_nearest_class_in_the_table_says(
    error: str, status: int, kind: str, detail: str
) -> None:
    answer = signed_in("pricing:edit").post(f"/api/things/{error}")

    assert (answer.status_code, answer.json()["type"], answer.json()["detail"]) == (
        status,
        f"/api/problems/{kind}",
        detail,
    )
    assert answer["Cache-Control"] == "no-store"


def test_a_list_is_read_page_by_page_the_newest_first() -> None:
    http = signed_in("catalog:read", name="a")
    for name in "bcde":
        create_client(name, scopes=["catalog:read"])

    seen: list[Any] = []
    address = "/api/things?limit=2"
    for _ in range(3):
        page = http.get(address).json()
        seen += page["results"]
        address = f"/api/things?limit=2&cursor={page['next']}"

    assert (seen, page["next"]) == (["e", "d", "c", "b", "a"], None)


def test_a_method_takes_no_parameters_that_it_does_not_declare() -> None:
    answer = signed_in("pricing:edit").post("/api/things?limit=2")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "limit", "pointer": "limit", "message": "is not a parameter of this address"}
    ]


@pytest.mark.parametrize(
    ("known", "status"),
    [("", 200), ('"6"', 200), ("7", 200), ('"7"', 304), ('W/"7"', 304), ('"6", "7"', 304), ("*", 304)],
)
def test_what_a_client_has_already_is_not_sent_again(known: str, status: int) -> None:
    http = signed_in("catalog:read")

    answer = http.get("/api/versioned", headers={"If-None-Match": known})

    assert (answer.status_code, answer["ETag"]) == (status, '"7"')
    assert (answer.content == b"") is (status == 304)


def test_no_answer_is_kept_where_the_view_says_so() -> None:
    assert signed_in("catalog:read").get("/api/things")["Cache-Control"] == "no-store"
