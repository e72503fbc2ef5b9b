"""Webhooks in the admin: looked at, switched off and on, tested; no secret is shown to staff."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from diamondhub.audit.models import AuditEvent
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.tests.receivers import subscribed

pytestmark = pytest.mark.django_db

URL = "https://shop.example.com/hooks/of-the-shop-alone"


def staff(*codenames: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True, password="a long enough one")
    person.user_permissions.set(Permission.objects.filter(content_type__app_label="webhooks", codename__in=codenames))
    browser = Client()
    browser.force_login(person)
    return browser


def page(browser: Client, name: str, webhook: Subscription, method: str = "get", **posted: Any) -> Any:
    return getattr(browser, method)(reverse(f"admin:webhooks_subscription_{name}", args=[webhook.pk]), posted)


def test_the_page_shows_the_address_to_who_may_change_it_and_the_secret_to_nobody() -> None:
    issued = subscribed(URL)
    looking, changing = "view_subscription", "change_subscription"

    shown = page(staff(looking, changing), "change", issued.subscription).content.decode()
    User.objects.all().delete()
    shown_to_who_looks = page(staff(looking), "change", issued.subscription).content.decode()

    assert URL in shown
    assert "of-the-shop-alone" not in shown_to_who_looks
    assert "shop.example.com" in shown_to_who_looks
    assert "Switch off" not in shown_to_who_looks
    assert issued.secret not in shown + shown_to_who_looks
    assert "whsec_" not in shown + shown_to_who_looks


def test_staff_switch_a_webhook_off_for_a_reason_and_on_again() -> None:
    webhook = subscribed(URL).subscription
    browser = staff("view_subscription", "change_subscription")

    page(browser, "off", webhook, "post", reason="the shop asked")
    off = Subscription.objects.get()
    refused = page(browser, "test", webhook, "post")
    page(browser, "on", webhook, "post")

    assert (off.active, off.problem) == (False, "switched off by staff: the shop asked")
    assert refused.status_code == 302
    assert not Delivery.objects.exists()
    assert Subscription.objects.get().active
    whose = AuditEvent.objects.filter(kind="webhooks.subscription", what="changed").values_list("who", flat=True)
    assert list(whose) == ["olga", "olga"]


def test_staff_send_a_test() -> None:
    webhook = subscribed(URL).subscription

    page(staff("view_subscription", "change_subscription"), "test", webhook, "post")

    assert Delivery.objects.get().kind == "webhook.test"


def test_a_webhook_that_is_not_there_is_not_found() -> None:
    browser = staff("view_subscription", "change_subscription")

    answers = [
        browser.post(reverse(f"admin:webhooks_subscription_{name}", args=[404])) for name in ("off", "on", "test")
    ]

    assert {answer.status_code for answer in answers} == {404}
