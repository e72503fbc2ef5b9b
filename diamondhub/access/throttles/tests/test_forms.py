"""Limits of its own for a client, in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from diamondhub.access.models import ApiClient
from diamondhub.access.throttles.limits import (
    AT_ONCE,
    DEFAULTS,
    OF_CLIENTS,
    ROWS_A_DAY,
    WRITTEN,
    Limit,
    LimitClass,
    check_limits,
    of_client,
    parse,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_row() -> ApiClient:
    return ApiClient.objects.create(name="shop", scopes=["catalog:read"])


def signed_in(*permissions: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def save(browser: Client, row: ApiClient, **typed: Any) -> Any:
    form = {"active": "on", "kind": "secret", "scopes": "catalog:read", **typed}
    return browser.post(reverse("admin:access_apiclient_change", args=[row.pk]), form)


def test_limits_are_set_changed_and_taken_back(client_row: ApiClient) -> None:
    browser = signed_in("view_apiclient", "change_apiclient")

    save(browser, client_row, limit_search=" 40/s  burst 120", limit_pricing_edits="1/30s burst 4", max_at_once="16")
    client_row.refresh_from_db()
    set_to = (client_row.limits, client_row.max_at_once, of_client(client_row, LimitClass.SEARCH))
    page = browser.get(reverse("admin:access_apiclient_change", args=[client_row.pk])).content.decode()
    save(browser, client_row)
    client_row.refresh_from_db()

    assert set_to[:2] == ({"search": "40/s burst 120", "pricing-edits": "1/30s burst 4"}, 16)
    assert set_to[2] == Limit("search", 25_000, 120)
    assert 'value="40/s burst 120"' in page
    assert "Empty: 20/s burst 60." in page
    assert (client_row.limits, client_row.max_at_once) == ({}, None)
    assert of_client(client_row, LimitClass.SEARCH) == DEFAULTS[LimitClass.SEARCH]


@pytest.mark.parametrize(
    "typed",
    [
        {"limit_search": "20"},
        {"limit_search": "0/s burst 1"},
        {"limit_search": "-1/s burst 1"},
        {"limit_search": "1e3/s burst 1"},
        {"limit_search": "20/s burst 0"},
        {"limit_search": "٢/s burst 1"},
        {"limit_search": "20001/s burst 1"},
        {"limit_search": "1/h burst 25"},
        {"limit_search": "1/s burst 1\x00"},
        {"limit_search": "9" * 41},
        {"max_at_once": "0"},
        {"max_at_once": "1001"},
        {"max_rows_a_day": "-1"},
        {"max_rows_a_day": "9" * 30},
    ],
)
def test_what_is_no_limit_is_told_beside_its_field(client_row: ApiClient, typed: dict[str, str]) -> None:
    answer = save(signed_in("view_apiclient", "change_apiclient"), client_row, **typed)

    client_row.refresh_from_db()
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == list(typed)
    assert (client_row.limits, client_row.max_at_once, client_row.max_rows_a_day) == ({}, None, None)


def test_who_may_only_look_changes_nothing(client_row: ApiClient) -> None:
    answer = save(signed_in("view_apiclient"), client_row, limit_search="9/s burst 9")

    client_row.refresh_from_db()
    assert answer.status_code == 403
    assert client_row.limits == {}


def test_who_changed_a_limit_is_in_the_audit(client_row: ApiClient) -> None:
    save(signed_in("view_apiclient", "change_apiclient"), client_row, limit_search="9/s burst 9")

    event: Any = apps.get_model("access", "ApiClientEvent")._default_manager.order_by("-pgh_id").first()
    assert event.limits == {"search": "9/s burst 9"}


@pytest.mark.parametrize(
    "written",
    [["search"], "x", {"address": "1/s burst 1"}, {"nothing": "1/s burst 1"}, {"search": 20}, {"search": "fast"}],
)
def test_a_row_s_limits_are_checked_whoever_writes_them(client_row: ApiClient, written: Any) -> None:
    with pytest.raises(ValidationError):
        check_limits(written)
    client_row.limits = written
    with pytest.raises(ValidationError):
        client_row.full_clean()


def test_the_page_for_shop_developers_says_what_holds() -> None:
    page = (settings.BASE_DIR / "docs" / "api" / "limits.md").read_text()
    told = {
        row[1].strip("` "): row[3].strip() for row in (line.split("|") for line in page.splitlines()) if len(row) == 5
    }

    assert {name: told[name] for name in OF_CLIENTS} == {name: WRITTEN[name] for name in OF_CLIENTS}
    assert told["at-once"] == str(AT_ONCE)
    assert f"{ROWS_A_DAY:,} a day" in page


@pytest.mark.parametrize(
    ("text", "interval", "burst"),
    [
        ("20/s burst 60", 50_000, 60),
        ("5/m burst 10", 12_000_000, 10),
        ("1/30s burst 4", 30_000_000, 4),
        # Rounded so that it is never more than is written.
        ("7/s burst 1", 142_858, 1),
    ],
)
def test_limits_are_read_as_they_are_written(text: str, interval: int, burst: int) -> None:
    assert parse("any", text) == Limit("any", interval, burst)
