"""Parts of pages that ask for themselves anew: who was signed out meanwhile is led to the sign-in, not shown it there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

POLLED = ("home_now", "home_slow", "admin:ingest_run_all_live")


@pytest.mark.parametrize("name", POLLED)
def test_a_part_of_somebody_who_was_signed_out_has_the_browser_go_to_the_sign_in(name: str) -> None:
    response = Client().get(
        reverse(name), headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/admin/?a=1&b=2"}
    )

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["HX-Redirect"] == "/admin/login/?next=%2Fadmin%2F%3Fa%3D1%26b%3D2"


@pytest.mark.parametrize(
    "page", ["https://evil.example.com/admin/", "http://[", "//evil.example.com/admin/", "http://testserver/api/", ""]
)
def test_nobody_is_led_to_a_page_that_is_none_of_ours(page: str) -> None:
    response = Client().get(reverse("home_now"), headers={"HX-Request": "true", "HX-Current-URL": page})

    assert response.headers["HX-Redirect"] == "/admin/login/?next=%2Fadmin%2F"


def test_a_page_of_somebody_who_was_signed_out_is_redirected_as_ever() -> None:
    response = Client().get(reverse("home_now"))

    assert (response.status_code, response.headers["Location"]) == (302, "/admin/login/?next=/admin/home/now/")


@pytest.mark.parametrize("name", POLLED)
def test_a_part_of_somebody_who_is_signed_in_is_shown(name: str) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))

    response = browser.get(reverse(name), headers={"HX-Request": "true"})

    assert response.status_code == 200
    assert "HX-Redirect" not in response.headers
