"""What the tests of the clients' pages in the admin share: people with permissions, the form of a client, and a new key."""

from __future__ import annotations

from ipaddress import ip_address
from random import randrange
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from diamondhub.access.clients import IssuedKey

MAKERS = ("view_apiclient", "add_apiclient", "view_apikey", "add_apikey", "change_apikey")
ADD = "/admin/access/apiclient/add/"


def signed_in(*permissions: str) -> Client:
    """A browser of a person with these permissions, by codename."""
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def page_of(issued: IssuedKey) -> str:
    """The address of the page of a key's client."""
    return reverse("admin:access_apiclient_change", args=[issued.key.client_id])


def terms(**given: Any) -> dict[str, Any]:
    """What the form of a client posts."""
    return {"kind": "secret", "scopes": ["catalog:read"], "origins": "", "networks": "", **given}


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
    """What a request with this key is answered with."""
    http = Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))))
    return http.get("/api/v1/diamonds", headers={"X-API-Key": text}).status_code
