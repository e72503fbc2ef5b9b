"""The start page: what the catalogue has on sale beside what the last run was shown, and each app's own part."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.db.models import Func, TextField, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog import on_sale
from catalog.on_sale import stones_on_sale
from catalog.tests.factories import committed
from diamondhub.operations import home as pages
from diamondhub.operations import snapshots
from ingest.tests import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.delete(on_sale.KEY)


def home(*permissions: str) -> Any:
    """The page's context for somebody with these permissions; for a superuser without any."""
    person = User.objects.create_user("olga", is_staff=True, is_superuser=not permissions)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser.get(reverse("admin:index"))


def figures(response: Any) -> dict[str, str]:
    return {figure.title: figure.value for figure in response.context["figures"]}


def table(response: Any, title: str) -> list[list[str]]:
    """The rows of a card's table, as texts."""
    (card,) = (card for card in response.context["cards"] if card.title == title)
    lines = re.findall(r"<tr>(.*?)</tr>", card.html.partition("<tbody>")[2], re.DOTALL)
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", line, re.DOTALL)
        ]
        for line in lines
    ]


def feed_rows(response: Any) -> dict[str, tuple[str, str]]:
    return {row[0]: (row[1], row[2]) for row in table(response, "Feeds")}


@pytest.fixture(autouse=True)
def _every_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the page takes a snapshot of its own, in which every part is asked."""
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "STALE_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "WAIT_SECONDS", 0.0)
    for name, registered in pages._parts.items():
        monkeypatch.setitem(pages._parts, name, replace(registered, every=0.0))


def test_the_stones_on_sale_are_those_of_the_catalogue_and_not_those_that_the_last_run_was_shown() -> None:
    rows.run(state="completed", summary={"received": 3, "repeats": 1})
    for number in range(4):
        rows.diamond(f"N-{number}")
    rows.diamond("N-held", availability="on_hold")
    rows.diamond("N-gone", availability="delisted")
    rows.diamond("L-1", feed="nivoda-labgrown", lab_grown=True)

    response = home()

    assert feed_rows(response) == {"nivoda-natural": ("4", "2"), "nivoda-labgrown": ("1", "–")}
    assert figures(response)["diamonds on sale"] == "5"
    html = response.content.decode()
    assert "on sale now" in html
    assert "shown by the last full run" in html


def test_the_table_is_read_once_a_minute_however_many_versions_there_are() -> None:
    rows.diamond("N-1")
    assert stones_on_sale() == {"nivoda-natural": 1}
    rows.diamond("N-2")
    committed()

    with CaptureQueriesContext(connection) as captured:
        same = stones_on_sale()
    # As when the minute is over.
    cache.delete(on_sale.KEY)
    after = stones_on_sale()

    assert (same, after) == ({"nivoda-natural": 1}, {"nivoda-natural": 2})
    assert not [query for query in captured if "catalog_diamond" in query["sql"]]


def test_a_count_that_takes_too_long_is_said_to_be_missing_and_is_not_tried_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows.diamond("N-1")
    monkeypatch.setattr(on_sale, "COUNT_SECONDS", 0.05)
    monkeypatch.setattr(on_sale, "Count", lambda _field: Func(Value(60), function="pg_sleep", output_field=TextField()))

    response = home()
    with CaptureQueriesContext(connection) as captured:
        again = stones_on_sale()

    assert feed_rows(response)["nivoda-natural"][0] == "–"
    assert figures(response)["diamonds on sale"] == "–"
    assert "not counted in time" in response.content.decode()
    assert again is None
    assert not [query for query in captured if "catalog_diamond" in query["sql"]]


def test_without_redis_the_stones_are_counted_all_the_same(settings: Any) -> None:
    rows.diamond("N-1")
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}

    assert stones_on_sale() == {"nivoda-natural": 1}


@pytest.mark.parametrize(
    ("permission", "shown"),
    [
        ("view_deadletter", {"open dead letters"}),
        ("view_diamond", {"diamonds on sale", "search index"}),
        ("view_event", {"alerts on their way", "alerts undeliverable"}),
        ("view_heartbeat", {"last sweep"}),
        ("view_feed", {"Feeds"}),
        ("view_run", {"Live runs", "Suppliers", "Stones"}),
        ("view_ruleset", {"Prices"}),
        ("view_pricechange", {"Price changes"}),
        ("view_worker", {"Queues", "Workers"}),
        ("view_apiclient", {"The API"}),
    ],
)
def test_each_part_is_for_whom_may_see_it(permission: str, shown: set[str]) -> None:
    response = home(permission)

    cards = [*response.context["cards"], *response.context["slow_cards"]]
    assert {*figures(response), *(card.title for card in cards)} == shown


def test_who_may_see_no_part_is_told_to_use_the_menu() -> None:
    response = home("view_user")

    assert "Use the menu" in response.content.decode()
