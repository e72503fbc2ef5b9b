"""Whatever an address of the admin's lists asks for, and whatever is typed as JSON, is answered or refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, reverse

from ingest.models import Feed

pytestmark = pytest.mark.django_db


def lists(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def has_list(model: type[Model]) -> bool:
    try:
        return bool(lists(model))
    except NoReverseMatch:
        return False


admin.autodiscover()
MODELS = {model._meta.label: model for model in admin.site._registry if has_list(model)}
#: What no column can be compared with, each in its way.
ODD = [
    "(",
    "*",
    "[",
    "99999999999",
    "99999999999999999999999",
    "-1",
    "\0",
    "\\",
    "é" * 1_200,
    "é" * 5_000,
    "1,x",
    "2026-99-99",
    "nan",
]
LOOKUPS = [
    "exact",
    "regex",
    "iregex",
    "year",
    "month",
    "date",
    "time__hour",
    "gt",
    "in",
    "range",
    "isnull",
    "contains",
    "pk",
]


@pytest.fixture
def browser() -> Client:
    """A browser that a superuser has signed in with; it would raise what a page raises."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga"))
    return client


def looked_up(model: type[Model]) -> Iterator[str]:
    """A query for every kind of column and every kind of look-up, each with one odd value."""
    kinds = {type(field): field for field in model._meta.concrete_fields}
    for place, field in enumerate(kinds.values()):
        for step, lookup in enumerate(LOOKUPS):
            yield f"{field.name}__{lookup}={quote(ODD[(place + step) % len(ODD)])}"


@pytest.mark.parametrize("model", [User, Group])
def test_every_look_up_of_people_and_groups_is_answered_or_refused(browser: Client, model: type[Model]) -> None:
    for query in looked_up(model):
        answer = browser.get(f"{lists(model)}?{query}", follow=True)

        assert answer.status_code in (200, 400, 414), query


@pytest.mark.parametrize("query", ["username__regex=(", "username__iregex=%5B", "date_joined__year=99999999999"])
def test_who_asks_for_what_cannot_be_looked_up_is_told_and_gets_the_list(browser: Client, query: str) -> None:
    address = lists(User)

    answer = browser.get(f"{address}?{query}", follow=True)

    assert answer.redirect_chain == [(f"{address}?e=1", 302)]
    assert "cannot be looked up" in answer.content.decode()
    assert [person.username for person in answer.context["cl"].result_list] == ["olga"]


@pytest.mark.parametrize(
    "query", ["username__regex=^o", "date_joined__year__gte=2000", "q=olga", "is_staff__exact=1", "o=-1"]
)
def test_what_can_be_looked_up_is_found(browser: Client, query: str) -> None:
    User.objects.create_user("otto", is_staff=True, email="olga@example.com")

    answer = browser.get(f"{lists(User)}?{query}")

    assert {person.username for person in answer.context["cl"].result_list} == {"olga", "otto"}


@pytest.mark.parametrize("label", MODELS)
def test_odd_values_of_filters_searches_and_pages_are_answered_or_refused(browser: Client, label: str) -> None:
    model = MODELS[label]
    filters = admin.site._registry[model].list_filter
    names = [getattr(each, "parameter_name", f"{each}__exact") for each in filters if not isinstance(each, tuple)]

    for number, value in enumerate(ODD):
        name = ["q", "p", "q", "o", *names][(number + number // 3) % (4 + len(names))]
        answer = browser.get(lists(model), {name: value}, follow=True)

        assert answer.status_code in (200, 400, 414), (name, value)


DEEP = '{"source": ' + "[" * 5_000 + "]" * 5_000 + "}"
WRONG = [
    (DEEP, "deeper in each other than 32"),
    ("[" * 200_000, "is too long"),
    ('{"source": ' + "[" * 33 + "]" * 33 + "}", "deeper in each other than 32"),
    ('{"source": "a\\u0000b"}', "no database takes"),
    ('{"a\\ud800": 1}', "no database takes"),
    ('{"rate": NaN}', "no database takes"),
    ('{"rate": 1e999}', "no database takes"),
    ("{", "is not JSON"),
    ('{"rate": 1, "source": {"a": 1, "b": 2, "a": 3}}', "says 'a' twice"),
    ('{"n": ' + "1" * 5_000 + "}", "is not JSON"),
]


def posted(feed: Feed, parameters: str) -> dict[str, Any]:
    form = {
        name: getattr(feed, name) for name in ("name", "window_lag_seconds", "overlap_seconds", "max_partition_stones")
    }
    form |= {name: getattr(feed, name) for name in ("delist_brake", "shrink_brake", "median_brake", "error_budget")}
    return {**form, "enabled": "on", "full_schedule": "", "incremental_schedule": "", "parameters": parameters}


@pytest.mark.parametrize(("parameters", "says"), WRONG, ids=range(len(WRONG)))
def test_parameters_that_no_column_takes_are_a_fault_of_the_form(browser: Client, parameters: str, says: str) -> None:
    feed = Feed.objects.get(slug="nivoda-natural")
    before = feed.parameters

    answer = browser.post(reverse("admin:ingest_feed_change", args=[feed.pk]), posted(feed, parameters))

    assert answer.status_code == 200
    (fault,) = answer.context["adminform"].form.errors["parameters"]
    assert says in fault
    feed.refresh_from_db()
    assert feed.parameters == before


def test_parameters_that_can_be_kept_are_kept(browser: Client) -> None:
    source = "é 💎.csv"
    feed = Feed.objects.create(slug="rosy", name="Rosy", adapter="pricelist", parameters={"source": source})

    answer = browser.post(
        reverse("admin:ingest_feed_change", args=[feed.pk]),
        {**posted(feed, "{}"), "parameter_source": source, "parameter_columns": "[[é 💎]] = price"},
    )

    assert answer.status_code == 302
    feed.refresh_from_db()
    assert feed.parameters == {"source": source, "columns": {"[[é 💎]]": "price"}}


def test_pages_of_rows_that_there_cannot_be_are_answered(browser: Client) -> None:
    for name, model in MODELS.items():
        for odd in ("99999999999999999999999", "é" * 300):
            answer = browser.get(f"{lists(model)}{quote(odd)}/change/", follow=True)

            assert answer.status_code in (200, 404), (name, odd)
