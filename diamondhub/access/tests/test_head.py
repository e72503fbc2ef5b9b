"""The strict look at a request's head: what is malformed, ambiguous or too long is refused precisely, and nothing else."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client, RequestFactory

from diamondhub.access.gate import Visit
from diamondhub.access.head import MAX_HEADER, MAX_TARGET, Head, RequestId
from diamondhub.api.problems import Problem

ADDRESS = "/api/v1/diamonds"


def looked_at(method: str = "GET", path: str = ADDRESS, **environ: Any) -> Visit:
    """A visit that the step has let pass."""
    visit = Visit(RequestFactory().generic(method, path, **environ))
    Head().check(visit)
    return visit


def refused(method: str = "GET", path: str = ADDRESS, **environ: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        looked_at(method, path, **environ)
    return caught.value


@pytest.mark.parametrize("key", ["RAW_URI", "REQUEST_URI"])
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/api/v1/diamonds/%zz", "hexadecimal"),
        ("/api/v1/diamonds/%", "hexadecimal"),
        ("/api/v1/diamonds/%f", "hexadecimal"),
        ("/api/v1/diamonds/%ff", "UTF-8"),
        ("/api/v1/diamonds/%c0%80", "UTF-8"),
        ("/api/v1/diamonds/%ed%a0%80", "UTF-8"),
        ("/api/v1/diamonds/%00", "control character"),
        ("/api/v1/diamonds/%0d%0aX: y", "percent-encoded"),
        ("/api/v1/diamonds/%7f", "control character"),
        ("/api/v1/diamonds/\xe9", "percent-encoded"),
        ("/api/v1/diamonds/\t", "percent-encoded"),
        ("http://127.0.0.1/api/v1/diamonds", "slash"),
        ("*", "slash"),
    ],
)
def test_a_target_that_cannot_be_read_in_one_way_is_refused(key: str, target: str, says: str) -> None:
    problem = refused(**{key: target})

    assert problem.status == 400
    assert says in problem.detail


def test_a_target_without_its_raw_form_is_looked_at_as_far_as_it_can_be() -> None:
    assert "control character" in refused(path="/api/v1/%00").detail


@pytest.mark.parametrize("query", ["q=%", "q=%g0", "q=100%&x=1"])
def test_a_broken_percent_sign_in_a_query_is_refused_at_the_api_alone(query: str) -> None:
    assert "%25" in refused(path=f"{ADDRESS}?{query}").detail
    looked_at(path=f"/admin/?{query}")


@pytest.mark.parametrize("target", [ADDRESS, f"{ADDRESS}?a=%C3%A9&b=+&c=%20&d", "/admin/%C3%A9/a%2Fb"])
def test_a_proper_target_passes(target: str) -> None:
    looked_at(RAW_URI=target)


def test_a_target_is_bounded_in_length() -> None:
    looked_at(RAW_URI=ADDRESS + "?" + "a" * (MAX_TARGET - len(ADDRESS) - 1))

    assert refused(RAW_URI=ADDRESS + "?" + "a" * (MAX_TARGET - len(ADDRESS))).status == 414
    assert refused(path=f"{ADDRESS}?{'a' * 1_000_000}").status == 414


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
def test_the_methods_of_the_web_pass(method: str) -> None:
    looked_at(method)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "QUERY", "X" * 100, "OPERATION"])
@pytest.mark.parametrize(("path", "allowed"), [(ADDRESS, "GET, OPTIONS"), ("/admin/", "GET, HEAD, OPTIONS, POST")])
def test_other_words_are_no_methods_and_those_that_are_are_named(method: str, path: str, allowed: str) -> None:
    problem = refused(method, path)

    assert problem.status == 405
    assert problem.headers["Allow"].startswith(allowed)


@pytest.mark.parametrize(
    "name", ["HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_X_API_KEY", "HTTP_ORIGIN", "HTTP_TRANSFER_ENCODING"]
)
def test_a_header_that_means_one_thing_and_comes_twice_is_refused(name: str) -> None:
    problem = refused("POST", **{name: "1,1"})

    assert problem.status == 400
    assert "once" in problem.detail or "Content-Length" in problem.detail


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\r", "\n", "\x7f"])
def test_a_header_with_a_control_character_is_refused_by_its_name(character: str) -> None:
    assert "X-Api-Key" in refused(HTTP_X_API_KEY=f"dh_{character}").detail


def test_a_header_is_bounded_in_length() -> None:
    looked_at(HTTP_X_ANYTHING="a" * MAX_HEADER)

    assert refused(HTTP_X_ANYTHING="a" * (MAX_HEADER + 1)).status == 431


@pytest.mark.parametrize("length", ["-1", "+5", "5x", " 5", "0x10", "5.0", "٣"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    assert "Content-Length" in refused("POST", CONTENT_LENGTH=length).detail


def test_a_body_with_two_lengths_or_an_unknown_coding_is_refused() -> None:
    assert "not both" in refused("POST", CONTENT_LENGTH="5", HTTP_TRANSFER_ENCODING="chunked").detail
    assert "chunked" in refused("POST", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="gzip").detail
    looked_at("POST", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")


@pytest.mark.parametrize("host", ["evil.example", "a b", "", "[::1", "127.0.0.1:x", "é"])
def test_a_foreign_host_is_refused_with_one_line(host: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = Client(headers={"Host": host}).get("/admin/login/")

    assert answer.status_code == 400
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    assert not any(record.exc_info for record in caplog.records)


def test_probes_are_answered_whatever_host_they_are_asked_by() -> None:
    assert Client(headers={"Host": "10.1.2.3"}).get("/health/live").status_code == 200


@pytest.mark.parametrize("accept", ["", "  "])
def test_an_empty_accept_accepts_everything(accept: str) -> None:
    assert "HTTP_ACCEPT" not in looked_at(HTTP_ACCEPT=accept).request.META


def test_http_1_0_passes() -> None:
    looked_at(SERVER_PROTOCOL="HTTP/1.0")


def test_a_scheme_that_a_stranger_writes_is_taken_away(settings: Any) -> None:
    assert not looked_at(HTTP_X_FORWARDED_PROTO="https").request.is_secure()


@pytest.mark.parametrize("given", ["x", "a" * 65, "a b c d e f", "ümläut-id", "id\n12345678"])
def test_an_odd_request_id_is_replaced_and_a_good_one_kept(given: str) -> None:
    odd, good = (Visit(RequestFactory().get("/", headers={"X-Request-Id": text})) for text in (given, "abc-1.2_DEF"))

    for visit in (odd, good):
        RequestId().check(visit)

    assert odd.request.request_id not in (given, "")  # type: ignore[attr-defined]
    assert good.request.request_id == "abc-1.2_DEF"  # type: ignore[attr-defined]
