"""Signing in with a key: who is let in, who is refused alike, and what happens to those who guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from random import randrange
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from diamondhub.access import finding, keys, peppers
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.access.models import ApiKey
from diamondhub.local.tests.test_services import until

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds"


@pytest.fixture
def http() -> Client:
    # An address of its own for every test: failures are counted by address for a minute.
    return Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))))


@pytest.fixture
def issued() -> IssuedKey:
    return create_client("webshop", scopes=["catalog:read"])


def sign_in(http: Client, key: str) -> Any:
    return http.get(ADDRESS, headers={"X-API-Key": key})


def test_a_good_key_is_let_in(http: Client, issued: IssuedKey) -> None:
    answer = sign_in(http, issued.text)

    assert answer.status_code == 200


def test_no_key_is_answered_with_a_challenge(http: Client) -> None:
    answer = http.get(ADDRESS)

    assert answer.status_code == 401
    assert "X-API-Key" in answer["WWW-Authenticate"]
    assert answer.json()["type"] == "/api/problems/unauthorized"


def revoke(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())


def expire(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate(key: ApiKey) -> None:
    key.client.active = False
    key.client.save()


def delete(key: ApiKey) -> None:
    key.delete()


def replace_secret(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(secret_hash=keys.generate().hashed(peppers.newest()))


@pytest.mark.parametrize("spoil", [revoke, expire, deactivate, delete, replace_secret])
def test_every_reason_to_refuse_looks_the_same(
    http: Client, issued: IssuedKey, spoil: Callable[[ApiKey], None]
) -> None:
    mistyped = sign_in(http, issued.text[:-1] + ("a" if issued.text[-1] != "a" else "b"))
    spoil(issued.key)

    refused = sign_in(http, issued.text)

    assert refused.status_code == mistyped.status_code == 401
    ours = {name: value for name, value in refused.json().items() if name != "request_id"}
    assert ours == {name: value for name, value in mistyped.json().items() if name != "request_id"}
    assert {*refused.headers} == {*mistyped.headers}


@pytest.mark.parametrize("text", ["", "x", "dh_", "dh__", "Bearer abc", "dh_" + "é" * 62, "dh_" + "a" * 8_000])
def test_a_malformed_key_costs_no_query(http: Client, text: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = sign_in(http, text)

    assert answer.status_code == 401


def test_a_key_is_looked_up_by_indexes_however_many_there_are(issued: IssuedKey) -> None:
    presented = keys.parse(issued.text)
    assert presented is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_apikey (client_id, key_id, secret_hash, created_at) "
            "SELECT %s, lpad(n::text, 12, '0'), '', now() FROM generate_series(1, 5000) AS n",
            [issued.key.client_id],
        )
        cursor.execute("ANALYZE access_apikey")

    with CaptureQueriesContext(connection) as queries:
        assert finding.find(presented) == issued.key

    [query] = queries.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {query['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan on access_apikey" not in plan, plan


def test_a_client_without_the_scope_is_told_which_one(http: Client, issued: IssuedKey) -> None:
    issued.key.client.scopes = []
    issued.key.client.save()

    answer = sign_in(http, issued.text)

    assert answer.status_code == 403
    assert "catalog:read" in answer.json()["detail"]


def test_last_use_is_written_at_most_once_a_minute(http: Client, issued: IssuedKey) -> None:
    sign_in(http, issued.text)
    issued.key.refresh_from_db()
    first = issued.key.last_used_at
    sign_in(http, issued.text)
    issued.key.refresh_from_db()
    second = issued.key.last_used_at
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))

    sign_in(http, issued.text)

    issued.key.refresh_from_db()
    assert first is not None
    assert second == first
    assert issued.key.last_used_at is not None
    assert issued.key.last_used_at > timezone.now() - timedelta(seconds=60)


@pytest.mark.usefixtures("one_minute")
def test_guessing_is_turned_away_after_thirty_failures_and_locks_nobody_out(http: Client, issued: IssuedKey) -> None:
    guesses = [sign_in(http, keys.generate().text) for _ in range(31)]

    assert {guess.status_code for guess in guesses[:30]} == {401}
    assert guesses[30].status_code == 429
    assert 1 <= int(guesses[30]["Retry-After"]) <= 60
    assert guesses[30]["Content-Type"] == "application/problem+json"
    # A process looks for keys that it does not know once a second at most.
    until(lambda: sign_in(http, issued.text).status_code == 200)


def test_with_redis_away_keys_are_checked_and_failures_are_not_counted(
    http: Client, issued: IssuedKey, settings: Any
) -> None:
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}

    good = sign_in(http, issued.text)
    guesses = [sign_in(http, keys.generate().text) for _ in range(32)]

    assert good.status_code == 200
    assert {guess.status_code for guess in guesses} == {401}
