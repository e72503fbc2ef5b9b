"""Networks: how they are written, and that a key is refused outside of its client's, as any other, and its owner told."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from structlog.testing import capture_logs

from diamondhub.access import misuse, networks
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.access.models import ApiClient
from diamondhub.operations.models import Problem


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        (" 198.51.100.0/24 ", "198.51.100.0/24"),
        ("198.51.100.0/255.255.255.0", "198.51.100.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_network_has_one_form(written: str, normal: str) -> None:
    assert networks.normal(written) == normal


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("shop.example.com", "is no network"),
        ("1.2.3", "is no network"),
        ("1.2.3.4/33", "is no network"),
        ("1.2.3.4/-1", "is no network"),
        ("١.2.3.4", "is no network"),
        ("01.2.3.4", "is no network"),
        ("fe80::1%eth0", "is no network"),
        ("1.2.3.4\0", "is no network"),
        ("\ud800", "is no network"),
        ("/24", "is no network"),
        ("", "is no network"),
        ("10.1.2.3/8", "write 10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "write it as IPv4"),
        ("9" * 10_000, "is no network"),
    ],
)
def test_what_is_no_network_is_refused_with_what_is_accepted(written: str, words: str) -> None:
    with pytest.raises(networks.NetworkError, match=words) as caught:
        networks.normal(written)

    assert len(str(caught.value)) < 250


def test_a_list_is_bounded_and_without_repeats() -> None:
    assert networks.normal_list(["10.0.0.1", "", "10.0.0.1/32"]) == ["10.0.0.1/32"]
    with pytest.raises(networks.NetworkError, match="100 networks, not 101"):
        networks.normal_list(f"10.0.0.{number}" for number in range(101))


@pytest.mark.parametrize(
    ("address", "is_admitted"),
    [
        ("198.51.100.0", True),
        ("198.51.100.255", True),
        ("198.51.101.0", False),
        ("::ffff:198.51.100.9", True),
        ("2001:db8:1::5", True),
        ("2001:db9::5", False),
        ("", False),
        ("unknown", False),
        ("198.51.100.9:80", False),
    ],
)
def test_an_address_is_held_against_every_network(address: str, is_admitted: bool) -> None:
    client = ApiClient(networks=["198.51.100.0/24", "2001:db8::/32"])

    assert networks.admits(client, address) == is_admitted


def test_a_client_without_networks_calls_from_anywhere() -> None:
    assert networks.admits(ApiClient(), "203.0.113.7")
    assert networks.admits(ApiClient(), "")


@pytest.fixture
def bound() -> IssuedKey:
    misuse.forget()
    return create_client("shop", scopes=["catalog:read"], networks=["198.51.100.0/24"])


def answer_at(address: str, key: str) -> Any:
    return Client(REMOTE_ADDR=address).get("/api/v1/diamonds", headers={"X-API-Key": key})


@pytest.mark.django_db
def test_a_key_is_let_in_at_its_networks_and_refused_elsewhere_as_any_other(bound: IssuedKey) -> None:
    mistyped = answer_at("203.0.113.80", bound.text[:-1] + ("a" if bound.text[-1] != "a" else "b"))

    inside, outside = answer_at("198.51.100.7", bound.text), answer_at("203.0.113.80", bound.text)

    assert inside.status_code == 200
    assert outside.status_code == mistyped.status_code == 401
    bodies = [{**answer.json(), "request_id": ""} for answer in (outside, mistyped)]
    assert bodies[0] == bodies[1]
    assert {*outside.headers} == {*mistyped.headers}


@pytest.mark.django_db
def test_a_refused_use_is_not_a_use(bound: IssuedKey) -> None:
    answer_at("203.0.113.81", bound.text)

    bound.key.refresh_from_db()
    assert bound.key.last_used_at is None


@pytest.mark.django_db
def test_the_owner_is_told_in_the_log_each_time_and_by_one_problem(bound: IssuedKey) -> None:
    with capture_logs() as lines:
        answer_at("203.0.113.82", bound.text)
        misuse.forget()
        answer_at("203.0.113.83", bound.text)

    told = [line for line in lines if line["event"] == "key_misused" and line["kind"] == "key-from-foreign-network"]
    assert [(line["key_id"], line["address"]) for line in told] == [
        (bound.key.key_id, "203.0.113.82"),
        (bound.key.key_id, "203.0.113.83"),
    ]
    event = Problem.objects.get()
    assert (event.kind, event.details["address"]) == ("key-from-foreign-network", "203.0.113.83")
    assert event.occurrences == 2
    assert "none of the client's networks" in event.subject
    assert bound.text not in f"{event.subject} {event.details} {lines}"
