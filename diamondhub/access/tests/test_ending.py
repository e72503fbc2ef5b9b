"""Whoever owns a key hears before it ends, once, unless another one is in its place."""

from __future__ import annotations

import pytest

from diamondhub.access import clients, ending
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.alerts.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued() -> IssuedKey:
    ending._told.clear()
    return create_client("shop", scopes=["catalog:read"], expires_days=2)


def told() -> list[str]:
    ending.tell_of_ending()
    return list(Event.objects.values_list("details__key_id", flat=True))


def test_a_key_that_ends_soon_is_told_of_once(issued: IssuedKey) -> None:
    first = told()
    ending._told.clear()

    assert first == told() == [issued.key.key_id]


def test_a_key_that_was_given_more_time_is_told_of_again_when_that_ends(issued: IssuedKey) -> None:
    told()

    clients.change_key(issued.key, expires_days=3)

    assert told() == [issued.key.key_id] * 2


@pytest.mark.parametrize("how", ["replaced", "revoked", "longer", "for ever", "client off"])
def test_what_is_no_trouble_is_not_told(issued: IssuedKey, how: str) -> None:
    if how == "replaced":
        clients.rotate_key(issued.key, expires_days=30)
    elif how == "revoked":
        clients.revoke_key(issued.key)
    elif how == "client off":
        clients.change_client(issued.key.client, active=False)
    else:
        clients.change_key(issued.key, expires_days=10 if how == "longer" else None)

    assert told() == []
