"""The explorer as people use it: everything by one GET, right without JavaScript, whatever is asked."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog.tests.factories import a_diamond

pytestmark = pytest.mark.django_db
LIST = "admin:catalog_diamond_changelist"


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    return browser


def test_it_shows_the_stones_that_pass_all_filters(browser: Client) -> None:
    oval = a_diamond(shape="OVAL", carats="1.5")
    a_diamond(shape="ROUND", carats="1.5")
    a_diamond(shape="OVAL", carats="0.5")

    response = browser.get(reverse(LIST) + "?shape=OVAL&carats_min=1")

    assert response.status_code == 200
    assert [stone.pk for stone, _ in response.context["rows"]] == [oval.pk]
    assert response.context["count"] == 1
