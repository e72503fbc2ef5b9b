"""Keys that sign: issued, replaced and required, by commands and in the admin, their secrets shown once and kept sealed."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from diamondhub.access import clients, keys, signing_secrets
from diamondhub.access.clients import AccessError, IssuedKey, create_client
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    """What a command prints, and what it says beside."""
    out, beside = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=beside)
    return out.getvalue().strip(), beside.getvalue()


def secret_of(key: ApiKey) -> str:
    key.refresh_from_db()
    assert key.signing_secret is not None
    return signing_secrets.opened(key.pk, bytes(key.signing_secret)).decode()


@pytest.fixture
def browser() -> Client:
    person = User.objects.create_superuser("olga")
    browser = Client()
    browser.force_login(person)
    return browser


def test_a_signing_secret_is_no_key_and_lies_nowhere_in_clear() -> None:
    issued = create_client("shop", scopes=["catalog:read"], signing=True)

    secret = issued.signing_secret

    assert secret is not None
    assert secret.startswith("dhs_")
    assert len(secret) == 4 + 43 + 6
    assert secret not in repr(issued)
    key = ApiKey.objects.get(pk=issued.key.pk)
    assert key.signing_secret is not None
    assert secret.encode() not in bytes(key.signing_secret)
    assert signing_secrets.opened(key.pk, bytes(key.signing_secret)) == secret.encode()


def test_a_key_signs_only_if_it_was_issued_to() -> None:
    issued = create_client("shop", scopes=["catalog:read"])

    assert issued.signing_secret is None
    assert ApiKey.objects.get(pk=issued.key.pk).signing_secret is None


# --- by command ---------------------------------------------------------------------------------------------------


def test_the_secret_is_printed_in_a_line_of_its_own_after_the_key() -> None:
    printed, beside = run("create_api_client", "shop", "--signing")

    text, secret = printed.splitlines()
    key = ApiKey.objects.get()
    presented = keys.parse(text)
    assert presented is not None
    assert presented.key_id == key.key_id
    assert secret_of(key) == secret
    assert f"keyid dh_{key.key_id}" in beside
    assert secret not in beside


def test_a_key_without_a_secret_is_printed_as_before() -> None:
    printed, beside = run("create_api_client", "shop")

    assert keys.parse(printed) is not None
    assert "sign" not in beside


def test_json_has_the_secret_beside_the_key() -> None:
    report = json.loads(run("create_api_client", "shop", "--signing", "--json")[0])

    assert secret_of(ApiKey.objects.get()) == report["signing_secret"]
    assert "signing_secret" not in json.loads(run("create_api_client", "other", "--json")[0])


def test_a_further_key_may_sign() -> None:
    create_client("shop", scopes=["catalog:read"])

    _, secret = run("create_api_key", "shop", "--signing")[0].splitlines()

    assert secret_of(ApiKey.objects.latest("pk")) == secret


@pytest.mark.parametrize(("signed_before", "asked"), [(True, []), (False, ["--signing"])])
def test_what_replaces_a_key_signs_with_a_secret_of_its_own(signed_before: bool, asked: list[str]) -> None:
    old = create_client("shop", scopes=["catalog:read"], signing=signed_before)

    _, secret = run("rotate_api_key", "shop", *asked)[0].splitlines()

    assert secret_of(ApiKey.objects.latest("pk")) == secret
    assert secret != old.signing_secret
    if signed_before:
        assert secret_of(old.key) == old.signing_secret


def test_a_client_must_sign_and_need_not_any_more() -> None:
    create_client("shop", scopes=["pricing:publish", "pricing:read"])

    told = json.loads(run("change_api_client", "shop", "--must-sign", "pricing:publish", "--json")[0])
    shown = run("change_api_client", "shop")[0]
    run("change_api_client", "shop", "--need-not-sign")

    assert told["needs_signature"] == ["pricing:publish"]
    assert "must sign: pricing:publish" in shown
    assert ApiClient.objects.get().needs_signature == []


def test_it_is_shown_which_keys_sign() -> None:
    create_client("shop", scopes=["catalog:read"])
    run("create_api_key", "shop", "--signing")

    told = json.loads(run("change_api_client", "shop", "--json")[0])

    assert [key["signs"] for key in told["keys"]] == [True, False]
    assert "dhs_" not in json.dumps(told)


def test_every_key_of_a_client_that_must_sign_has_a_secret() -> None:
    issued = create_client("shop", scopes=["pricing:publish"], needs_signature=["pricing:publish"])

    further = clients.issue_key(issued.key.client)

    assert issued.signing_secret
    assert further.signing_secret


def test_scopes_to_sign_for_are_known_ones_and_in_order() -> None:
    issued = create_client("shop", scopes=["catalog:read"], needs_signature=["pricing:publish", "pricing:edit"] * 2)

    assert issued.key.client.needs_signature == ["pricing:edit", "pricing:publish"]
    with pytest.raises(CommandError, match="no such scope: everything"):
        run("change_api_client", "shop", "--must-sign", "everything")


def test_a_publishable_client_signs_nothing() -> None:
    terms = {"kind": "publishable", "scopes": ["catalog:read"], "origins": ["https://www.example.com"]}

    with pytest.raises(AccessError, match="cannot sign"):
        create_client("page", needs_signature=["catalog:read"], **terms)  # type: ignore[arg-type]
    with pytest.raises(AccessError, match="cannot sign"):
        create_client("page", signing=True, **terms)  # type: ignore[arg-type]
    assert not ApiClient.objects.exists()


def test_the_audit_has_who_must_sign_and_no_secret() -> None:
    issued = create_client("shop", scopes=["catalog:read"], signing=True)

    clients.change_client(issued.key.client, needs_signature=["catalog:read"])

    event = AuditEvent.objects.get(what="changed", kind="access.apiclient")
    assert event.before == {"needs_signature": []}
    assert "signing_secret" not in str(list(AuditEvent.objects.values_list("before", "after")))


# --- in the admin -------------------------------------------------------------------------------------------------


def page_of(issued: IssuedKey) -> str:
    return reverse("admin:access_apiclient_change", args=[issued.key.client_id])


def test_the_secret_of_a_new_client_is_shown_once_in_the_admin(browser: Client) -> None:
    form = {"name": "shop", "kind": "secret", "scopes": ["catalog:read"], "signing": "on"}

    answer = browser.post(reverse("admin:access_apiclient_add"), form)

    key = ApiKey.objects.get()
    secret = secret_of(key)
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    page = browser.get(reverse("admin:access_apiclient_change", args=[key.client_id])).content.decode()
    assert secret not in page
    assert "dhs_" not in page


def test_the_secret_of_a_further_key_and_of_a_replacement_is_shown(browser: Client) -> None:
    issued = create_client("shop", scopes=["catalog:read"])
    further_url = reverse("admin:access_apiclient_new_key", args=[issued.key.client_id])

    further = browser.post(further_url, {"after": issued.key.pk, "signing": "on", "reason": "it signs from now on"})
    signing = ApiKey.objects.latest("pk")
    replaced = browser.post(
        reverse("admin:access_apikey_rotate", args=[signing.pk]), {"overlap": "1d", "reason": "a year"}
    )

    assert secret_of(signing) in further.content.decode()
    assert secret_of(ApiKey.objects.latest("pk")) in replaced.content.decode()


def test_who_must_sign_is_changed_on_the_clients_page(browser: Client) -> None:
    issued = create_client("shop", scopes=["catalog:read", "pricing:publish"])
    form = {"kind": "secret", "scopes": ["catalog:read", "pricing:publish"], "active": "on"}

    browser.post(page_of(issued), {**form, "needs_signature": ["pricing:publish"]})
    wrong = browser.post(page_of(issued), {**form, "needs_signature": ["everything"]})

    issued.key.client.refresh_from_db()
    assert issued.key.client.needs_signature == ["pricing:publish"]
    assert "not one of the available choices" in wrong.content.decode()
