"""Guessing from an address: it is turned away at no cost, and who has a key is not."""

from __future__ import annotations

import logging
import time
from ipaddress import ip_address
from random import randrange
from typing import Any

import pytest
from django.test import Client

from diamondhub.access import failures, good_keys
from diamondhub.access.clients import create_client
from diamondhub.access.keys import generate
from diamondhub.access.models import ApiKey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]

ADDRESS = "/api/v1/diamonds"


@pytest.fixture
def http() -> Client:
    good_keys.forget()
    return Client(REMOTE_ADDR=str(ip_address(randrange(11 << 24, 12 << 24))))


def asked(http: Client, key: str | None) -> Any:
    return http.get(ADDRESS, headers={} if key is None else {"X-API-Key": key})


def guess_too_often(http: Client) -> None:
    for _ in range(31):
        asked(http, generate().text)


def test_wrong_keys_of_any_kind_are_then_refused_alike_and_without_a_look(
    http: Client, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Within one moment, however long the test takes.
    now = time.monotonic()
    monkeypatch.setattr("diamondhub.access.good_keys.time.monotonic", lambda: now)
    revoked = create_client("old shop", scopes=["catalog:read"])
    ApiKey.objects.update(revoked_at="2026-01-01T00:00Z")
    guess_too_often(http)
    asked(http, "dh_x")

    with django_assert_max_num_queries(1):
        answers = [asked(http, key) for key in (generate().text, revoked.text, "", "x", f"{revoked.text[:-1]}_")]

    assert {answer.status_code for answer in answers} == {429}
    assert all(answer.json()["detail"].startswith(failures.TOO_MANY) for answer in answers)
    assert all(1 <= int(answer["Retry-After"]) <= 61 for answer in answers)


def test_a_good_key_passes_all_the_same_and_so_does_one_just_made(http: Client) -> None:
    first = create_client("shop", scopes=["catalog:read"])
    guess_too_often(http)
    assert asked(http, first.text).status_code == 200

    good_keys.forget()
    second = create_client("new shop", scopes=["catalog:read"])

    assert asked(http, second.text).status_code == 200


def test_who_shows_no_key_is_told_to_show_one(http: Client) -> None:
    guess_too_often(http)

    assert asked(http, None).status_code == 401
    assert http.get("/api/docs/").status_code == 200


def test_other_addresses_are_not_concerned(http: Client) -> None:
    guess_too_often(http)

    assert asked(Client(REMOTE_ADDR="10.255.255.2"), generate().text).status_code == 401


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "MAX_BLOCKED", 3)
    blocked = failures._Blocked()

    for number in range(5):
        blocked.add(f"10.0.0.{number}", 60)

    assert [blocked.wait(f"10.0.0.{number}") > 0 for number in range(5)] == [False, False, True, True, True]


def test_a_failure_is_logged_with_its_address(http: Client, caplog: pytest.LogCaptureFixture) -> None:
    presented = generate()

    with caplog.at_level(logging.INFO):
        asked(http, presented.text)

    (line,) = [record.getMessage() for record in caplog.records if "sign_in_failed" in record.getMessage()]
    assert http.defaults["REMOTE_ADDR"] in line
    assert presented.key_id in line
    assert presented.secret not in caplog.text
