"""The admin's front door: failures are counted, successes are not, and nobody is locked out while Redis is away."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough one"


@pytest.fixture
def name() -> str:
    """A person whom no other test failed to be."""
    person: str = User.objects.create_superuser(f"eve-{uuid4().hex[:8]}", password=PASSWORD).get_username()
    return person


@pytest.fixture
def address() -> str:
    """An address that no other test came from."""
    return f"10.{uuid4().int % 250}.{uuid4().int % 250}.{uuid4().int % 250}"


def sign_in(name: str, password: str, address: str) -> Any:
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), {"username": name, "password": password})


def test_signing_in_leads_to_the_start_page(name: str, address: str) -> None:
    response = sign_in(name, PASSWORD, address)

    assert (response.status_code, response.headers["Location"]) == (302, reverse("admin:index"))


@pytest.mark.usefixtures("one_minute")
def test_ten_failures_of_one_name_turn_it_away_from_everywhere(name: str, address: str) -> None:
    for place in range(10):
        assert sign_in(name.upper(), "wrong", f"10.0.{place}.{address.split('.')[-1]}").status_code == 200

    response = sign_in(name, PASSWORD, "10.9.9.9")

    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 61


@pytest.mark.usefixtures("one_minute")
def test_ten_failures_from_one_address_turn_it_away_for_every_name(name: str, address: str) -> None:
    for attempt in range(10):
        sign_in(f"guess-{attempt}-{uuid4().hex}", "wrong", address)

    assert sign_in(name, PASSWORD, address).status_code == 429


def test_successes_are_not_counted(name: str, address: str) -> None:
    answers = {sign_in(name, PASSWORD, address).status_code for _ in range(12)}

    assert answers == {302}


def test_while_redis_is_away_passwords_are_still_checked(name: str, address: str, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }

    assert sign_in(name, "wrong", address).status_code == 200
    assert sign_in(name, PASSWORD, address).status_code == 302


def test_the_policy_allows_the_themes_scripts_for_the_admin_only(client: Client) -> None:
    inside = client.get(reverse("admin:login")).headers["Content-Security-Policy"]
    outside = client.get("/no-such-page").headers["Content-Security-Policy"]

    assert "'unsafe-eval'" in inside
    assert "unsafe" not in outside
    for policy in (inside, outside):
        assert "default-src 'self'" in policy
