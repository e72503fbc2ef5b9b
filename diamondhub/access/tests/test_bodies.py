"""Bodies at the gate: one bound for every address, held against what is announced and against what comes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from diamondhub.access.bodies import MAX_BODY, Bodies, Bounded
from diamondhub.access.clients import create_client
from diamondhub.access.gate import Visit
from diamondhub.api.problems import Problem

PLACES = ["/admin/login/", "/admin/", "/health/live", "/nothing", "/static/x", "/api/nothing", "/api/docs/"]


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, *_size: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def announced(path: str, **environ: Any) -> Any:
    """The answer to a request whose body nobody may read."""
    http = Client(raise_request_exception=True)
    return http.generic("POST", path, b"", "text/plain", **{"wsgi.input": Unread(), **environ})


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "300000000", "9" * 23, "0" * 30 + str(10**7)])
def test_too_long_a_body_is_refused_unread_at_every_address(path: str, length: str) -> None:
    answer = announced(path, CONTENT_LENGTH=length)

    assert answer.status_code == 413
    assert ("problem" in answer["Content-Type"]) is path.startswith("/api/")


@pytest.mark.django_db
def test_a_file_sent_to_the_sign_in_is_refused_before_anything_looks_at_it() -> None:
    file = SimpleUploadedFile("big.bin", b"x" * (MAX_BODY + 1))

    answer = Client().post("/admin/login/", {"username": "x", "file": file})

    assert answer.status_code == 413


@pytest.mark.parametrize("path", PLACES)
def test_a_body_in_chunks_is_refused_at_every_address(path: str) -> None:
    assert announced(path, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked").status_code == 411


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_body_is_refused_at_every_address(path: str, coding: str) -> None:
    assert announced(path, CONTENT_LENGTH="10", HTTP_CONTENT_ENCODING=coding).status_code in (400, 415)


@pytest.mark.django_db
def test_an_operation_takes_as_much_as_it_says() -> None:
    key = create_client("editor", scopes=["pricing:edit"]).text

    answer = announced("/api/v1/rule-sets", HTTP_X_API_KEY=key, CONTENT_TYPE="application/json", CONTENT_LENGTH="64001")

    assert answer.status_code == 413
    assert "64,000 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(
    "read", [lambda it: it.read(), lambda it: it.read(10**9), lambda it: [*iter(lambda: it.read(3), b"")]]
)
def test_what_comes_beyond_the_bound_is_not_read(read: Any) -> None:
    assert read(Bounded(io.BytesIO(b"x" * 10), 10))
    with pytest.raises(RequestDataTooBig):
        read(Bounded(io.BytesIO(b"x" * 11), 10))


def test_a_line_beyond_the_bound_is_not_read() -> None:
    assert Bounded(io.BytesIO(b"ab\ncd"), 5).readline() == b"ab\n"
    with pytest.raises(RequestDataTooBig):
        Bounded(io.BytesIO(b"x" * 11), 10).readline()


def test_every_request_that_passes_reads_from_a_bounded_stream() -> None:
    request: Any = RequestFactory().post("/admin/login/", {"username": "x"})

    Bodies().check(Visit(request))

    assert isinstance(request._stream, Bounded)
    assert request.POST["username"] == "x"


def test_a_request_without_a_body_passes() -> None:
    for length in ("", "0"):
        Bodies().check(Visit(RequestFactory().generic("GET", "/admin/", CONTENT_LENGTH=length)))
    with pytest.raises(Problem):
        Bodies().check(Visit(RequestFactory().generic("GET", "/admin/", CONTENT_LENGTH=str(MAX_BODY + 1))))
