"""API clients in the admin: their keys are shown without their secrets, and revoked by whom may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub.access import clients
from diamondhub.access.clients import IssuedKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued() -> IssuedKey:
    return clients.create_client("shop", scopes=["catalog:read"])


def signed_in(*permissions: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def page_of(issued: IssuedKey) -> str:
    return reverse("admin:access_apiclient_change", args=[issued.key.client_id])


def revoke_url(issued: IssuedKey) -> str:
    return reverse("admin:access_apikey_revoke", args=[issued.key.pk])


def test_the_page_shows_keys_and_never_their_secrets(issued: IssuedKey) -> None:
    clients.issue_key(issued.key.client, expires_at=timezone.now() - timedelta(days=1))

    html = signed_in("view_apiclient", "view_apikey").get(page_of(issued)).content.decode()

    assert issued.key.key_id in html
    assert "expired" in html
    assert issued.text not in html
    assert bytes(issued.key.secret_hash).hex() not in html


def test_who_may_not_see_keys_sees_the_client_only(issued: IssuedKey) -> None:
    html = signed_in("view_apiclient").get(page_of(issued)).content.decode()

    assert "catalog:read" in html
    assert issued.key.key_id not in html


def test_a_client_that_there_is_not_is_no_server_error() -> None:
    browser = signed_in("view_apiclient", "view_apikey")

    answers = [browser.get(f"/admin/access/apiclient/{pk}/change/").status_code for pk in ("9" * 30, "x", "-1")]

    assert answers == [302, 302, 302]


def test_the_list_answers(issued: IssuedKey) -> None:
    html = signed_in("view_apiclient").get(reverse("admin:access_apiclient_changelist")).content.decode()

    assert "catalog:read" in html


def test_revoking_ends_a_key_once(issued: IssuedKey) -> None:
    browser = signed_in("view_apiclient", "change_apikey")

    first = browser.post(revoke_url(issued), follow=True)
    issued.key.refresh_from_db()
    revoked_at = issued.key.revoked_at
    second = browser.post(revoke_url(issued), follow=True)

    issued.key.refresh_from_db()
    assert revoked_at is not None
    assert issued.key.revoked_at == revoked_at
    assert ["is revoked" in str(message) for message in first.context["messages"]] == [True]
    assert ["revoked before" in str(message) for message in second.context["messages"]] == [True]


def test_who_may_not_change_keys_has_no_button_and_is_refused(issued: IssuedKey) -> None:
    browser = signed_in("view_apiclient", "change_apiclient")

    assert revoke_url(issued) not in browser.get(page_of(issued)).content.decode()
    assert browser.post(revoke_url(issued)).status_code == 403
    issued.key.refresh_from_db()
    assert issued.key.revoked_at is None


def test_a_key_is_not_revoked_by_looking(issued: IssuedKey) -> None:
    assert signed_in("change_apikey").get(revoke_url(issued)).status_code == 405


def test_a_client_is_switched_off(issued: IssuedKey) -> None:
    signed_in("view_apiclient", "change_apiclient").post(page_of(issued), {"scopes": ["catalog:read"]})

    issued.key.client.refresh_from_db()
    assert not issued.key.client.active


def test_a_client_keeps_at_least_one_scope(issued: IssuedKey) -> None:
    response = signed_in("view_apiclient", "change_apiclient").post(page_of(issued), {"active": "on"})

    assert "at least one scope" in response.content.decode()


def test_a_client_can_be_neither_added_nor_deleted_here(issued: IssuedKey) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))

    assert browser.get(reverse("admin:access_apiclient_add")).status_code == 403
    assert browser.get(reverse("admin:access_apiclient_delete", args=[issued.key.client_id])).status_code == 403
