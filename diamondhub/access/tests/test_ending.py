"""A key that ends soon is a problem, unless another one is in its place."""

from __future__ import annotations

import pytest

from diamondhub.access import clients
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.operations.models import Problem
from diamondhub.operations.tests.problems import looked_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued() -> IssuedKey:
    return create_client("shop", scopes=["catalog:read"], expires_days=2)


def told() -> list[tuple[str, str]]:
    looked_at("api-key-ending")
    return list(Problem.objects.exclude(state="resolved").values_list("about", "severity"))


def test_a_key_that_ends_soon_is_a_problem_which_gets_worse(issued: IssuedKey) -> None:
    about = f"key:{issued.key.key_id}"
    clients.change_key(issued.key, expires_days=13)

    first = told()
    clients.change_key(issued.key, expires_days=2)

    assert first == [(about, "warning")]
    assert told() == [(about, "critical")]


@pytest.mark.parametrize("how", ["replaced", "revoked", "longer", "for ever", "client off"])
def test_what_is_no_trouble_any_more_is_resolved(issued: IssuedKey, how: str) -> None:
    assert told()

    if how == "replaced":
        clients.rotate_key(issued.key, expires_days=30)
    elif how == "revoked":
        clients.revoke_key(issued.key)
    elif how == "client off":
        clients.change_client(issued.key.client, active=False)
    else:
        clients.change_key(issued.key, expires_days=20 if how == "longer" else None)

    assert told() == []
