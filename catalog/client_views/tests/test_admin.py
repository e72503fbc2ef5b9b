"""Views in the admin: entered by the API's own filters, looked at field by field, kept with their history."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from catalog.client_views import written
from catalog.client_views.models import CatalogView
from catalog.client_views.tests.a_view import a_rate, a_view
from catalog.models import DatasetVersion
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

ADD = "admin:catalog_catalogview_add"


@pytest.fixture
def shop() -> ApiClient:
    return create_client("shop", scopes=["catalog:read"]).key.client


def browser_of(*permissions: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def form_of(client: ApiClient, **changes: Any) -> dict[str, Any]:
    """A view's form as a browser sends it."""
    values = {"forced": "", "defaults": "", "currency": "USD", "ending": "", "ending_step": "", "max_rows": ""}
    return {"client": client.pk, **values, **changes}


def mistakes(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.status_code
    return {name: " ".join(messages) for name, messages in answer.context["adminform"].form.errors.items()}


def test_a_view_is_entered_in_the_words_of_searches_and_has_a_history(shop: ApiClient) -> None:
    a_rate("EUR", "0.92")
    browser = browser_of("add_catalogview", "view_catalogview", "view_apiclient", "view_auditevent")
    filters = (
        "lab=gia, igi\r\nprice_max=20000\r\neye_clean=true,unknown\r\ncarats_min=0.50\r\ncolor_to=g\r\nlab_grown=false"
    )

    answer = browser.post(
        reverse(ADD),
        form_of(
            shop, forced=filters, defaults="cut=EX", currency="EUR", ending="99", ending_step="100", max_rows="500",
            shown_fields=["price", "shape"],
        ),
    )  # fmt: skip

    assert answer.status_code == 302, mistakes(answer)
    kept = CatalogView.objects.get()
    assert kept.forced == {
        "price_max": "20000.00",
        "carats_min": 0.5,
        "color_to": "G",
        "lab_grown": False,
        "lab": ["GIA", "IGI"],
        "eye_clean": [True, "UNKNOWN"],
    }
    assert (kept.defaults, kept.shown_fields, kept.max_rows) == ({"cut": ["EXCELLENT"]}, ["price", "shape"], 500)
    event = AuditEvent.objects.get(kind="catalog.catalogview")
    assert (event.what, event.who) == ("created", "olga")
    assert "lab" in str(browser.get(reverse("admin:catalog_catalogview_changelist")).content)
    assert browser.get(reverse("admin:catalog_catalogview_history", args=[kept.pk])).status_code == 200
    assert written.read(written.write(kept.forced)) == kept.forced


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"forced": "colour=D"}, "forced", "did you mean color?"),
        ({"forced": "color=D\ncolor_type=fancy"}, "forced", "color never matches together with color_type=fancy"),
        ({"forced": "price_min=5\nprice_max=4"}, "forced", "price_min must not be above price_max"),
        ({"forced": "price_max=1.005"}, "forced", "price_max must be an amount in USD"),
        ({"forced": "price_max"}, "forced", "write a filter as its name"),
        ({"forced": "limit=5"}, "forced", "limit is not a parameter"),
        ({"forced": "lab=ODD LAB"}, "forced", "no stone has"),
        ({"forced": "{"}, "forced", "This"),
        ({"forced": '{"lab": "GIA"}'}, "forced", "lab must be a list"),
        ({"defaults": "availability=sold"}, "defaults", "force it instead"),
        ({"forced": "color_from=D", "defaults": "color=E"}, "defaults", "forced already"),
        ({"shown_fields": ["lab", "shape"]}, "shown_fields", "show at least one of"),
        ({"shown_fields": ["rule_of_thumb"]}, "shown_fields", "rule_of_thumb"),
        ({"currency": "JPY"}, "currency", "no rate of exchange for JPY"),
        ({"currency": "XXX"}, "currency", "XXX"),
        ({"ending": "99", "ending_step": "100"}, "ending", "another currency"),
        ({"currency": "EUR", "ending": "99"}, "ending", "together"),
        ({"currency": "EUR", "ending": "0.999", "ending_step": "1"}, "ending", "2 decimals"),
        ({"currency": "EUR", "ending": "100", "ending_step": "100"}, "ending", "below its steps"),
        ({"max_rows": "0"}, "max_rows", "greater than or equal to 1"),
        ({"max_rows": "many"}, "max_rows", "whole number"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_kept(
    shop: ApiClient, changes: dict[str, Any], field: str, words: str
) -> None:
    a_rate("EUR", "0.92")

    answer = browser_of("add_catalogview", "view_catalogview").post(reverse(ADD), form_of(shop, **changes))

    assert words in mistakes(answer)[field]
    assert not CatalogView.objects.exists()


def test_only_a_change_of_the_stones_makes_a_version(shop: ApiClient) -> None:
    kept = a_view(shop, forced={"lab": ["GIA"]})
    page = reverse("admin:catalog_catalogview_change", args=[kept.pk])
    browser = browser_of("change_catalogview", "view_catalogview")
    before = DatasetVersion.current()

    browser.post(page, form_of(shop, forced="lab=GIA", max_rows="5"))
    after_rows = DatasetVersion.current()
    browser.post(page, form_of(shop, forced="lab=GIA,IGI", max_rows="5"))

    assert after_rows == before
    assert DatasetVersion.current() == before + 1
    assert DatasetVersion.objects.get(version=before + 1).cause == "view of shop"
    kept.refresh_from_db()
    assert (kept.since, kept.max_rows, kept.forced) == (before + 1, 5, {"lab": ["GIA", "IGI"]})
    assert AuditEvent.objects.filter(kind="catalog.catalogview", what="changed").count() == 2


def test_views_open_to_whom_may_see_them_and_are_never_deleted(shop: ApiClient) -> None:
    kept = a_view(shop)
    page = reverse("admin:catalog_catalogview_change", args=[kept.pk])
    pages = [reverse("admin:catalog_catalogview_changelist"), page]

    stranger = browser_of("view_diamond")
    assert [stranger.get(address).status_code for address in (*pages, reverse(ADD))] == [403, 403, 403]
    User.objects.all().delete()
    reader = browser_of("view_catalogview")
    assert [reader.get(address).status_code for address in pages] == [200, 200]
    assert reader.post(page, form_of(shop, max_rows="5")).status_code == 403
    User.objects.all().delete()
    owner = browser_of("change_catalogview", "delete_catalogview")
    assert owner.post(reverse("admin:catalog_catalogview_delete", args=[kept.pk]), {"post": "yes"}).status_code == 403


def test_a_second_view_of_a_client_is_refused_in_words(shop: ApiClient) -> None:
    a_view(shop)

    answer = browser_of("add_catalogview", "view_catalogview").post(reverse(ADD), form_of(shop))

    assert "already exists" in mistakes(answer)["client"]
