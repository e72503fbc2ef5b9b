"""API clients in the admin: listed, and made and changed by whom may; the key of a new one is seen once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from diamondhub.access import clients, keys
from diamondhub.access.clients import IssuedKey
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.tests.admin_pages import ADD, MAKERS, everything_kept, page_of, seen, signed_in, status_of, terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued() -> IssuedKey:
    return clients.create_client("shop", scopes=["catalog:read"])


def test_a_client_that_there_is_not_is_no_server_error() -> None:
    browser = signed_in("view_apiclient", "view_apikey")

    answers = [browser.get(f"/admin/access/apiclient/{pk}/change/").status_code for pk in ("9" * 30, "x", "-1")]

    assert answers == [302, 302, 302]


def test_the_list_answers(issued: IssuedKey) -> None:
    html = signed_in("view_apiclient").get(reverse("admin:access_apiclient_changelist")).content.decode()

    assert "catalog:read" in html


def test_a_client_is_switched_off(issued: IssuedKey) -> None:
    signed_in("view_apiclient", "change_apiclient").post(page_of(issued), terms())

    issued.key.client.refresh_from_db()
    assert not issued.key.client.active


def test_a_client_keeps_at_least_one_scope(issued: IssuedKey) -> None:
    response = signed_in("view_apiclient", "change_apiclient").post(page_of(issued), terms(scopes=[]))

    assert "at least one scope" in response.content.decode()


def test_a_client_cannot_be_deleted(issued: IssuedKey) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))

    assert browser.get(reverse("admin:access_apiclient_delete", args=[issued.key.client_id])).status_code == 403


# --- terms -----------------------------------------------------------------------------------------------------------


def test_a_client_is_changed_by_the_same_rules_as_by_command(issued: IssuedKey) -> None:
    browser = signed_in("view_apiclient", "change_apiclient")

    browser.post(page_of(issued), terms(active="on", networks="10.0.0.0/8\r\n2001:DB8::1\r\n"))
    refused = browser.post(page_of(issued), terms(active="on", networks="10.1.0.0/8"))

    issued.key.client.refresh_from_db()
    assert issued.key.client.networks == ["10.0.0.0/8", "2001:db8::1/128"]
    assert "write 10.0.0.0/8" in refused.context["errors"][0][0]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "publishable"}, "origins"),
        ({"kind": "publishable", "origins": "https://a.example/x"}, "origins"),
        ({"kind": "publishable", "origins": "https://a.example", "scopes": ["catalog:read", "pricing:read"]}, "scopes"),
        ({"kind": "open"}, "kind"),
        ({"networks": "everywhere"}, "networks"),
        ({"networks": "\0"}, "networks"),
        ({"scopes": ["catalog:everything"]}, "scopes"),
        ({"name": "  "}, "name"),
        ({"name": "bell\a"}, "name"),
        ({"name": "shop"}, "name"),
        ({"expires_days": "0"}, "expires_days"),
        ({"expires_days": "9" * 30}, "expires_days"),
    ],
)
def test_a_mistake_in_a_new_client_is_told_at_its_field_and_makes_nothing(
    issued: IssuedKey, given: dict[str, Any], field: str
) -> None:
    response = signed_in(*MAKERS).post(ADD, terms(**{"name": "page", **given}))

    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    assert ApiClient.objects.count() == ApiKey.objects.count() == 1


def test_the_kind_is_not_changed_under_a_live_key(issued: IssuedKey) -> None:
    response = signed_in("view_apiclient", "change_apiclient").post(
        page_of(issued), terms(active="on", kind="publishable", origins="https://a.example"), follow=True
    )

    assert "revoke it first" in " ".join(str(message) for message in response.context["messages"])
    issued.key.client.refresh_from_db()
    assert issued.key.client.kind == "secret"


# --- a new key is seen once ------------------------------------------------------------------------------------------


def test_the_key_of_a_new_client_is_shown_once_and_kept_nowhere() -> None:
    browser = signed_in(*MAKERS)

    text = seen(browser.post(ADD, terms(name="webshop", networks="10.0.0.0/8", expires_days="30")))

    presented = keys.parse(text)
    assert presented is not None
    key = ApiKey.objects.select_related("client").get()
    assert (key.client.name, key.client.networks) == ("webshop", ["10.0.0.0/8"])
    assert key.expires_at is not None
    assert status_of(text) == 200
    page = browser.get(reverse("admin:access_apiclient_change", args=[key.client_id]))
    kept = everything_kept(browser) + page.content.decode()
    assert key.key_id in kept
    assert presented.secret not in kept
    assert bytes(key.secret_hash).hex() not in kept


def test_the_form_of_a_new_client_sent_again_makes_no_second_one() -> None:
    browser = signed_in(*MAKERS)
    browser.post(ADD, terms(name="webshop"))

    again = browser.post(ADD, terms(name="webshop"))

    assert "already exists" in again.content.decode()
    assert ApiKey.objects.count() == 1


def test_a_publishable_client_is_made_with_a_key_that_says_so() -> None:
    text = seen(
        signed_in(*MAKERS).post(ADD, terms(name="page", kind="publishable", origins="HTTPS://Shop.Example:443/"))
    )

    assert text.startswith("dhp_")
    assert ApiClient.objects.get().origins == ["https://shop.example"]
