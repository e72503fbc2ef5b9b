"""The limit of an address, and that strangers do not use it up for clients at the same address."""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings
from django.test import RequestFactory
from redis import Redis

from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.throttles import addresses, classes
from diamondhub.access.throttles.addresses import take_address
from diamondhub.access.throttles.taking import limits


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(settings, "ADDRESS_RATE", 1 / 3600)
    monkeypatch.setattr(settings, "ADDRESS_BURST", 3)
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"


def proven(address: str, key: str) -> Visit:
    """A visit whose key was proven, as it comes to the client's limits."""
    visit = Visit(RequestFactory().get("/api/v1/diamonds", headers={"X-API-Key": key}), address=address)
    visit.notes[addresses.TAKEN] = take_address(address, presented=key)
    visit.key = ApiKey(client=ApiClient(pk=uuid.uuid4().int >> 65, name="shop"))
    classes.take(visit)
    return visit


def forget_in_this_process() -> None:
    addresses._proven.clear()


def test_an_address_is_refused_beyond_its_limit_and_others_are_not(address: str) -> None:
    verdicts = [take_address(address) for _ in range(4)]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert verdicts[-1].retry_after in range(3_500, 3_601)
    assert take_address("2001:db8:ffff:ffff::1").allowed


def test_a_stranger_cannot_shut_out_a_client_at_the_same_address(address: str) -> None:
    proven(address, "dh_ours")

    floods = [take_address(address, presented=key).allowed for key in ("", "dh_wrong") for _ in range(10)]

    assert floods.count(True) == 3 + 3
    assert all(take_address(address, presented="dh_ours").allowed for _ in range(10))


def test_a_client_is_known_in_every_process(address: str) -> None:
    proven(address, "dh_ours")
    for _ in range(4):
        take_address(address, presented="dh_wrong")
    forget_in_this_process()

    assert [take_address(address, presented="dh_ours").allowed for _ in range(5)] == [True] * 5
    assert not take_address(address, presented="dh_wrong").allowed


def test_a_flood_without_keys_leaves_room_for_a_key_that_nobody_has_seen(address: str) -> None:
    for _ in range(10):
        take_address(address)

    assert take_address(address, presented="dh_new").allowed


def test_a_proven_key_gets_back_what_its_address_was_charged(address: str) -> None:
    for number in range(9):
        proven(address, f"dh_{number}")

    assert [take_address(address, presented="dh_wrong").allowed for _ in range(4)] == [True, True, True, False]


def test_keys_are_known_by_address(address: str) -> None:
    proven("2001:db8:0:1::1", "dh_ours")
    for _ in range(4):
        take_address(address, presented="dh_wrong")

    assert not take_address(address, presented="dh_ours").allowed


def test_redis_holds_no_key(address: str) -> None:
    proven(address, "dh_planted_secret")

    server = Redis.from_url(settings.REDIS_URL)
    held = b" ".join(key + (server.dump(key) or b"") for key in server.scan_iter("*"))

    assert b"proven:" in held
    assert b"planted" not in held


def test_a_signed_request_presents_the_id_of_its_key() -> None:
    signature_input = 'sig1=("@method");created=1;keyid="abc123";alg="hmac-sha256"'
    request = RequestFactory().get("/", headers={"Signature-Input": signature_input})

    assert addresses.presented_by(request) == "keyid:abc123"
    assert addresses.presented_by(RequestFactory().get("/")) == ""


def test_a_client_known_here_costs_no_call(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proven(address, "dh_ours")
    monkeypatch.setattr(limits(), "_ask", lambda orders: pytest.fail("Redis was asked"))

    assert take_address(address, presented="dh_ours").allowed
