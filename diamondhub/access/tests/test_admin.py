"""API clients in the admin: made, changed, their keys replaced and revoked by whom may; a new key is seen once."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from random import randrange
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub.access import clients, keys
from diamondhub.access.clients import IssuedKey
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.operations.models import Snapshot

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


#: What every deed to a client's key is done for.
WHY = {"reason": "the shop asked for it"}


def test_the_list_answers(issued: IssuedKey) -> None:
    html = signed_in("view_apiclient").get(reverse("admin:access_apiclient_changelist")).content.decode()

    assert "catalog:read" in html


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


def terms(**given: Any) -> dict[str, Any]:
    """What the form of a client posts."""
    return {"kind": "secret", "scopes": ["catalog:read"], "origins": "", "networks": "", **given}


MAKERS = ("view_apiclient", "add_apiclient", "view_apikey", "add_apikey", "change_apikey")
ADD = "/admin/access/apiclient/add/"


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


def seen(response: Any) -> str:
    """The key on the page that answers a form."""
    text: str = response.context["text"]
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert response.content.decode().count(text) == 1
    return text


def everything_kept(browser: Client) -> str:
    """All that the admin and the audit keep: the session, the log of the admin, events and the outbox."""
    kept = [str(dict(browser.session.items())), str(browser.cookies)]
    for table in ("django_admin_log", "django_session", "access_apiclientevent", "access_apikeyevent", "alerts_event"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} AS t")
            kept += [row[0] for row in cursor.fetchall()]
    return "\n".join(kept)


def status_of(text: str) -> int:
    http = Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))))
    return http.get("/api/v1/diamonds", headers={"X-API-Key": text}).status_code


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


def rotate_url(issued: IssuedKey) -> str:
    return reverse("admin:access_apikey_rotate", args=[issued.key.pk])


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


def new_key_url(issued: IssuedKey) -> str:
    return reverse("admin:access_apiclient_new_key", args=[issued.key.client_id])


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
