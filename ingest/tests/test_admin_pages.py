"""Every page of the admin: it answers with data, costs the same however many rows there are, and escapes suppliers' text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from catalog.tests.factories import committed
from diamondhub.alerts.models import Delivery, Event
from diamondhub.operations import away, snapshots
from diamondhub.telemetry.models import Heartbeat
from ingest import raw_store
from ingest.models import ConsolidationBatch, Page, Run
from ingest.report import report
from ingest.tests import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_banner_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages of a process share what it says for some seconds, so which of them asks for it hangs on the time."""
    monkeypatch.setattr(away, "_looks", [])


NASTY = "<script>alert('x')</script>"


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    return browser


def event(number: int = 0, **fields: Any) -> Event:
    made = Event.objects.create(
        **{
            "dedupe_key": f"k{number}",
            "kind": "run_completed",
            "severity": "warning",
            "subject": f"Run {number} completed",
            "details": {"run": number, "note": NASTY},
            **fields,
        }
    )
    Delivery.objects.create(event=made, channel="log", state="delivered")
    Delivery.objects.create(event=made, channel="email", state="pending", due_at=rows.AT, last_error=NASTY)
    return made


def page(partition: Any, offset: int = 0) -> Page:
    return Page.objects.create(
        run_id=partition.run_id,
        partition=partition,
        offset=offset,
        received=50,
        stored=50,
        unchanged=0,
        repeats=0,
        dead=0,
        stone_ids=[],
        observed_at=rows.AT,
        elapsed_ms=300,
        created_at=rows.AT,
    )


def batch(run: Run, ordinal: int = 0) -> ConsolidationBatch:
    return ConsolidationBatch.objects.create(
        run=run, ordinal=ordinal, stone_from="00000000-0000-0000-0000-000000000000", raw_through=1, due_at=rows.AT
    )


def completed(number: int = 0) -> Run:
    run = rows.run(state="completed", finished_at=rows.AT + timedelta(hours=number))
    page(rows.partition(run, state="completed", due_at=None))
    Run.objects.filter(pk=run.pk).update(summary=report(run))
    return run


def one_of_each() -> None:
    live = rows.run()
    page(rows.partition(live))
    rows.partition(live, state="failed", failure=NASTY, due_at=None)
    rows.partition(live, kind="confirm", ordinal=0, stone_ids=["S-1"], expected=1)
    batch(live)
    completed()
    rows.dead_letter(live)
    rows.diamond()
    event()
    Heartbeat.beat("sweep")
    committed()
    Group.objects.create(name="buyers")


def addresses() -> list[str]:
    """Every list and the page of one row of every model that the admin knows, and the other pages."""
    found = [reverse("admin:index"), reverse("admin:ingest_run_all_live")]
    for model, model_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        try:
            found.append(reverse(f"{name}_changelist"))
        except NoReverseMatch:
            continue
        found += [reverse(f"{name}_change", args=[row.pk]) for row in model_admin.model._default_manager.all()[:3]]
    found += [reverse("admin:ingest_run_live", args=[run.pk]) for run in Run.objects.all()]
    return found


def test_every_list_and_every_page_answers_and_loads_nothing_from_outside(browser: Client) -> None:
    one_of_each()

    for address in addresses():
        response = browser.get(address)

        assert response.status_code == 200, address
        html = response.content.decode()
        assert re.findall(r"""(?:src|href|action|hx-get)=["']?((?:https?:)?//[^"' >]+)""", html) == [], address


def test_who_may_nothing_is_refused_everywhere_but_at_the_start_page() -> None:
    one_of_each()
    browser = Client()
    browser.force_login(User.objects.create_user("nobody", is_staff=True))

    answers = {address: browser.get(address).status_code for address in addresses()}

    assert {address for address, status in answers.items() if status != 403} == {reverse("admin:index")}
    assert "Live runs" not in browser.get(reverse("admin:index")).content.decode()


def test_who_is_not_signed_in_is_sent_to_the_door() -> None:
    one_of_each()

    for address in addresses():
        response = Client().get(address)

        assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, "/admin/login/"), address


def test_who_may_look_at_runs_sees_them_on_the_start_page() -> None:
    run = rows.run()
    person = User.objects.create_user("looker", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="view_run"))
    browser = Client()
    browser.force_login(person)

    html = browser.get(reverse("admin:index")).content.decode()

    assert f"Run {run.pk}" in html
    assert "open dead letters" not in html


def queries(browser: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert browser.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    ("name", "add"),
    [
        ("ingest_run", lambda number: completed(number)),
        ("ingest_partition", lambda number: rows.partition(Run.objects.get(state="ingesting"), ordinal=number)),
        ("ingest_consolidationbatch", lambda number: batch(Run.objects.get(state="ingesting"), number)),
        ("ingest_deadletter", lambda number: rows.dead_letter(completed(number), fingerprint=f"{number:032}")),
        ("catalog_diamond", lambda number: rows.diamond(f"S-{number}")),
        ("alerts_event", lambda number: event(number)),
    ],
)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    browser: Client, name: str, add: Callable[[int], object]
) -> None:
    one_of_each()
    address = reverse(f"admin:{name}_changelist")
    for number in range(101, 103):
        add(number)
    queries(browser, address)
    few = queries(browser, address)
    for number in range(103, 120):
        add(number)

    many = queries(browser, address)

    assert few == many
    assert many < 25


@pytest.mark.parametrize("which", ["page", "start page"])
def test_a_runs_page_and_the_start_page_take_as_many_queries_for_many_rows_as_for_few(
    browser: Client, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long this takes, what the first look took is fresh.
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 3_600.0)
    run = rows.run()
    address = reverse("admin:index") if which == "start page" else reverse("admin:ingest_run_change", args=[run.pk])
    page(rows.partition(run))
    queries(browser, address)
    few = queries(browser, address)
    for number in range(30):
        page(rows.partition(run), number)
        rows.dead_letter(run)

    many = queries(browser, address)

    assert few == many
    assert many < 30


def test_suppliers_text_is_escaped_on_every_page(browser: Client) -> None:
    one_of_each()
    run = rows.run(state="failed", failure=NASTY, suspect=NASTY, reason=NASTY, started_by=NASTY)
    run.events.create(from_state="ingesting", to_state="failed", actor=NASTY, reason=NASTY, at=rows.AT)
    rows.dead_letter(run, supplier_stone_id=NASTY, field=NASTY, reason=NASTY, payload=f'{{"a": "{NASTY}"}}')
    rows.dead_letter(run, supplier_stone_id=NASTY, payload=NASTY, kind="page")
    rows.diamond("N-1", shape=NASTY[:40], lab=NASTY, girdle=NASTY, supplier_name=NASTY, images=[NASTY])

    for address in addresses():
        html = browser.get(address).content.decode()

        assert "<script>alert" not in html, address


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "JaVaScRiPt:alert(1)", "http://[", "//x"]
)
def test_an_address_that_is_not_of_the_web_is_never_a_link(browser: Client, address: str) -> None:
    stone = rows.diamond(certificate_url=address, image_url=address, video_url=address, images=[address])

    html = browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()

    assert f'href="{address}' not in html
    assert f'src="{address}' not in html


def test_a_diamonds_picture_is_shown_without_telling_the_supplier_where(browser: Client) -> None:
    stone = rows.diamond(image_url="https://images.example.com/1.jpg")

    html = browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()

    assert 'src="https://images.example.com/1.jpg"' in html
    assert 'referrerpolicy="no-referrer"' in html


def test_the_raw_payload_is_shown_word_for_word_but_indented(browser: Client) -> None:
    raw_store.make_days_ahead()
    run = rows.run()
    stone = rows.diamond()
    payload = b'{"price":1234.5000,"b":1,"a":{"x":[1e3,true]},"b":2}'
    raw_store.store(run.pk, 1, rows.AT, [raw_store.Received(stone.pk, "S-1", payload, raw_store.payload_hash(payload))])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_diamond SET raw_id = (SELECT max(id) FROM ingest_rawdiamond)")

    html = browser.get(reverse("admin:ingest_raw_payload", args=[stone.pk])).content.decode()

    shown = re.sub(r"\s", "", html.partition('<pre class="dh-code">')[2].partition("</pre>")[0]).replace("&quot;", '"')
    assert shown == payload.decode()


def test_a_payload_that_is_no_longer_kept_is_said_to_be(browser: Client) -> None:
    stone = rows.diamond(raw_id=999_999)

    html = browser.get(reverse("admin:ingest_raw_payload", args=[stone.pk])).content.decode()

    assert "no longer kept" in html


def test_the_live_part_asks_for_a_reload_when_the_state_changed(browser: Client) -> None:
    run = rows.run(state="consolidating")
    address = reverse("admin:ingest_run_live", args=[run.pk])

    same = browser.get(address, {"state": "consolidating"})
    moved = browser.get(address, {"state": "ingesting"})

    assert "hx-get" in same.content.decode()
    assert "HX-Refresh" not in same.headers
    assert moved.headers["HX-Refresh"] == "true"


def test_a_run_that_is_over_is_not_polled(browser: Client) -> None:
    run = completed()

    html = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()

    assert "every 2s" not in html


def test_open_letters_are_grouped_by_cause_and_lead_to_their_list(browser: Client) -> None:
    run = rows.run()
    for _ in range(3):
        rows.dead_letter(run, fingerprint="a" * 32, reason="the shape is missing")
    rows.dead_letter(run, fingerprint="b" * 32)
    rows.dead_letter(run, fingerprint="c" * 32, state="replayed")

    response = browser.get(reverse("admin:ingest_deadletter_changelist"))

    causes = response.context["causes"]
    assert [(cause["letters"], cause["letter"].fingerprint[0]) for cause in causes] == [(3, "a"), (1, "b")]
    same = browser.get(causes[0]["url"])
    assert len(same.context["cl"].result_list) == 3


@pytest.mark.parametrize(
    "query",
    ["?o=1.-2", "?p=9999999999999", "?p=x", "?q=%00", "?q=99999999999999999999", "?state__exact=nope", "?run=x"],
)
def test_an_odd_address_is_no_server_error(browser: Client, query: str) -> None:
    one_of_each()

    for name in ("ingest_partition", "ingest_deadletter", "ingest_run"):
        response = browser.get(reverse(f"admin:{name}_changelist") + query, follow=True)

        assert response.status_code in (200, 400), (name, query)


@pytest.mark.parametrize(
    "query", ["reason__icontains=x", "payload__contains=x", "fingerprint__gt=a", "run__feed__slug=x"]
)
def test_a_filter_that_would_read_the_table_is_refused(browser: Client, query: str) -> None:
    response = browser.get(reverse("admin:ingest_deadletter_changelist") + f"?{query}")

    assert response.status_code == 400


def test_every_filter_of_a_list_filters(browser: Client) -> None:
    one_of_each()
    feed = rows.feed()
    kept = {
        "ingest_deadletter": ["kind__exact=stone", "state__exact=open", f"feed__id__exact={feed.pk}"],
        "ingest_run": ["state__exact=ingesting", "kind__exact=full", f"feed__id__exact={feed.pk}"],
        "alerts_event": ["severity__exact=warning", "delivery=pending"],
    }

    for name, queries_of_list in kept.items():
        for query in queries_of_list:
            response = browser.get(reverse(f"admin:{name}_changelist") + f"?{query}")

            assert response.status_code == 200, query
            assert response.context["cl"].result_list, query


def test_every_filter_of_the_explorer_filters(browser: Client) -> None:
    one_of_each()
    kept = ["feed=nivoda-natural", "shape=ROUND", "lab_grown=false", "availability=available"]
    others = ["feed=nivoda-labgrown", "feed=no-such", "shape=OVAL", "lab_grown=true", "availability=sold"]

    for queries, is_kept in ((kept, True), (others, False)):
        for query in queries:
            response = browser.get(reverse("admin:catalog_diamond_changelist") + f"?{query}")

            assert bool(response.context["rows"]) is is_kept, query


def test_a_stale_sweep_is_said_to_be_one(browser: Client) -> None:
    Heartbeat.objects.create(name="sweep", seen_at=timezone.now() - timedelta(hours=2))

    html = browser.get(reverse("admin:index")).content.decode()

    assert re.search(r"2 h \d\d min ago", html)
    assert "no beat or no worker is running" in html


SECRET_SOURCE = "https://user:s3cretpw@lists.example.com/a.csv?token=tok3n"


@pytest.mark.parametrize("permissions", [("view_feed",), ("view_feed", "change_feed")])
def test_who_may_not_change_a_feed_reads_no_secret_of_its_addresses(permissions: tuple[str, ...]) -> None:
    feed = rows.feed()
    feed.parameters = {"source": SECRET_SOURCE, "password": "hush-hush", "more": [{"url": SECRET_SOURCE}]}
    feed.save()
    person = User.objects.create_user("looker", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)

    html = browser.get(reverse("admin:ingest_feed_change", args=[feed.pk])).content.decode()

    assert "lists.example.com/a.csv" in html
    for secret in ("s3cretpw", "tok3n", "hush-hush"):
        assert (secret in html) is ("change_feed" in permissions)
