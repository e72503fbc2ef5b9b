"""Answers that are kept: found again, made once, and never in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.http import HttpResponse
from django.test import RequestFactory

from diamondhub.api import kept
from diamondhub.api.kept import KeptAnswers, caller_of
from diamondhub.local.valkey import Valkey, cache


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    running = cache(tmp_path_factory.mktemp("cache"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def answers(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> KeptAnswers:
    # A machine without a free moment takes longer than callers may wait.
    monkeypatch.setattr(kept, "ANSWER_SECONDS", 5.0)
    monkeypatch.setattr(kept, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(kept, "FLIGHT_SECONDS", 90.0)
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return KeptAnswers(server.url)


def answer(text: str = "found") -> HttpResponse:
    return HttpResponse(text, content_type="application/json", headers={"X-Search": "index", "ETag": '"1"'})


def test_the_cache_forgets_what_is_asked_for_least(server: Valkey) -> None:
    with redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lfu"}


def test_an_answer_is_found_by_its_key_and_by_who_had_it(answers: KeptAnswers) -> None:
    answers.keep("key", "tag", answer(), caller="caller", again=True)

    by_key, by_caller = answers.read("key"), answers.read_of("caller")

    assert by_key is not None
    assert by_key == by_caller
    given = by_key.response()
    assert (given.content, given["X-Search"], given["Cache-Status"]) == (b"found", "index", "diamondhub; hit")
    assert "ETag" not in given
    assert (answers.read("other"), answers.read_of("other")) == (None, None)


def test_a_stale_answer_is_compressed_for_who_takes_that_and_says_that_it_is_stale(answers: KeptAnswers) -> None:
    answers.keep("key", "tag", answer("found " * 500), caller="", again=True)
    known = answers.read("key")
    assert known is not None

    compressed = known.stale_response(RequestFactory().get("/", headers={"Accept-Encoding": "gzip"}))
    plain = known.stale_response(RequestFactory().get("/"))

    assert (compressed["Content-Encoding"], compressed["ETag"], plain["ETag"]) == ("gzip", 'W/"tag"', '"tag"')
    assert plain.content == b"found " * 500
    assert "detail=database-away" in plain["Cache-Status"]


def test_what_is_too_long_or_of_another_version_of_the_software_is_none(answers: KeptAnswers, server: Valkey) -> None:
    answers.keep("long", "tag", answer("x" * (kept.MAX_BYTES + 1)), caller="", again=True)
    with redis.Redis.from_url(server.url) as client:
        client.set("kept:answer:strange", b"\x93\x01\x02\x03")

    assert (answers.read("long"), answers.read("strange")) == (None, None)


def test_of_many_who_ask_the_same_at_once_one_makes_the_answer(answers: KeptAnswers) -> None:
    made, crowd = [], threading.Barrier(6)

    def make() -> HttpResponse:
        made.append(1)
        time.sleep(0.2)
        response = answer()
        answers.keep("key", "tag", response, caller="", again=True)
        return response

    def ask(_: int) -> bytes:
        crowd.wait()
        return answers.once("key", "tag", make).content

    with ThreadPoolExecutor(6) as threads:
        given = list(threads.map(ask, range(6)))

    assert given == [b"found"] * 6
    assert len(made) == 1


def test_who_comes_when_the_answer_was_just_kept_makes_no_other(answers: KeptAnswers) -> None:
    answers.keep("key", "tag", answer(), caller="", again=True)

    def fail() -> HttpResponse:
        raise ZeroDivisionError

    assert answers.once("key", "tag", fail).content == b"found"
    with pytest.raises(ZeroDivisionError):
        answers.once("key", "another tag", fail)


def test_who_died_while_making_an_answer_is_waited_for_no_longer_than_a_moment(
    answers: KeptAnswers, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "WAIT_SECONDS", 0.2)
    with redis.Redis.from_url(server.url) as client:
        client.set("kept:flight:key:tag", "dead", px=60_000)

        assert answers.once("key", "tag", answer).content == b"found"
        assert client.get("kept:flight:key:tag") == b"dead", "another's flight is not ended"


def test_errors_are_not_kept_and_end_the_flight(answers: KeptAnswers) -> None:
    def fail() -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answers.once("key", "tag", fail)

    assert answers.read("key") is None
    assert answers.once("key", "tag", answer).content == b"found"


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1/0"])
def test_without_a_server_nothing_is_kept_and_everything_is_made(url: str) -> None:
    nowhere = KeptAnswers(url)

    nowhere.keep("key", "tag", answer(), caller="caller", again=True)

    assert (nowhere.read("key"), nowhere.read_of("caller")) == (None, None)
    assert nowhere.once("key", "tag", answer).content == b"found"


def caller(path: str = "/api/v1/diamonds?limit=1", address: str = "192.0.2.1", **headers: str) -> str:
    asked: Any = {"X-API-Key": "dh_key", **headers}
    return caller_of(RequestFactory().get(path, headers=asked), address)


def test_a_caller_is_a_key_at_an_address_in_a_page_with_a_question() -> None:
    own = caller()

    others = [
        caller("/api/v1/diamonds?limit=2"),
        caller(address="192.0.2.2"),
        caller(**{"X-API-Key": "dh_other"}),
        caller(Origin="https://shop.example"),
        caller(Accept="text/html"),
    ]
    assert own == caller()
    assert len({own, *others}) == 6
    assert "dh_key" not in own


def test_what_is_signed_or_sent_by_nobody_has_no_caller() -> None:
    assert caller(Signature="sig1=:AA==:") == ""
    assert caller_of(RequestFactory().get("/"), "192.0.2.1") == ""
    assert caller_of(RequestFactory().post("/", headers={"X-API-Key": "dh_key"}), "192.0.2.1") == ""
