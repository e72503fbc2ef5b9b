"""The keys of an API client in the admin: shown, issued, replaced, given an end and revoked by whom may, for a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub.access import clients
from diamondhub.access.clients import IssuedKey
from diamondhub.access.models import ApiKey
from diamondhub.access.tests.admin_pages import ADD, MAKERS, everything_kept, page_of, seen, signed_in, status_of, terms
from diamondhub.operations.models import Snapshot

pytestmark = pytest.mark.django_db

#: What every deed to a client's key is done for.
WHY = {"reason": "the shop asked for it"}


@pytest.fixture
def issued() -> IssuedKey:
    return clients.create_client("shop", scopes=["catalog:read"])


def revoke_url(issued: IssuedKey) -> str:
    return reverse("admin:access_apikey_revoke", args=[issued.key.pk])


def rotate_url(issued: IssuedKey) -> str:
    return reverse("admin:access_apikey_rotate", args=[issued.key.pk])


def new_key_url(issued: IssuedKey) -> str:
    return reverse("admin:access_apiclient_new_key", args=[issued.key.client_id])


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


def test_revoking_ends_a_key_once(issued: IssuedKey) -> None:
    browser = signed_in("view_apiclient", "change_apikey")

    first = browser.post(revoke_url(issued), WHY, follow=True)
    issued.key.refresh_from_db()
    revoked_at = issued.key.revoked_at
    second = browser.post(revoke_url(issued), WHY, follow=True)

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


def test_a_key_is_replaced_once_and_the_old_one_goes_on_for_the_overlap(issued: IssuedKey) -> None:
    browser = signed_in(*MAKERS)

    text = seen(browser.post(rotate_url(issued), {"overlap": "1d", **WHY}))
    again = browser.post(rotate_url(issued), {"overlap": "1d", **WHY}, follow=True)

    assert (status_of(text), status_of(issued.text)) == (200, 200)
    assert "was replaced by" in str([str(message) for message in again.context["messages"]])
    assert ApiKey.objects.count() == 2
    assert text[:70] not in everything_kept(browser) + again.content.decode()


def test_a_key_is_not_replaced_with_an_overlap_that_cannot_be(issued: IssuedKey) -> None:
    browser = signed_in(*MAKERS)

    for overlap in ("", "soon", "91d", "\0"):
        answer = browser.post(rotate_url(issued), {"overlap": overlap, **WHY}, follow=True)
        assert "overlap" in str([str(message) for message in answer.context["messages"]])

    assert ApiKey.objects.count() == 1


def test_one_more_key_is_made_and_shown_and_the_form_sent_again_makes_none(issued: IssuedKey) -> None:
    browser = signed_in(*MAKERS)
    form = {"after": str(issued.key.pk), "expires_days": "3", **WHY}

    text = seen(browser.post(new_key_url(issued), form))
    again = browser.post(new_key_url(issued), form, follow=True)

    assert (status_of(text), status_of(issued.text)) == (200, 200)
    assert "another key meanwhile" in str([str(message) for message in again.context["messages"]])
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize("form", [{"after": "x"}, {"after": "9" * 30}, {"expires_days": "-1"}, {"expires_days": "x"}])
def test_a_broken_form_makes_no_key(issued: IssuedKey, form: dict[str, str]) -> None:
    answer = signed_in(*MAKERS).post(new_key_url(issued), {**form, **WHY})

    assert answer.status_code == 302
    assert ApiKey.objects.count() == 1


def test_a_key_is_given_an_end_and_none(issued: IssuedKey) -> None:
    browser = signed_in(*MAKERS)
    url = reverse("admin:access_apikey_expiry", args=[issued.key.pk])

    browser.post(url, {"expires_days": "3", **WHY})
    issued.key.refresh_from_db()
    some = issued.key.expires_at
    browser.post(url, {"expires_days": "x", **WHY})
    browser.post(url, {"expires_days": "", **WHY})

    issued.key.refresh_from_db()
    assert some is not None
    assert issued.key.expires_at is None


@pytest.mark.parametrize("name", ["rotate", "expiry", "revoke"])
def test_a_key_that_there_is_not_is_a_message(name: str) -> None:
    browser = signed_in(*MAKERS)

    for pk in (1, int("9" * 30)):
        told = browser.post(reverse(f"admin:access_apikey_{name}", args=[pk]), {"overlap": "1d"}, follow=True)

        assert f"There is no key {pk}." in told.content.decode()


@pytest.mark.parametrize(
    "lacking", ["add_apiclient", "add_apikey", "change_apikey"], ids=lambda lacking: f"without {lacking}"
)
def test_each_button_needs_its_rights(issued: IssuedKey, lacking: str) -> None:
    browser = signed_in(*(right for right in MAKERS if right != lacking))
    needs = {
        ADD: {"add_apiclient", "add_apikey"},
        new_key_url(issued): {"add_apikey"},
        rotate_url(issued): {"add_apikey", "change_apikey"},
        reverse("admin:access_apikey_expiry", args=[issued.key.pk]): {"change_apikey"},
        revoke_url(issued): {"change_apikey"},
    }

    html = browser.get(page_of(issued)).content.decode()
    refused = {url for url in needs if browser.post(url, terms(overlap="0", after="0", name="new")).status_code == 403}

    assert refused == {url for url, rights in needs.items() if lacking in rights}
    assert not any(url in html for url in refused)


def test_buttons_are_pressed_and_not_visited(issued: IssuedKey) -> None:
    browser = signed_in(*MAKERS)

    for url in (new_key_url(issued), rotate_url(issued), reverse("admin:access_apikey_expiry", args=[issued.key.pk])):
        assert browser.get(url).status_code == 405


def test_the_start_page_tells_of_keys_that_end_soon_and_of_those_without_pepper(
    issued: IssuedKey, settings: Any
) -> None:
    browser = signed_in("view_apikey", "view_apiclient")
    before = figures(browser)
    clients.change_key(issued.key, expires_days=3)
    ending = figures(browser)
    settings.API_KEY_PEPPERS = {7: b"7" * 32}

    assert before == {}
    assert ending == {"API keys ending soon": "1"}
    assert figures(browser) == {"API keys ending soon": "1", "API keys refused": "1"}


def figures(browser: Client) -> dict[str, str]:
    # The page as it was a moment ago would do for a person.
    Snapshot.objects.all().delete()
    shown = browser.get("/admin/").context["figures"]
    return {figure.title: figure.value for figure in shown if figure.title.startswith("API keys")}


@pytest.mark.parametrize("deed", ["new_key", "rotate", "expiry", "revoke"])
def test_a_key_is_touched_for_a_reason_only_and_the_history_keeps_it(issued: IssuedKey, deed: str) -> None:
    browser = signed_in(*MAKERS)
    url = new_key_url(issued) if deed == "new_key" else reverse(f"admin:access_apikey_{deed}", args=[issued.key.pk])
    form = {"after": str(issued.key.pk), "overlap": "1d", "expires_days": "3"}

    refused = browser.post(url, {**form, "reason": " "}, follow=True)
    untouched = ApiKey.objects.get()
    browser.post(url, {**form, **WHY})

    assert "Say why" in str([str(message) for message in refused.context["messages"]])
    assert (untouched.revoked_at, untouched.expires_at, untouched.replaced_by) == (None, None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT pgh_who, pgh_reason FROM access_apikeyevent WHERE pgh_via LIKE 'POST %' ORDER BY 1, 2"
        )
        assert cursor.fetchall() == [("olga", WHY["reason"])]


def test_a_replacement_can_be_given_an_end_of_its_own(issued: IssuedKey) -> None:
    seen(signed_in(*MAKERS).post(rotate_url(issued), {"overlap": "0", "expires_days": "30", **WHY}))

    new = ApiKey.objects.order_by("-pk")[0]
    assert new.expires_at is not None
    assert (new.expires_at - new.created_at).days in (29, 30)
