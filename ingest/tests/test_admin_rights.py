"""Every address of the admin, found by walking the table of addresses: who may not use it gets 403, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone
from psycopg import sql

from catalog.client_views.tests.a_view import a_view
from catalog.exports import jobs
from catalog.models import Diamond
from catalog.tests.factories import committed
from diamondhub.access.clients import create_client
from diamondhub.access.people import SignIn
from diamondhub.alerts.models import Channel, ChannelState, Delivery, Event
from diamondhub.alerts.models import Rule as AlertRule
from diamondhub.operations.doctor import examining
from diamondhub.operations.models import Job, Worker
from diamondhub.operations.problems import tracking
from diamondhub.telemetry.models import Heartbeat
from diamondhub.webhooks import subscriptions
from ingest.models import ConsolidationBatch, Pause
from ingest.tests import rows
from pricing import reprice
from pricing.models import Clause, Experiment, Rule, RuleSet

pytestmark = pytest.mark.django_db

#: Names of addresses that are everybody's who is staff: the start page, one's own password, and the way out.
EVERYBODYS = {
    *("index", "home_now", "home_slow", "login", "logout"),
    *("password_change", "password_change_done", "jsi18n", "search"),
}
#: What an address's name ends with that only shows, and so is theirs who may look.
SHOWING = (
    "_changelist",
    "_history",
    "_change",
    "_csv",
    "_live",
    "_explanation",
    "_raw_payload",
    "_spread",
    "_simulate",
    "pricechange_export",
    "ruleset_export",
    "_price_of",
    "_requests",
    "_causes",
)
#: What changes nothing but what is the viewer's own.
OWN = {"catalog_diamond_save_view", "catalog_diamond_remove_view"}
#: Addresses that lead elsewhere, or say that there is nothing.
LEADING = {
    "",
    "view_on_site",
    "app_list",
    "autocomplete",
    "operations_run_book",
    "ingest_run_stones",
    "ingest_run_drift",
}
#: What stands for arguments that are no numbers of rows.
WORDS = {"kind": "full", "direction": "up", "of": "letter", "app_label": "ingest", "url": "nothing/"}
#: What a form might send to act: every word that some button or list reads.
SENT = {
    "reason": "because",
    "post": "yes",
    "confirm": "yes",
    "action": "delete_selected",
    "index": "0",
    "_save": "Save",
    "username": "eve",
    "password1": "a long enough one",
    "password2": "a long enough one",
    "is_superuser": "on",
    "is_staff": "on",
    "active": "on",
    "name": "x",
    "scopes": "pricing:publish",
}


def one_of_each() -> None:
    """A row of everything that an address can name."""
    run = rows.run()
    rows.partition(run, state="failed", due_at=None)
    rows.dead_letter(run)
    stone = rows.diamond()
    ConsolidationBatch.objects.create(
        run=run, ordinal=0, stone_from="00000000-0000-0000-0000-000000000000", raw_through=1, due_at=rows.AT
    )
    event = Event.objects.create(dedupe_key="k", kind="run_completed", severity="warning", subject="x", details={})
    Delivery.objects.create(event=event, channel="log", state="dead")
    Channel.objects.create(name="duty", kind="email", addresses=["duty@example.com"])
    ChannelState.objects.create(name="duty")
    AlertRule.objects.create(name="all", channel="duty")
    Heartbeat.beat("sweep")
    examining.keep([], started_by="eve")
    Job.objects.create(kind="invariants", asked_by="eve", due_at=rows.AT)
    Worker.objects.create(program="web", place="x", host="h", pid=1, version="v", started_at=rows.AT, seen_at=rows.AT)
    Pause.objects.create(what="feed", name="x", reason="x", paused_by="eve", paused_at=rows.AT, until=timezone.now())
    tracking.occurred("worker-gone", "worker:1", subject="x")
    tracking.occurred("feed-stale", "feed:nivoda-natural", subject="It is old")
    committed()
    Group.objects.create(name="buyers")
    shop = create_client("shop", scopes=["catalog:read"]).key.client
    a_view(shop, currency="EUR", rate="0.92")
    jobs.start(shop, format="csv", gzip=False, fields=["id"], asked={})
    subscriptions.create(shop, url="https://shop.example.com/", events=["catalog.changed"])
    SignIn.objects.create(name="eve", address="10.0.0.1", outcome="refused", known_browser=False)
    User.objects.create_superuser("root", password="the password of root")
    draft = RuleSet.objects.create(version=99, margin_natural=40, margin_lab_grown=79, margin_fancy=40)
    rule = Rule.objects.create(rule_set=draft, number=1, priority=10, name="Ovals")
    Clause.objects.create(rule=rule)
    Experiment.objects.create(slug="spring", rule_set=draft, share=10, salt="x")
    reprice.start(cause="repricing", actor="eve")
    # A trigger keeps the history of prices.
    Diamond.objects.filter(pk=stone.pk).update(price_cents=stone.price_cents + 1)


def patterns(found: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in found:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern.url_patterns, text)
        else:
            yield text, pattern


def row_for(argument: str, name: str) -> Any:
    """The number of a row that an argument of the address of this name can mean."""
    words = name.split("_")
    named = argument.removesuffix("_id").replace("_", "")
    wanted = {"object": words[1] if len(words) > 1 else "", "id": words[1] if len(words) > 1 else "", "key": "apikey"}
    model_name = wanted.get(named, named)
    models: list[type[Model]] = [model for model in apps.get_models() if model._meta.model_name == model_name]
    in_app = [model for model in models if model._meta.app_label == words[0]] or models
    row = in_app[0]._default_manager.order_by("pk").last() if in_app else None
    return row.pk if row is not None else 1


def addresses() -> list[tuple[str, str]]:
    """Every address below the admin's with its name."""
    made = []
    for text, pattern in patterns(get_resolver().url_patterns):
        if not text.startswith("admin/"):
            continue
        name = pattern.name or ""
        # An address without a name leads from a row to its page.
        for argument, converter in pattern.pattern.converters.items():
            value = WORDS.get(argument) or row_for(argument, name or text.replace("/", "_").removeprefix("admin_"))
            kind = type(converter).__name__.removesuffix("Converter").lower()
            written = {"int": "int:", "path": "path:", "slug": "slug:", "uuid": "uuid:", "str": "str:"}.get(kind, "")
            for form in (f"<{written}{argument}>", f"<str:{argument}>", f"<{argument}>"):
                text = text.replace(form, str(value))
        if "(?P" in text:
            text = "admin/ingest/" if name == "app_list" else "admin/nothing"
        made.append((f"/{text}", name))
    return made


def fingerprint() -> dict[str, Any]:
    """What every table holds, but for sessions, and parts of pages that are kept for who comes next."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND pg_relation_size(oid) > 0"
        )
        left_out = {"django_session", "access_signin", "operations_snapshot"}
        names = [name for (name,) in cursor.fetchall() if name not in left_out]
        held = {}
        for name in names:
            cursor.execute(
                sql.SQL("SELECT count(*), md5(string_agg(row::text, '' ORDER BY row::text)) FROM {} AS row").format(
                    sql.Identifier(name)
                )
            )
            held[name] = cursor.fetchone()
    return held


def signed_in(*permissions: Any) -> Client:
    person = User.objects.create_user("olga", is_staff=True, password="a long enough one")
    person.user_permissions.set(permissions)
    browser = Client(raise_request_exception=False)
    browser.force_login(person)
    return browser


def walked(browser: Client, skipped: set[str]) -> Iterator[tuple[str, str, str, int]]:
    """Address, name, method and status of every request but those to addresses of these names."""
    for address, name in addresses():
        if name in skipped or address == "/admin/login/":
            continue
        for method in ("get", "post"):
            answer = getattr(browser, method)(address, SENT if method == "post" else {})
            yield address, name, method, answer.status_code


def test_the_walk_finds_every_kind_of_address() -> None:
    one_of_each()

    found = addresses()

    assert len(found) > 120
    assert all("<" not in address and "(" not in address for address, _ in found)
    assert {"ingest_run_cancel", "pricing_ruleset_publish", "auth_user_password_change"} <= {name for _, name in found}


def test_staff_without_any_right_get_403_everywhere_and_change_nothing() -> None:
    one_of_each()
    browser = signed_in()
    before = fingerprint()

    wrong = [
        visit
        for visit in walked(browser, EVERYBODYS)
        if visit[3] not in ((301, 302, 400, 403, 404, 405) if visit[1] in LEADING else (403, 405))
    ]

    assert wrong == []
    assert fingerprint() == before


def test_staff_who_may_only_look_get_403_from_what_acts_and_change_nothing() -> None:
    one_of_each()
    browser = signed_in(*Permission.objects.filter(codename__startswith="view_"))
    before = fingerprint()
    wrong = []

    for visit in walked(browser, EVERYBODYS | OWN):
        _, name, method, status = visit
        if name in LEADING:
            allowed: tuple[int, ...] = (200, 301, 302, 400, 403, 404, 405)
        elif not name.endswith(SHOWING):
            allowed = (403, 405)
        elif method == "get":
            # The password's address ends as that of a page that shows.
            allowed = (403,) if name == "auth_user_password_change" else (200, 403, 405)
        else:
            # What has no form shows itself whatever it is sent.
            allowed = (403, 405) if name.endswith("_change") else (200, 302, 403, 405)
        if status not in allowed:
            wrong.append(visit)

    assert wrong == []
    assert fingerprint() == before


def test_nobody_gets_further_than_the_door() -> None:
    one_of_each()
    browser = Client(raise_request_exception=False)
    before = fingerprint()

    answers = {(name, status) for _, name, _, status in walked(browser, {"login", "logout", "jsi18n"})}

    assert {status for _, status in answers} <= {302, 403}
    assert fingerprint() == before
