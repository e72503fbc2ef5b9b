"""What answers say about themselves: methods, caches, compression, where to go on, and what is going away."""

from __future__ import annotations

import gzip
from datetime import date
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub import urls
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.access.scopes import Scope
from diamondhub.api import fields
from diamondhub.api.endpoint import Endpoint, PageQuery, operation
from diamondhub.urls import handler400, handler403, handler404, handler500  # noqa: F401 - this module is a URLconf too

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
ADDRESS = "/api/v1/diamonds"


class ThingsQuery(PageQuery):
    """A list's parameters."""

    kind = fields.Text(required=False)


class Old(Endpoint):
    """A view that is going away."""

    scope = Scope.CATALOG_READ

    @operation(
        "get_old",
        "Old",
        answer=None,
        deprecated=date(2026, 1, 1),
        sunset=date(2027, 1, 1),
        successor="/api/v2/new",
    )
    def get(self, request: Request) -> Response:
        return Response({"old": True})


class Long(Endpoint):
    """A long answer with a version, and one that says what its bytes are."""

    scope = Scope.CATALOG_READ

    @operation("get_long", "Long", answer=None)
    def get(self, request: Request) -> HttpResponseBase:
        return self.unless_known("7", lambda: Response({"text": "diamond " * 500}))


class Things(Endpoint):
    """A list in pages."""

    scope = Scope.CATALOG_READ

    @operation("list_things", "Things", answer=None, query=ThingsQuery)
    def get(self, request: Request) -> Response:
        return self.page(ApiClient.objects.all(), lambda client: client.name, by="id")


class Part(Endpoint):
    """A part of a file."""

    scope = Scope.CATALOG_READ

    @operation("get_part", "Part", answer=None)
    def get(self, request: Request) -> HttpResponseBase:
        return HttpResponse(b"x" * 5000, headers={"Accept-Ranges": "bytes", "ETag": '"f"'})


urlpatterns = [
    *urls.urlpatterns,
    path("api/old", Old.as_view()),
    path("api/long", Long.as_view()),
    path("api/part", Part.as_view()),
    path("api/things", Things.as_view()),
]


@pytest.fixture
def http() -> Client:
    key = create_client("shop", scopes=["catalog:read", "pricing:read"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def vary(answer: Any) -> set[str]:
    return set(answer["Vary"].split(", "))


# --- methods ---------------------------------------------------------------------------------------------------------


def test_head_is_answered_like_get_without_a_body(http: Client) -> None:
    got, head = http.get("/api/long"), http.head("/api/long")

    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == got["Content-Length"] == str(len(got.content))
    assert (head["ETag"], head["Content-Type"]) == (got["ETag"], got["Content-Type"])


def test_head_of_what_is_refused_has_no_body_either(http: Client) -> None:
    answers = [http.head(f"{ADDRESS}?x=1"), http.head("/api/v1/nothing"), Client().head(ADDRESS)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(400, b""), (404, b""), (401, b"")]


def test_options_and_a_method_that_there_is_not_name_those_that_there_are(http: Client) -> None:
    options, refused = http.options("/api/v1/rule-sets"), http.put("/api/v1/rule-sets")

    for answer, status in ((options, 200), (refused, 405)):
        assert answer.status_code == status
        assert {method.strip() for method in answer["Allow"].split(",")} == {"GET", "POST", "HEAD", "OPTIONS"}


# --- caches and compression ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}?x=1", f"{ADDRESS}/no-id", "/api/v1/rule-sets", "/api/part"])
def test_every_answer_tells_caches_whom_it_is_for(http: Client, address: str) -> None:
    answer = http.get(address)

    assert answer["Cache-Control"] in {"private, no-cache", "private, no-cache, stale-if-error=300", "no-store"}
    assert {"X-API-Key", "Origin"} <= vary(answer)


def test_what_everybody_may_have_may_be_kept_by_everybody() -> None:
    answer = Client().get("/api/problems/not-found")

    assert answer["Cache-Control"] == "public, max-age=300"
    assert "X-API-Key" not in vary(answer)


def test_refusals_of_the_gate_are_kept_by_nobody() -> None:
    answer = Client().get(ADDRESS)

    assert (answer.status_code, answer["Cache-Control"]) == (401, "no-store")


def test_a_long_answer_is_compressed_for_whom_takes_that(http: Client) -> None:
    plain, packed = (http.get("/api/long", headers={"Accept-Encoding": taken}) for taken in ("", "gzip, br"))

    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 8
    assert all("Accept-Encoding" in vary(answer) for answer in (plain, packed))


@pytest.mark.parametrize(
    ("taken", "is_packed"),
    [
        ("gzip;q=0", False),
        ("br, gzip ; q=0.000, identity", False),
        ("identity", False),
        ("x-gzip-like", False),
        ("GZIP;q=0.001", True),
        ("br;q=0, gzip;q=1.0", True),
    ],
)
def test_a_coding_that_is_refused_is_not_sent(http: Client, taken: str, is_packed: bool) -> None:
    assert ("Content-Encoding" in http.get("/api/long", headers={"Accept-Encoding": taken})) is is_packed


def test_the_same_tag_is_weak_where_the_bytes_differ_and_a_304_says_the_same_one(http: Client) -> None:
    packed = http.get("/api/long", headers={"Accept-Encoding": "gzip"})
    known = http.get("/api/long", headers={"Accept-Encoding": "gzip", "If-None-Match": packed["ETag"]})
    plain = http.get("/api/long", headers={"If-None-Match": packed["ETag"]})

    assert packed["ETag"] == 'W/"7"'
    assert (known.status_code, known["ETag"], known.content) == (304, 'W/"7"', b"")
    assert (plain.status_code, plain["ETag"]) == (304, '"7"')
    assert {"Accept-Encoding", "X-API-Key", "Origin"} <= vary(known)


def test_short_answers_parts_of_files_and_pages_stay_as_they_are(http: Client) -> None:
    short = http.get("/api/old", headers={"Accept-Encoding": "gzip"})
    part = http.get("/api/part", headers={"Accept-Encoding": "gzip"})
    page = http.get("/admin/login/", headers={"Accept-Encoding": "gzip"})

    assert all("Content-Encoding" not in answer for answer in (short, part, page))
    assert part["ETag"] == '"f"'


# --- where to go on --------------------------------------------------------------------------------------------------


def test_a_page_links_to_the_next_one_with_the_same_query(http: Client) -> None:
    for name in ("one", "two"):
        create_client(name, scopes=["catalog:read"])

    first = http.get("/api/things?limit=2&kind=a,b%26c")
    link = first["Link"]
    second = http.get(link.removeprefix("<").partition(">")[0])

    assert link.endswith('>; rel="next"')
    assert link.startswith("</api/things?limit=2&kind=a,b%26c&cursor=")
    assert (len(first.json()["results"]), len(second.json()["results"])) == (2, 1)
    assert "Link" not in second


def test_the_link_of_a_later_page_has_one_cursor(http: Client) -> None:
    for name in ("one", "two"):
        create_client(name, scopes=["catalog:read"])
    first = http.get("/api/things?limit=1").json()["next"]

    second = http.get(f"/api/things?cursor={first}&limit=1")

    assert second["Link"].count("cursor=") == 1
    assert second.json()["next"] in second["Link"].replace("%3A", ":")


# --- what is going away ----------------------------------------------------------------------------------------------


def test_what_is_going_away_says_so_and_what_follows(http: Client) -> None:
    answer = http.get("/api/old")

    assert answer.json() == {"old": True}
    assert answer["Deprecation"] == "@1767225600"
    assert answer["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert answer["Link"] == '</api/v2/new>; rel="successor-version"'


def test_errors_of_what_is_going_away_say_so_too(http: Client) -> None:
    assert http.get("/api/old?x=1")["Deprecation"] == "@1767225600"


def test_the_document_says_what_is_going_away() -> None:
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator(patterns=[path("api/old", Old.as_view())]).get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    described = document["paths"]["/api/old"]["get"]

    assert described["deprecated"] is True
    assert described["description"].endswith(
        "Deprecated since 2026-01-01. It may be gone from 2027-01-01 on. Use `/api/v2/new` instead."
    )
    assert {"Deprecation", "Sunset", "Link"} <= set(described["responses"]["200"]["headers"])
