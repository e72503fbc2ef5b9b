"""Rule sets in the admin: a draft is edited, a published one never changes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from pricing.models import RuleSet

pytestmark = pytest.mark.django_db

MARGINS = {"margin_natural": "41", "margin_lab_grown": "80", "margin_fancy": "39", "notes": ""}


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    return browser


def test_a_published_rule_set_is_shown_and_cannot_be_posted_to(browser: Client) -> None:
    published = RuleSet.objects.get(state="published")
    url = reverse("admin:pricing_ruleset_change", args=[published.pk])

    shown, posted = browser.get(url), browser.post(url, MARGINS)

    assert "40 %" in shown.content.decode()
    assert 'name="margin_natural"' not in shown.content.decode()
    assert posted.status_code == 405
    published.refresh_from_db()
    assert published.margin_natural == Decimal(40)


def test_a_new_draft_gets_the_next_version(browser: Client) -> None:
    browser.post(reverse("admin:pricing_ruleset_add"), MARGINS)

    draft = RuleSet.objects.get(state="draft")
    assert (draft.version, draft.margin_natural) == (2, Decimal(41))


def test_a_draft_is_edited(browser: Client) -> None:
    draft = RuleSet.objects.create(version=2, margin_natural=1, margin_lab_grown=1, margin_fancy=1)

    browser.post(reverse("admin:pricing_ruleset_change", args=[draft.pk]), MARGINS)

    draft.refresh_from_db()
    assert (draft.margin_natural, draft.margin_fancy, draft.state) == (Decimal(41), Decimal(39), "draft")


def test_a_published_rule_set_cannot_be_deleted(browser: Client) -> None:
    published = RuleSet.objects.get(state="published")

    response = browser.post(reverse("admin:pricing_ruleset_delete", args=[published.pk]), {"post": "yes"})

    assert response.status_code == 403
    assert RuleSet.objects.filter(pk=published.pk).exists()


@pytest.mark.parametrize("margin", ["-100", "10000", "NaN", "x"])
def test_a_margin_that_makes_no_price_is_shown_as_an_error(browser: Client, margin: str) -> None:
    response = browser.post(reverse("admin:pricing_ruleset_add"), MARGINS | {"margin_natural": margin})

    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert not RuleSet.objects.filter(state="draft").exists()
