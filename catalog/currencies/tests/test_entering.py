"""Rates of exchange: entered by REST and in the admin, corrected, audited, and by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.client_views.tests.a_view import a_rate
from catalog.currencies import rates
from catalog.currencies.models import ExchangeRate
from diamondhub.access.clients import create_client
from diamondhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/exchange-rates"


@pytest.fixture
def http() -> Client:
    key = create_client("treasury", scopes=["rates:edit"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def enter(http: Client, **body: Any) -> Any:
    return http.post(ADDRESS, {"currency": "EUR", "rate": "0.92", **body}, content_type="application/json")


def test_a_rate_is_entered_corrected_and_audited(http: Client) -> None:
    first = enter(http, valid_from="2026-03-01")
    corrected = enter(http, valid_from="2026-03-01", rate="0.93000000")
    listed = http.get(ADDRESS).json()["results"]

    assert (first.status_code, corrected.status_code) == (201, 201)
    assert corrected.json() == {**first.json(), "rate": "0.93"}
    assert listed == [corrected.json()]
    events = AuditEvent.objects.filter(kind="catalog.exchangerate").order_by("event_id")
    assert [event.what for event in events] == ["created", "changed"]
    assert all("treasury" in event.who for event in events)


def test_a_rate_without_a_day_holds_from_today_on_and_one_of_tomorrow_not_yet(http: Client) -> None:
    enter(http)
    day = timezone.now().date() + timedelta(days=2)
    enter(http, rate="0.5", valid_from=day.isoformat())

    exchange = rates.exchange_of("EUR")

    assert exchange is not None
    assert str(exchange.rate.normalize()) == "0.92"
    assert list(rates.in_force()) == ["EUR", "USD"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currency": "USD"}, "currency"),
        ({"currency": "XYZ"}, "currency"),
        ({"rate": 0.92}, "rate"),
        ({"rate": "0"}, "rate"),
        ({"rate": "0.000000000"}, "rate"),
        ({"rate": "-1"}, "rate"),
        ({"rate": "1e3"}, "rate"),
        ({"rate": "NaN"}, "rate"),
        ({"rate": "1234567890.1"}, "rate"),
        ({"rate": "0.123456789"}, "rate"),
        ({"valid_from": "tomorrow"}, "valid_from"),
        ({"valid_until": "2026-01-01"}, "valid_until"),
    ],
    ids=str,
)
def test_what_is_no_rate_is_told_precisely(http: Client, body: dict[str, Any], field: str) -> None:
    answer = enter(http, **body)

    assert answer.status_code == 400, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not ExchangeRate.objects.exists()


def test_rates_need_their_scope() -> None:
    key = create_client("shop", scopes=["catalog:read", "pricing:edit"]).text
    http = Client(headers={"X-API-Key": key})

    assert (http.get(ADDRESS).status_code, enter(http).status_code) == (403, 403)


def test_in_the_admin_a_rate_is_corrected_and_taken_back_before_its_day_alone() -> None:
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__endswith="_exchangerate"))
    browser = Client()
    browser.force_login(person)
    held = a_rate("EUR", "0.9")
    to_come = a_rate("EUR", "0.8", timezone.now().date() + timedelta(days=9))
    page = reverse("admin:catalog_exchangerate_change", args=[held.pk])

    listed = browser.get(reverse("admin:catalog_exchangerate_changelist"))
    browser.post(page, {"rate": "0.95", "currency": "JPY", "valid_from": "2001-01-01"})
    deleted = [
        browser.post(reverse("admin:catalog_exchangerate_delete", args=[rate.pk]), {"post": "yes"}).status_code
        for rate in (held, to_come)
    ]
    unreal = browser.post(page, {"rate": "0"})

    assert listed.status_code == 200
    assert deleted == [403, 302]
    assert unreal.status_code == 200
    held.refresh_from_db()
    assert (str(held.rate.normalize()), held.currency) == ("0.95", "EUR")
    assert not ExchangeRate.objects.filter(pk=to_come.pk).exists()
