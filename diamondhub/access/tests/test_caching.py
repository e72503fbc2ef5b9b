"""The gate's step of caches: what it says of every answer below the API, and of none beside it."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from diamondhub.access.caching import Caching
from diamondhub.access.gate import Visit


def finished(path: str, method: str = "GET", **headers: str) -> HttpResponse:
    """An answer with these headers after the step."""
    visit = Visit(RequestFactory().generic(method, path))
    answer = HttpResponse(b"body", headers={name.replace("_", "-"): value for name, value in headers.items()})
    Caching().finish(visit, answer)
    return answer


@pytest.mark.parametrize("path", ["/api/v1/diamonds", "/api/v1/rule-sets", "/api/v1/nothing"])
def test_an_answer_that_takes_a_key_is_its_client_s_alone(path: str) -> None:
    answer = finished(path)

    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Vary"] == "X-API-Key, Authorization, Signature-Input"


def test_what_a_view_says_stands_and_is_not_said_twice() -> None:
    answer = finished("/api/v1/diamonds", Cache_Control="no-store", Vary="Origin, x-api-key")

    assert answer["Cache-Control"] == "no-store"
    assert answer["Vary"] == "Origin, x-api-key, Authorization, Signature-Input"


def test_what_anybody_may_read_is_the_same_for_all() -> None:
    answer = finished("/api/problems/")

    assert answer["Cache-Control"] == "private, no-cache"
    assert not answer.has_header("Vary")


def test_pages_beside_the_api_are_left_alone() -> None:
    answer = finished("/admin/")

    assert not answer.has_header("Cache-Control")
    assert not answer.has_header("Vary")


def test_an_answer_to_head_keeps_its_length_and_loses_its_body() -> None:
    answer = finished("/api/v1/diamonds", "HEAD")

    assert (answer.content, answer["Content-Length"]) == (b"", "4")
