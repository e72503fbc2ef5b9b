"""One token for all processes: it is signed in for once, replaced once, and nobody can read it without the keys."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from redis import Redis
from structlog.testing import capture_logs

from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.tests.threads import at_once
from ingest.draining import Draining, draining
from ingest.feeds.nivoda import tokens as tokens_module
from ingest.feeds.nivoda.tokens import SharedTokens, SigningInElsewhere, Token
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests.stack import ROOT, until

ENDPOINT = "https://supplier.example/graphql"
PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def redis() -> Iterator[Redis]:
    server = Redis.from_url(settings.REDIS_URL)
    forget(server)
    yield server
    forget(server)


def forget(server: Redis) -> None:
    if keys := list(server.scan_iter("supplier-token:*")):
        server.delete(*keys)


def shared(
    *, endpoint: str = ENDPOINT, username: str = "buyer", password: str = PASSWORD, secret: str = "s" * 40
) -> SharedTokens:
    return SharedTokens(endpoint, username, password, redis_url=settings.REDIS_URL, secret=secret)


def counting(*texts: str) -> tuple[list[str], Callable[[], str]]:
    """A sign-in that gives these tokens one after the other, and those that it gave."""
    given: list[str] = []

    def sign_in() -> str:
        given.append(texts[len(given)])
        return given[-1]

    return given, sign_in


def never() -> str:
    raise AssertionError("nobody should have signed in")


def test_a_token_is_signed_in_for_once_and_found_by_everybody() -> None:
    given, sign_in = counting("T1")

    first = shared().replace("", sign_in)
    second = shared().replace("", never)

    assert (first.text, second.text, given) == ("T1", "T1", ["T1"])


def test_a_refused_token_is_replaced_once_and_the_late_take_the_new_one() -> None:
    shared().replace("", lambda: "T1")

    replaced = shared().replace("T1", lambda: "T2")
    late = shared().replace("T1", never)

    assert (replaced.text, late.text) == ("T2", "T2")


def test_of_many_who_find_no_token_at_once_one_signs_in() -> None:
    given: list[str] = []

    def sign_in() -> str:
        given.append("T1")
        # Long enough that all others are waiting.
        threading.Event().wait(0.3)
        return "T1"

    found = at_once(*[lambda: shared().replace("", sign_in)] * 6)

    assert [token.text for token in found] == ["T1"] * 6
    assert given == ["T1"]


def test_the_token_ends_in_redis_a_little_before_it_ends_at_the_supplier(redis: Redis) -> None:
    token = shared().replace("", lambda: "T1")

    (key,) = redis.scan_iter("supplier-token:*")
    left = redis.ttl(key)
    assert isinstance(left, int)
    assert 5.5 * 3600 < left <= 6 * 3600 - 600
    assert 5.5 * 3600 < token.until - time.monotonic() <= 6 * 3600 - 600


def test_a_token_whose_time_is_over_is_signed_in_for_anew(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "LIFETIME_SECONDS", 0.05)
    first = shared().replace("", lambda: "T1")
    # Redis counts from when it hears of it.
    until(
        lambda: not first.usable and not list(redis.scan_iter("supplier-token:*")), seconds=5, what="the token is over"
    )

    assert shared().replace("", lambda: "T2").text == "T2"


def test_what_lies_in_redis_is_nothing_to_whom_has_not_the_keys(redis: Redis) -> None:
    shared().replace("", lambda: "a-secret-token")

    everything = [redis.get(key) for key in redis.scan_iter("supplier-token:*")]

    assert everything
    assert "a-secret-token" not in str(everything)
    assert shared(password="wrong").replace("", lambda: "T1").text == "T1"
    assert shared(secret="t" * 40).replace("", lambda: "T2").text == "T2"


@pytest.mark.parametrize("other", [{"endpoint": "https://staging.example/graphql"}, {"username": "seller"}])
def test_a_token_is_of_one_account_at_one_endpoint_even_if_it_is_moved(redis: Redis, other: dict[str, str]) -> None:
    shared().replace("", lambda: "T1")
    (key,) = redis.scan_iter("supplier-token:*")
    stranger = shared(**other)

    untouched = stranger.replace("", lambda: "T2").text
    redis.copy(key, stranger._key, replace=True)
    moved = stranger.replace("", lambda: "T3").text

    assert (untouched, moved) == ("T2", "T3")


def test_a_process_that_lost_its_lock_to_the_clock_takes_the_token_that_is_there(redis: Redis) -> None:
    def sign_in_slowly() -> str:
        # Meanwhile the lock runs out and another process signs in.
        for key in redis.scan_iter("supplier-token:*:signing-in"):
            redis.delete(key)
        shared().replace("", lambda: "T2")
        return "T1"

    assert shared().replace("", sign_in_slowly).text == "T2"


def test_a_process_that_died_while_it_signed_in_is_waited_for_no_longer_than_its_lock_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens_module, "LOCK_SECONDS", 0.5)
    dead = shared()
    dead._redis.lock(f"{dead._key}:signing-in", timeout=0.5).acquire(blocking=False)

    assert shared().replace("", lambda: "T1").text == "T1"


def test_who_waits_too_long_for_another_s_sign_in_is_told_to_come_back() -> None:
    busy = shared()
    busy._redis.lock(f"{busy._key}:signing-in", timeout=30).acquire(blocking=False)

    with pytest.raises(SigningInElsewhere, match="another process is signing in") as told:
        shared().replace("", never, patience=0.2)

    assert told.value.wait == 1.0


def test_who_waits_for_another_s_sign_in_wakes_when_the_process_is_to_stop() -> None:
    busy = shared()
    busy._redis.lock(f"{busy._key}:signing-in", timeout=30).acquire(blocking=False)
    draining.set()

    try:
        with pytest.raises(Draining):
            shared().replace("", never)
    finally:
        draining.clear()


def test_a_sign_in_that_fails_frees_the_lock_for_the_next() -> None:
    def fail() -> str:
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError):
        shared().replace("", fail)

    assert shared().replace("", lambda: "T1", patience=0.0).text == "T1"


def test_without_redis_a_process_has_its_own_token() -> None:
    alone = SharedTokens("x", "y", "z", redis_url="redis://127.0.0.1:1/0", secret="s" * 40)

    with capture_logs() as logs:
        token = alone.replace("", lambda: "T1")

    assert token.text == "T1"
    assert [entry["event"] for entry in logs] == ["supplier_token_not_shared"]


def test_no_representation_and_no_log_shows_a_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    token = shared().replace("", lambda: "a-secret-token")

    assert "a-secret-token" not in f"{token!r} {token} {Token('a-secret-token', 0.0)!r} {caplog.text}"


# Five interpreters that load Django: some seconds.
def test_five_processes_sign_in_exactly_once_per_expiry(redis_server: str) -> None:
    with Sandbox(Options(stones=100, username="buyer", password=PASSWORD)) as sandbox:
        environment = {**os.environ, "DIAMONDHUB_BOOTSTRAP": "off", "DJANGO_SETTINGS_MODULE": "diamondhub.settings"}
        environment |= {"REDIS_URL": redis_server, "SECRET_KEY": settings.SECRET_KEY}
        askers = [
            subprocess.Popen(
                [sys.executable, "-m", "ingest.feeds.nivoda.tests.asker", sandbox.url, PASSWORD],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(5)
        ]
        books = sandbox.supplier.accounting

        def asked() -> int:
            return int(books.stats()["counts"])

        for asker in askers:
            assert asker.stdout is not None
            assert asker.stdout.readline() == "asking\n"
        for _ in range(3):
            sandbox.supplier.tokens.expire_all()
            enough = asked() + 100
            until(partial(lambda n: asked() > n, enough), seconds=20, what="the processes go on")

        outcomes: list[Any] = [asker.communicate(timeout=HANG_SECONDS) for asker in askers]

    assert [asker.returncode for asker in askers] == [0] * 5, outcomes
    assert all(json.loads(out)["answers"] > 0 for out, _ in outcomes)
    assert sign_ins(books) == 4
    assert not any("sandbox." in err or PASSWORD in err for _, err in outcomes)


def sign_ins(books: Any) -> int:
    return int(books.stats()["sign_ins"])
