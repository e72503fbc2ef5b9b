"""The supplier's own clients, on the sandbox and on the proxy: both ways to send a token, and what ends one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.test.utils import override_settings
from structlog.testing import capture_logs

from diamondhub.access import tokens
from diamondhub.access.authentication import REFUSED
from diamondhub.access.clients import IssuedKey, change_client, create_client, revoke_key
from diamondhub.access.models import ApiClient
from diamondhub.tests.patience import HANG_SECONDS
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests import factories

pytestmark = pytest.mark.django_db

CLIENTS = Path(__file__).with_name("supplier_clients")
LANGUAGES = {"buy.py": sys.executable, "buy.mjs": "node", "buy.php": "php"}
ADDRESS = "/api/v1/suppliers/nivoda-labgrown/graphql"
COUNT = "{ diamonds_by_query_count(query: {}) }"
WRAPPED = "query ($token: String!) { mine: as(token: $token) { n: diamonds_by_query_count(query: {}) } }"
SIGN_IN = (
    "query ($u: String!, $p: String!) { authenticate { username_and_password(username: $u, password: $p) { token } } }"
)
OUTDATED = "token is invalid or has expired"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with factories.sandbox_feed(Options(stones=100, password="hush")) as (running, _):
        with override_settings(NIVODA_PASSWORD="hush"):
            yield running


@pytest.fixture
def issued() -> IssuedKey:
    return create_client("tool", scopes=["suppliers:proxy", "suppliers:order"])


def ask(query: str, variables: Any = None, **headers: str) -> Any:
    body = {"query": query, "variables": variables}
    return Client(raise_request_exception=False).post(ADDRESS, body, content_type="application/json", headers=headers)


def sign_in(password: str, name: str = "tool") -> Any:
    return ask(SIGN_IN, {"u": name, "p": password})


def token_of(issued: IssuedKey) -> str:
    answer = sign_in(issued.text)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["data"]["authenticate"]["username_and_password"]["token"])


def run(client: str, *arguments: str) -> Any:
    interpreter = shutil.which(LANGUAGES[client])
    if interpreter is None:
        pytest.skip(f"there is no {LANGUAGES[client]} on this machine: {client} was NOT run")
    done = subprocess.run([interpreter, str(CLIENTS / client), *arguments], capture_output=True, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("form", ["wrapper", "bearer"])
@pytest.mark.parametrize("client", LANGUAGES)
def test_the_supplier_s_clients_run_on_the_sandbox(client: str, form: str) -> None:
    with Sandbox(Options(stones=60)) as sandbox:
        bought = run(client, sandbox.url, "sandbox", "sandbox", form)

    assert bought["count"] > 0
    assert (bought["denied"], bought["cancelled"]) == (False, True)
    assert bought["order"].startswith("ORDER/")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", ["wrapper", "bearer"])
@pytest.mark.parametrize("client", LANGUAGES)
def test_the_supplier_s_clients_run_on_the_proxy(
    client: str, form: str, sandbox: Sandbox, issued: IssuedKey, live_server: Any
) -> None:
    bought = run(client, live_server.url + ADDRESS, "tool", issued.text, form)

    assert bought["count"] == sandbox.supplier.inventory.available["labgrown"]
    assert (bought["denied"], bought["cancelled"]) == (False, True)
    assert bought["order"].startswith("ORDER/")


def test_a_token_is_taken_in_the_wrapper_and_as_a_bearer_s(sandbox: Sandbox, issued: IssuedKey) -> None:
    token = token_of(issued)

    wrapped = ask(WRAPPED, {"token": token})
    bearer = ask(COUNT, Authorization=f"Bearer {token}")

    assert list(wrapped.json()) == ["data"]
    assert list(wrapped.json()["data"]["mine"]) == ["n"]
    assert bearer.json()["data"]["diamonds_by_query_count"] == wrapped.json()["data"]["mine"]["n"]
    assert wrapped["RateLimit"]
    assert bearer["RateLimit"]


def test_a_wrong_sign_in_is_refused_in_the_supplier_s_form_whatever_is_wrong(
    sandbox: Sandbox, issued: IssuedKey
) -> None:
    other = create_client("other", scopes=["suppliers:proxy"])
    revoked = create_client("revoked", scopes=["suppliers:proxy"])
    revoke_key(revoked.key)

    with capture_logs() as logs:
        answers = [
            sign_in(other.text),
            sign_in("hush"),
            sign_in(issued.text, name="Tool"),
            sign_in(issued.text[:-1] + "_"),
            sign_in(revoked.text, name="revoked"),
        ]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json() == {
        "errors": [{"message": REFUSED, "extensions": {"code": "UNAUTHENTICATED"}}],
        "data": None,
    }
    assert [entry["event"] for entry in logs].count("sign_in_failed") == 5
    assert issued.text not in str(logs)


def test_a_token_ends_with_its_key_its_client_and_its_time(sandbox: Sandbox, issued: IssuedKey) -> None:
    token = token_of(issued)
    other_salt = signing.TimestampSigner(salt="other").sign(issued.key.key_id)

    change_client(ApiClient.objects.get(), active=False)
    inactive = ask(WRAPPED, {"token": token})
    change_client(ApiClient.objects.get(), active=True)
    revoke_key(issued.key)
    revoked = [ask(WRAPPED, {"token": token}), ask(COUNT, Authorization=f"Bearer {token}")]
    forged = [ask(WRAPPED, {"token": f"dht_{other_salt}"}), ask(COUNT, Authorization="Bearer é")]

    for answer in [inactive, *revoked, *forged]:
        assert answer.status_code == 200, answer.content
        assert answer.json()["data"] is None
        assert OUTDATED in answer.json()["errors"][0]["message"]


def test_a_token_lives_some_hours(sandbox: Sandbox, issued: IssuedKey, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(issued)
    monkeypatch.setattr(tokens, "LIFE_SECONDS", -1)

    assert OUTDATED in ask(WRAPPED, {"token": token}).json()["errors"][0]["message"]


def test_a_token_opens_nothing_else_and_is_none_of_the_supplier_s(sandbox: Sandbox, issued: IssuedKey) -> None:
    token = token_of(issued)
    http = Client(headers={"Authorization": f"Bearer {token}"})

    assert http.get("/api/v1/feeds").status_code == 401
    assert not token.startswith("sandbox.")
    assert sandbox.supplier.accounting.stats()["requests"] == 0


def test_the_client_s_scopes_hold_for_its_tokens(sandbox: Sandbox, issued: IssuedKey) -> None:
    token = token_of(issued)
    change_client(ApiClient.objects.get(), scopes=["suppliers:proxy"])
    hold = "mutation ($token: String!) { as(token: $token) { create_hold(ProductId: 1, ProductType: Diamond) { id } } }"

    assert ask(hold, {"token": token}).status_code == 403
    change_client(ApiClient.objects.get(), scopes=["catalog:read"])
    assert ask(WRAPPED, {"token": token}).status_code == 403
    assert ask(COUNT, Authorization=f"Bearer {token}").status_code == 403
    assert sign_in(issued.text).status_code == 403


def test_who_must_sign_gets_no_token(sandbox: Sandbox, issued: IssuedKey) -> None:
    ApiClient.objects.update(needs_signature=["suppliers:proxy"])

    assert sign_in(issued.text).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        COUNT,
        "{ as { diamonds_by_query_count(query: {}) } }",
        '{ as(token: "") { diamonds_by_query_count(query: {}) } }',
        "{ a",
        "{ authenticate { username_and_password { token } } }",
        '{ ... { as(token: "x") { a } } }',
    ],
)
def test_without_a_credential_nothing_is_asked(sandbox: Sandbox, query: str) -> None:
    assert ask(query).status_code == 401
    assert sandbox.supplier.accounting.stats()["requests"] == 0


def test_a_token_of_somebody_else_in_the_wrapper_is_refused(sandbox: Sandbox, issued: IssuedKey) -> None:
    other = create_client("other", scopes=["suppliers:proxy"])

    answer = ask(WRAPPED, {"token": token_of(issued)}, **{"X-API-Key": other.text})

    assert OUTDATED in answer.json()["errors"][0]["message"]
