"""The limit by address: exact, the same for all processes, and no lock for who has a key."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from diamondhub.access import good_keys
from diamondhub.access.clients import create_client
from diamondhub.access.keys import generate
from diamondhub.access.models import ApiKey

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds"


@pytest.fixture
def stranger(settings: Any) -> str:
    """An address that no other test came from, of which three requests are taken, and then one an hour."""
    settings.ADDRESS_RATE, settings.ADDRESS_BURST = 1 / 3600, 3
    good_keys.forget()
    return f"10.{uuid4().int % 250}.{uuid4().int % 250}.{uuid4().int % 250}"


def asked(address: str, path: str = ADDRESS, **headers: str) -> Any:
    return Client(REMOTE_ADDR=address, headers=headers).get(path)


def use_up(address: str) -> None:
    """Take all that the address may ask for, without a key and with wrong ones, which are counted apart."""
    for _ in range(3):
        asked(address)
        asked(address, **{"X-API-Key": generate().text})


def test_what_an_address_sends_beyond_its_rate_is_refused_with_a_time_to_wait(stranger: str) -> None:
    answers = [asked(stranger) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert 3_500 <= int(answers[3]["Retry-After"]) <= 3600
    assert answers[3]["Content-Type"] == "application/problem+json"


def test_other_addresses_are_not_concerned(stranger: str) -> None:
    for _ in range(4):
        asked(stranger)

    assert asked(f"11.{uuid4().int % 250}.{uuid4().int % 250}.1").status_code == 401


def test_an_ipv6_network_is_limited_as_one(settings: Any, stranger: str) -> None:
    prefix = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}"

    answers = [asked(f"{prefix}::{number}").status_code for number in range(1, 5)]

    assert answers == [401, 401, 401, 429]


def test_every_address_of_the_site_is_limited_but_the_probes(stranger: str) -> None:
    for _ in range(3):
        asked(stranger)

    assert [asked(stranger, path).status_code for path in ("/admin/login/", "/static/diamondhub/admin.css")] == [
        429,
        429,
    ]
    assert asked(stranger, "/health/live").status_code == 200


def test_a_good_key_is_let_through_whatever_else_comes_from_its_address(stranger: str) -> None:
    issued = create_client("shop", scopes=["catalog:read"])
    use_up(stranger)

    assert asked(stranger, **{"X-API-Key": issued.text}).status_code == 200
    assert asked(stranger, **{"X-API-Key": generate().text}).status_code == 429


def test_a_key_that_was_made_a_moment_ago_is_good_within_a_second(
    stranger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("diamondhub.access.good_keys.time.monotonic", lambda: clock[0])
    use_up(stranger)
    assert asked(stranger, **{"X-API-Key": generate().text}).status_code == 429

    issued = create_client("shop", scopes=["catalog:read"])
    clock[0] += good_keys.PAUSE_SECONDS + 0.1

    assert asked(stranger, **{"X-API-Key": issued.text}).status_code == 200


@pytest.mark.parametrize("change", [{"revoked_at": "2026-01-01T00:00Z"}, {"expires_at": "2026-01-01T00:00Z"}])
def test_a_key_that_is_over_is_not_good(stranger: str, change: dict[str, str]) -> None:
    issued = create_client("shop", scopes=["catalog:read"])
    ApiKey.objects.update(**change)
    use_up(stranger)

    assert asked(stranger, **{"X-API-Key": issued.text}).status_code == 429


def test_a_flood_of_made_up_keys_costs_one_look_at_the_table_a_second(
    stranger: str, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_up(stranger)

    monkeypatch.setattr("diamondhub.access.good_keys.time.monotonic", lambda: 1000.0)
    with django_assert_max_num_queries(1):
        answers = {asked(stranger, **{"X-API-Key": generate().text}).status_code for _ in range(20)}

    assert answers == {429}
