"""Nonces: each is taken once, whatever becomes of Redis, and forgotten when nobody would take its signature any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from django.conf import settings as project
from django.db import connection
from django.test import Client
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from diamondhub import redis_clients, sweep
from diamondhub.access import keys, nonces
from diamondhub.access.models import SpentNonce
from diamondhub.access.tests.signing import ADDRESS, problem, send, signing_client
from diamondhub.tests.threads import at_once

KEY = ""


@pytest.fixture(autouse=True)
def a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis keeps the nonces of one test for the next one."""
    monkeypatch.setattr(f"{__name__}.KEY", keys.generate().key_id)


@pytest.fixture
def store(redis_server: str) -> Iterator[redis.Redis]:
    client = redis_clients.client(redis_server)
    yield client
    client.close()


def spend(nonce: str, key_id: str = "", seconds: float = 60) -> bool:
    return nonces.spend(key_id or KEY, nonce, seconds=seconds)


def flush(store: redis.Redis) -> None:
    """Have Redis lose all nonces; what else it has belongs to other tests."""
    for name in store.scan_iter("diamondhub:nonce:*"):
        store.delete(name)


@pytest.mark.django_db
def test_a_nonce_is_taken_once() -> None:
    assert [spend("a nonce"), spend("a nonce"), spend("another"), spend("a nonce", keys.generate().key_id)] == [
        *(True, False),
        *(True, True),
    ]


@pytest.mark.django_db
def test_a_flush_of_redis_lets_nothing_through(store: redis.Redis) -> None:
    spend("before the flush")

    flush(store)

    assert not spend("before the flush")
    assert spend("after the flush")


@pytest.mark.django_db
def test_without_redis_nonces_are_taken_once_and_what_came_before_is_known(settings: Any) -> None:
    there = settings.REDIS_URL
    spend("with redis")

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    meanwhile = [spend("with redis"), spend("without redis"), spend("without redis")]
    settings.REDIS_URL = there

    assert meanwhile == [False, True, False]
    assert not spend("without redis")


@pytest.mark.django_db
def test_a_nonce_that_only_redis_knows_is_spent_as_well(store: redis.Redis) -> None:
    spend("lost in a crash")
    SpentNonce.objects.all().delete()

    assert not spend("lost in a crash")


@pytest.mark.django_db
def test_a_commit_waits_for_the_disk_only_without_redis(settings: Any) -> None:
    def waits() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    spend("with redis")
    with_redis = waits()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    spend("without redis")

    # The test's own transaction shows what that of a request would have ended with.
    assert (with_redis, waits()) == ("off", "on")


@pytest.mark.django_db
def test_a_nonce_is_kept_until_its_signature_is_out_of_time(store: redis.Redis) -> None:
    http = Client()
    signer, issued = signing_client()
    created = int(timezone.now().timestamp()) + 200
    headers = signer.headers("GET", ADDRESS, created=created, nonce="from the future")

    assert send(http, "GET", ADDRESS, headers).status_code == 200

    spent = SpentNonce.objects.get(key_id=issued.key.key_id)
    ends = created + 300
    assert ends < spent.until.timestamp() < ends + 120
    left = int(store.pttl(f"diamondhub:nonce:{spent.key_id}:from the future"))
    assert ends < timezone.now().timestamp() + left / 1000 < ends + 120


@pytest.mark.django_db
def test_the_sweep_forgets_nonces_that_are_over_and_no_others() -> None:
    spend("lasting", seconds=60)
    spend("over", seconds=-1)

    sweep.sweep()

    assert [spent.nonce for spent in SpentNonce.objects.all()] == ["lasting"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_one_nonce_one_is_taken(settings: Any) -> None:
    outcomes = {}
    for url in (settings.REDIS_URL, "redis://127.0.0.1:1/0"):
        settings.REDIS_URL = url
        outcomes[url] = at_once(*[lambda url=url: spend(f"at once {url[-10:]}")] * 6)

    assert [sorted(taken) for taken in outcomes.values()] == [[False] * 5 + [True]] * 2


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_around_a_flush_one_is_taken(store: redis.Redis) -> None:
    flushed = threading.Event()

    def keep_flushing() -> None:
        while not flushed.is_set():
            flush(store)

    flushing = threading.Thread(target=keep_flushing)
    flushing.start()
    try:
        rounds = [at_once(*[lambda number=number: spend(f"nonce {number}")] * 4) for number in range(5)]
    finally:
        flushed.set()
        flushing.join()

    assert [sorted(taken) for taken in rounds] == [[False, False, False, True]] * 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("redis_url", ["", "redis://127.0.0.1:1/0"])
def test_nobody_is_let_in_while_nonces_cannot_be_kept(settings: Any, redis_url: str, database_server: str) -> None:
    settings.REDIS_URL = redis_url or settings.REDIS_URL
    http = Client()
    signer, _ = signing_client()
    name = project.DATABASES["default"]["NAME"]

    with psycopg.connect(make_conninfo(database_server, dbname=name)) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE access_spentnonce")
        cursor.execute("SET lock_timeout = '50ms'")
        try:
            answer = send(http, "GET", ADDRESS, signer.headers("GET", ADDRESS))
        finally:
            cursor.execute("RESET lock_timeout")

    assert problem(answer) == (503, "database-away")
    assert answer["Retry-After"]
