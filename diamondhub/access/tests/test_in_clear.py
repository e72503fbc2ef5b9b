"""Keys and tokens that come without TLS in production: refused, never redirected, and their owners told."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from structlog.testing import capture_logs

from diamondhub.access import clients, in_clear, keys, misuse
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.operations.models import Problem

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds"
PROXY = "/api/v1/suppliers/nivoda-labgrown/graphql"


@pytest.fixture(autouse=True)
def production(settings: Any) -> None:
    """As in production, as far as TLS is concerned."""
    settings.SECURE_SSL_REDIRECT = True
    settings.TRUSTED_PROXIES = []
    misuse.forget()


@pytest.fixture
def issued() -> IssuedKey:
    return create_client("shop", scopes=["catalog:read"])


def ask(http: Client, address: str = ADDRESS, **headers: str) -> Any:
    return http.get(address, headers={name.replace("_", "-"): value for name, value in headers.items()})


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def test_a_key_that_comes_in_clear_is_refused_and_its_owner_told(client: Client, issued: IssuedKey) -> None:
    with capture_logs() as lines:
        answers = [ask(client, X_API_Key=issued.text) for _ in range(2)]

    assert [kind(answer) for answer in answers] == [(403, "credential-sent-in-clear")] * 2
    assert "replaced" in answers[0].json()["detail"]
    assert not answers[0].has_header("Location")
    event = Problem.objects.get()
    assert event.kind == "key-sent-in-clear"
    assert issued.key.key_id in event.subject
    assert len([line for line in lines if line["event"] == "key_misused" and line["kind"] == "key-sent-in-clear"]) == 2
    assert issued.text not in f"{event.subject} {event.details} {lines} {answers[0].content!r}"


def test_by_tls_the_same_key_is_let_in(client: Client, issued: IssuedKey) -> None:
    answer = client.get(ADDRESS, headers={"X-API-Key": issued.text}, secure=True)

    assert answer.status_code == 200
    assert not Problem.objects.exists()


def test_that_it_was_asked_by_https_is_believed_of_a_trusted_proxy_alone(
    client: Client, issued: IssuedKey, settings: Any
) -> None:
    from ipaddress import ip_network

    untrusted = ask(client, X_API_Key=issued.text, X_Forwarded_Proto="https")
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    trusted = ask(client, X_API_Key=issued.text, X_Forwarded_Proto="https")

    assert (untrusted.status_code, trusted.status_code) == (403, 200)


def test_whether_the_key_is_one_is_told_to_nobody(client: Client, issued: IssuedKey) -> None:
    revoked = create_client("gone", scopes=["catalog:read"])
    clients.revoke_key(revoked.key)
    texts = [issued.text, keys.generate().text, keys.PresentedKey(issued.key.key_id, "0" * 43).text, "x", revoked.text]

    answers = [ask(client, X_API_Key=text) for text in texts]

    told = {(answer.status_code, answer.json()["detail"], answer.json()["type"]) for answer in answers}
    assert len(told) == 1
    # Of keys that open nothing nobody need be told.
    assert [event.details["key_id"] for event in Problem.objects.all()] == [issued.key.key_id]


@pytest.mark.parametrize("address", ["/", "/admin/", "/api/docs/", "/api/v1/nothing"])
def test_a_key_is_refused_in_clear_wherever_it_is_sent(client: Client, issued: IssuedKey, address: str) -> None:
    answer = ask(client, address, X_API_Key=issued.text)

    assert answer.status_code == 403
    assert not answer.has_header("Location")


def test_a_token_in_clear_is_refused_and_so_is_a_body_that_may_hold_a_sign_in(client: Client) -> None:
    token = ask(client, PROXY, Authorization="Bearer dht_x")
    body = client.post(PROXY, {"query": "{ a }"}, content_type="application/json")

    assert kind(token) == kind(body) == (403, "credential-sent-in-clear")


def test_without_a_credential_pages_and_answers_are_redirected_as_ever(client: Client) -> None:
    answers = [client.get(address) for address in ("/admin/", "/api/docs/", ADDRESS)]

    # Who asks for what needs a key is told that, by whatever scheme.
    assert [answer.status_code for answer in answers] == [301, 301, 401]


def test_probes_are_answered_whatever_comes_with_them(client: Client, issued: IssuedKey) -> None:
    assert ask(client, "/health/live", X_API_Key=issued.text).status_code == 200


def test_the_refusal_does_not_hang_on_the_database(
    client: Client, issued: IssuedKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_presented: Any) -> Any:
        raise OperationalError("away")

    monkeypatch.setattr(in_clear, "find", away)

    assert kind(ask(client, X_API_Key=issued.text)) == (403, "credential-sent-in-clear")


def test_in_development_plain_http_is_as_good(client: Client, issued: IssuedKey, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = False

    assert ask(client, X_API_Key=issued.text).status_code == 200
