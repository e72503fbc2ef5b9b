"""What tests of the admin's pages share: people with permissions, and what a page says to them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client


def signed_in(*permissions: str, superuser: bool = False) -> Client:
    """A browser of a person with these permissions (by codename)."""
    person = User.objects.create_user("olga", password="a long enough one", is_staff=True, is_superuser=superuser)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def messages_of(response: Any) -> list[str]:
    """What the page that a redirect led to says."""
    return [str(message) for message in response.context["messages"]]
