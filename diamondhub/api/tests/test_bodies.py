"""Bodies of requests: every way in which a JSON body is not what it seems is told as what it is, never as a 500."""

from __future__ import annotations

import json
import time
from io import BytesIO
from typing import Any

import pytest
from django.http import UnreadablePostError
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.api import fields
from diamondhub.api.endpoint import Endpoint, operation
from diamondhub.api.parsers import MAX_DEPTH, parse_object
from diamondhub.api.problems import InvalidBody, Problem, problem_of
from diamondhub.api.serializers import Body

LIMIT = 10_000


class Anything(Body):
    """A body with one field that may be anything."""

    a = fields.Anything(required=False)


class Taking(Endpoint):
    """A view that takes it."""

    @operation("take", "Take", answer=None, body=Anything, body_limit=LIMIT)
    def post(self, request: Request) -> Response:
        return Response(self.body)

    @operation("perhaps", "Take it if it is there", answer=None, body=Anything, body_is_optional=True)
    def put(self, request: Request) -> Response:
        return Response(self.body)


def asked(body: bytes, content_type: str = "application/json", method: str = "POST", **headers: Any) -> Taking:
    view = Taking()
    request = RequestFactory().generic(method, "/", body, content_type, **headers)
    view.setup(request)
    view.request = view.initialize_request(request)
    return view


def read(body: bytes) -> dict[str, Any]:
    return parse_object(body)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"query": "{ a }", "variables": {"n": 1, "x": 1.5, "none": None, "list": [1, "zwölf", True]}},
        {"n": 2**63 - 1, "m": -(2**63)},
        {"emoji": "💎", "brackets": "[[[[{{{{" * 20, "quote": 'a"b\\'},
    ],
)
def test_a_plain_object_is_read(value: dict[str, Any]) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b" ", "not JSON"),
        (b"{", "not JSON at line 1"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a": 1, "a": 2}', "names 'a' twice"),
        (b'{"a": {"b": 1, "b": 1}}', "names 'b' twice"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": 9223372036854775808}', "outside of 64 bits"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "outside of 64 bits"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"a": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", f"more than {MAX_DEPTH} levels"),
        (b"[" * (LIMIT - 1), f"more than {MAX_DEPTH} levels"),
        (b'{"a":' * 1_900, f"more than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_ambiguous_or_cannot_be_stored_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidBody) as refused:
        read(body)

    assert refused.value.status == 400
    assert words in refused.value.detail


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a": [1, {"b": NaN}]}', "a[1].b"),
        (b'{"a": [1, {"b": -1e999}]}', "a[1].b"),
        (b'{"a": [9223372036854775808]}', "a[0]"),
        (b'{"a": {"b": "\\ud800"}}', "a.b"),
        (b'{"a": {"\\u0000": 1}}', "'a.\\x00'"),
        (b'{"a": [{"b": 1, "b": 2}]}', "a[0].b"),
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"": 1, "": 2}', "''"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(body: bytes, place: str) -> None:
    with pytest.raises(InvalidBody) as refused:
        read(body)

    assert [error.field for error in refused.value.errors] == [place]


def test_very_many_values_below_a_very_long_name_are_read_at_once() -> None:
    """A place was written out for each of them: 400 GB for this body."""
    body = json.dumps({"k" * 1_000_000: [0] * 400_000}).encode()

    before = time.process_time()
    value = read(body)

    assert time.process_time() - before < 5
    assert len(value) == 1


def test_the_deepest_body_that_is_taken_is_taken() -> None:
    inner = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)

    assert "a" in read(b'{"a": ' + inner + b"}")


class Unread:
    """A body that fails the test if anybody reads it."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"CONTENT_LENGTH": str(LIMIT + 1)}, 413),
        ({"CONTENT_LENGTH": "9" * 18}, 413),
        ({"CONTENT_LENGTH": ""}, 411),
        ({"CONTENT_LENGTH": "-1"}, 411),
        ({"CONTENT_LENGTH": "١٢"}, 411),
        ({"CONTENT_TYPE": "text/plain"}, 415),
        ({"CONTENT_TYPE": ""}, 415),
        ({"CONTENT_TYPE": "application/json; charset=utf-16"}, 415),
        ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, 415),
    ],
)
def test_what_is_not_wanted_is_refused_before_a_byte_of_it_is_read(headers: dict[str, str], status: int) -> None:
    view = asked(b"{}")
    view.request.META.update(headers)
    vars(view.request)["_stream"] = Unread()

    with pytest.raises(Problem) as refused:
        assert view.body

    assert refused.value.status == status


class Cut(BytesIO):
    """A connection that ends in the middle of a body."""

    def read(self, *_: Any) -> bytes:
        raise ConnectionResetError


def test_a_client_who_goes_away_in_the_middle_of_a_body_is_no_fault_of_ours() -> None:
    view = asked(b"{}")
    vars(view.request._request)["_stream"] = Cut()

    with pytest.raises(UnreadablePostError) as cut:
        assert view.body

    problem = problem_of(cut.value)
    assert problem is not None
    assert problem.status == 400


def test_an_empty_body_is_told_unless_it_may_be_left_out() -> None:
    with pytest.raises(InvalidBody, match="empty"):
        assert asked(b"", CONTENT_TYPE="application/json", CONTENT_LENGTH="0").body

    assert asked(b"", method="PUT").body == {}


def test_a_body_in_chunks_is_not_taken_for_none() -> None:
    with pytest.raises(Problem) as refused:
        assert asked(b"", method="PUT", CONTENT_TYPE="application/json", HTTP_TRANSFER_ENCODING="chunked").body

    assert refused.value.status == 411


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_json_is_taken_however_its_type_is_written(kind: str) -> None:
    assert asked(b'{"a": {"b": 1}}', content_type=kind).body == {"a": {"b": 1}}


def test_a_name_that_stands_twice_behind_many_others_is_found_at_once() -> None:
    others = ",".join(f'"{number}":0' for number in range(90_000))
    body = f'{{{others},"twice":1,"twice":2}}'.encode()

    began = time.process_time()
    with pytest.raises(InvalidBody, match="'twice' twice"):
        read(body)

    assert time.process_time() - began < 5
