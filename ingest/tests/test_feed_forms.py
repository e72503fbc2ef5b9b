"""The form of a feed: parameters by the adapter's declaration, JSON for the rest, schedules in words, and new feeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from ingest.feeds import adapters, declared, registry
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.models import Feed, FeedSecret
from ingest.sandbox.faults import Settings
from ingest.sandbox.supplier import Options
from ingest.tests import factories, rows
from ingest.tests.admin_pages import signed_in

pytestmark = pytest.mark.django_db

ADD = "/admin/ingest/feed/add/"
SCHEDULE = "/admin/ingest/feed/schedule/"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.PRICELIST_DIR, settings.VAR_DIR = tmp_path, tmp_path / "var"
    adapters._build.cache_clear()
    yield tmp_path
    adapters._build.cache_clear()


def a_list(**parameters: Any) -> Feed:
    return Feed.objects.create(
        slug="rosy", name="Rosy", adapter="pricelist", parameters={"source": "list.csv", **parameters}
    )


def page_of(feed: Feed) -> str:
    return reverse("admin:ingest_feed_change", args=[feed.pk])


def form_of(browser: Client, feed: Feed) -> dict[str, Any]:
    """What the browser would send of the form as it is."""
    form = browser.get(page_of(feed)).context["adminform"].form
    return {name: form[name].value() or "" for name in form.fields}


def saved(feed: Feed, **typed: Any) -> Any:
    browser = signed_in("view_feed", "change_feed")
    answer = browser.post(page_of(feed), {**form_of(browser, feed), **typed})
    feed.refresh_from_db()
    return answer


@pytest.mark.parametrize("adapter", sorted(registry.ADAPTERS))
def test_every_parameter_of_every_adapter_has_a_field_with_words(adapter: str) -> None:
    parameters = declared.parameters_of(adapter)

    assert {parameter.name for parameter in parameters} == set(registry.parameters_type(adapter).__struct_fields__)
    assert all(parameter.title and parameter.help for parameter in parameters)


def test_a_form_that_is_saved_as_it_is_changes_nothing() -> None:
    parameters = {"source": "list.csv", "columns": {"Our ref": "stock_number", "Ours = theirs": ""}, "labgrown": True}
    parameters["words"] = {"shape": {"B = R": "ROUND", "BRL": ""}, "availability": {"In: stock": "available"}}
    feed = Feed.objects.create(slug="rosy", name="Rosy", adapter="pricelist", parameters=parameters)

    assert saved(feed).status_code == 302

    assert feed.parameters == parameters


def test_parameters_are_typed_into_fields_and_kept_as_the_adapter_reads_them() -> None:
    feed = a_list()

    answer = saved(
        feed,
        parameter_source="https://lists.example.com/é 💎.csv",
        parameter_columns="Our ref = stock_number\r\n\r\nNonsense =\r\nA = B = price",
        parameter_delimiter=";",
        parameter_price_means="per_carat",
        parameter_labgrown="true",
    )

    assert answer.status_code == 302
    assert feed.parameters == {
        "source": "https://lists.example.com/é 💎.csv",
        "columns": {"Our ref": "stock_number", "Nonsense": "", "A = B": "price"},
        "delimiter": ";",
        "price_means": "per_carat",
        "labgrown": True,
    }
    parameters_of(feed.parameters)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"parameter_source": " "}, "parameter_source"),
        ({"parameter_columns": "Our ref"}, "parameter_columns"),
        ({"parameter_columns": "A = price\nA = cut"}, "parameter_columns"),
        ({"parameter_delimiter": "%"}, "parameter_delimiter"),
        ({"parameter_encoding": "klingon"}, "parameter_encoding"),
        ({"parameter_source": "a\0b"}, "parameter_source"),
        ({"parameter_source": "x" * 3_000}, "parameter_source"),
        ({"parameters": '{"sauce": 1}'}, "parameters"),
        ({"parameters": '{"source": "other.csv"}'}, "parameters"),
        ({"parameters": "[1]"}, "parameters"),
        ({"parameters": "{"}, "parameters"),
        ({"parameter_columns": "Our ref = nonsense"}, "parameters"),
        ({"full_schedule": "often"}, "full_schedule"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_saved(typed: dict[str, str], field: str) -> None:
    feed = a_list(labgrown=True)

    answer = saved(feed, **typed)

    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert feed.parameters == {"source": "list.csv", "labgrown": True}


def test_a_parameter_that_no_adapter_of_this_release_knows_is_shown_as_json_and_refused_when_saved() -> None:
    feed = a_list(of_another_release=7)

    answer = saved(feed, name="Rosier")

    (fault,) = answer.context["adminform"].form.errors["parameters"]
    assert "of_another_release" in fault


def test_a_changed_parameter_is_audited_with_the_person() -> None:
    feed = a_list()

    saved(feed, parameter_labgrown="true")

    with connection.cursor() as cursor:
        cursor.execute("SELECT pgh_who, pgh_before -> 'parameters' FROM ingest_feedevent WHERE pgh_label = 'changed'")
        ((who, before),) = cursor.fetchall()
    assert who == "olga"
    assert "list.csv" in before


def test_who_may_only_look_has_no_fields_of_parameters() -> None:
    feed = a_list()

    page = signed_in("view_feed").get(page_of(feed)).content.decode()

    assert 'name="parameter_' not in page
    assert "list.csv" in page


def test_saving_a_feed_writes_only_what_was_changed() -> None:
    feed = rows.feed()
    browser = signed_in(superuser=True)
    url = reverse("admin:ingest_feed_change", args=[feed.pk])
    form = browser.get(url).context["adminform"].form
    posted = {name: form[name].value() or "" for name in form.fields} | {"name": "Nivoda, mined", "enabled": "on"}
    Feed.objects.filter(pk=feed.pk).update(watermark=rows.AT)

    response = browser.post(url, posted)

    assert response.status_code == 302
    feed.refresh_from_db()
    assert (feed.name, feed.watermark) == ("Nivoda, mined", rows.AT)


@pytest.mark.parametrize(
    ("field", "value"), [("delist_brake", "1.5"), ("error_budget", "nan"), ("parameters", "[1]"), ("parameters", "{")]
)
def test_wrong_settings_of_a_feed_are_shown_at_their_field(field: str, value: str) -> None:
    feed = rows.feed()
    browser = signed_in(superuser=True)
    url = reverse("admin:ingest_feed_change", args=[feed.pk])
    form = browser.get(url).context["adminform"].form

    response = browser.post(url, {name: form[name].value() or "" for name in form.fields} | {field: value})

    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors


# --- schedules ---------------------------------------------------------------------------------------------------------


def test_a_schedule_is_said_in_words_with_its_next_five_times_while_it_is_typed() -> None:
    browser = signed_in("view_feed")

    for name in ("full_schedule", "incremental_schedule"):
        said = browser.get(SCHEDULE, {name: "30 2 * * *"}, headers={"HX-Request": "true"}).content.decode()

        assert "Every day at 02:30 UTC" in said
        assert said.count("02:30 UTC</li>") == 5


@pytest.mark.parametrize("typed", ["0 25 * * *", "often", "0 0 30 feb *", "* " * 60, "\0", "<b>"])
def test_a_schedule_that_is_none_is_said_so_without_an_error(typed: str) -> None:
    said = signed_in("view_feed").get(SCHEDULE, {"full_schedule": typed})

    assert said.status_code == 200
    assert "dh-error" in said.content.decode()
    assert "<b>" not in said.content.decode()


def test_an_empty_schedule_never_comes_by_itself() -> None:
    assert "Never by itself" in signed_in("view_feed").get(SCHEDULE, {"full_schedule": ""}).content.decode()


def test_words_of_a_schedule_are_for_whom_may_see_feeds_and_change_nothing() -> None:
    url = f"{SCHEDULE}?full_schedule=0 2 * * *"

    assert signed_in("view_run").get(url).status_code == 403
    assert Client().get(url, headers={"HX-Request": "true"}).status_code == 204


def test_the_form_shows_what_the_schedules_mean_and_presets_without_javascript() -> None:
    feed = a_list()
    Feed.objects.filter(pk=feed.pk).update(full_schedule="30 2 * * mon-fri")

    page = signed_in("view_feed", "change_feed").get(page_of(feed)).content.decode()

    assert "Every Monday to Friday at 02:30 UTC" in page
    assert "every 15 minutes" in page


# --- a new feed --------------------------------------------------------------------------------------------------------


def created(browser: Client, adapter: str = "pricelist", **typed: Any) -> Any:
    labgrown = "" if adapter == "pricelist" else "false"
    form = {"slug": "rosy", "parameter_source": "list.csv", "parameter_labgrown": labgrown, "reason": "a new supplier"}
    return browser.post(f"{ADD}?adapter={adapter}", {**form, **typed})


def test_first_the_adapter_is_chosen() -> None:
    page = signed_in("add_feed").get(ADD).content.decode()

    assert all(f"?adapter={name}" in page for name in registry.ADAPTERS)


def test_a_feed_whose_list_is_there_is_created_for_a_reason(folder: Path) -> None:
    (folder / "list.csv").write_text("Stock #,Price\nA-1,500\n")

    answer = created(signed_in("add_feed", "view_feed"), name="Rosy Blue")

    feed = Feed.objects.get(slug="rosy")
    assert answer["Location"] == page_of(feed)
    assert (feed.name, feed.adapter, feed.parameters) == ("Rosy Blue", "pricelist", {"source": "list.csv"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgh_who, pgh_reason FROM ingest_feedevent WHERE slug = 'rosy'")
        assert cursor.fetchall() == [("olga", "a new supplier")]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({}, "there is no price list"),
        ({"slug": "not a slug"}, "slug"),
        ({"slug": "nivoda-natural"}, "There is a feed nivoda-natural already"),
        ({"slug": ""}, "required"),
        ({"reason": " "}, "required"),
        ({"parameter_source": ""}, "required"),
        ({"parameter_columns": "Ref = nonsense"}, "cannot mean"),
        ({"parameter_source": "../../etc/passwd"}, "is not below"),
        ({"secret_password": "hush-hush-hush", "slug": "\0"}, "Null characters"),
    ],
)
def test_a_feed_that_would_fail_is_not_created_and_says_why(folder: Path, typed: dict[str, str], says: str) -> None:
    answer = created(signed_in("add_feed"), **typed)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert says in page
    assert "hush-hush-hush" not in page
    assert not Feed.objects.filter(slug="rosy").exists()


def test_an_adapter_that_there_is_not_leads_to_the_choice() -> None:
    browser = signed_in("add_feed")

    assert "?adapter=nivoda" in browser.get(f"{ADD}?adapter=klingon").content.decode()
    assert "?adapter=nivoda" in browser.post(f"{ADD}?adapter=klingon", {"slug": "rosy"}).content.decode()


def test_who_may_not_add_feeds_is_refused() -> None:
    browser = signed_in("view_feed", "change_feed")

    assert browser.get(ADD).status_code == 403
    assert created(browser).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_feed_with_an_account_of_its_own_is_created_with_its_password_sealed(settings: Any) -> None:
    with factories.sandbox_feed(Options(stones=20, username="theirs", password="correct horse battery")) as (
        sandbox,
        _,
    ):
        settings.NIVODA_ENDPOINTS = [sandbox.url]
        browser = signed_in("add_feed", "view_feed")
        typed = {"parameter_username": "theirs", "parameter_endpoint": sandbox.url, "parameter_aliased_counts": "on"}

        refused = created(browser, "nivoda", **typed, secret_password="wrong horse")
        there = Feed.objects.filter(slug="rosy").exists()
        answer = created(browser, "nivoda", **typed, secret_password="correct horse battery")

    assert "refuses" in refused.content.decode()
    assert "wrong horse" not in refused.content.decode()
    assert there is False
    assert answer.status_code == 302
    secret = FeedSecret.objects.get(feed__slug="rosy")
    assert secret.name == "password"
    assert b"correct horse" not in bytes(secret.sealed)
    assert Feed.objects.get(slug="rosy").parameters == {
        "labgrown": False,
        "username": "theirs",
        "endpoint": sandbox.url,
    }


@pytest.mark.django_db(transaction=True)
def test_a_supplier_that_throttles_is_told_and_no_feed_is_made() -> None:
    with factories.sandbox_feed(Options(stones=20)) as (sandbox, _):
        sandbox.supplier.set_faults(Settings(http_429=1.0))

        answer = created(signed_in("add_feed"), "nivoda", parameter_aliased_counts="on")

    assert "asked too often" in answer.content.decode()
    assert not Feed.objects.filter(slug="rosy").exists()
