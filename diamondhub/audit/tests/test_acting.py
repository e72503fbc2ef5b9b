"""Who acts reaches the events: in and out of transactions, by any statement, and nobody's doing becomes another's."""

from __future__ import annotations

from typing import Any

import pytest
from celery import shared_task
from django.db import connection, transaction
from django.test import RequestFactory
from psycopg import sql
from rest_framework.request import Request

from diamondhub.access.authentication import ApiKeyAuthentication
from diamondhub.access.clients import create_client
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.audit.acting import SETTING, acting, known_as
from diamondhub.audit.tracking import AUDITED
from diamondhub.doorbells import answering
from diamondhub.local import commandline

pytestmark = pytest.mark.django_db

EVENTS: Any = AUDITED["access.apiclient"].events.objects


@pytest.fixture
def client() -> ApiClient:
    return ApiClient.objects.create(name="shop", scopes=["catalog:read"])


def rename(name: str) -> None:
    ApiClient.objects.update(name=name)


def who() -> str:
    """Who made the newest event."""
    return str(EVENTS.order_by("-pgh_id")[0].pgh_who)


def told() -> str:
    """What the current session tells the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting(%s, true), '')", [SETTING])
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def test_who_why_and_by_what_means_are_in_the_event(client: ApiClient) -> None:
    with acting("maria", via="POST /admin/", reason=" they left us ", request_id="abc"):
        rename("old shop")

    event = EVENTS.get(pgh_label="changed")
    assert (event.pgh_who, event.pgh_via, event.pgh_reason, event.pgh_request_id) == (
        "maria",
        "POST /admin/",
        "they left us",
        "abc",
    )


def test_an_inner_block_adds_to_the_outer_one(client: ApiClient) -> None:
    with acting("maria", via="POST /admin/", request_id="abc"):
        with acting(reason="spring"):
            rename("a")
        rename("b")

    inner, outer = EVENTS.filter(pgh_label="changed").order_by("pgh_id")
    assert (inner.pgh_who, inner.pgh_reason, inner.pgh_request_id) == ("maria", "spring", "abc")
    assert (outer.pgh_who, outer.pgh_reason, outer.pgh_request_id) == ("maria", "", "abc")


def test_what_follows_in_the_same_transaction_is_not_the_same_persons_doing(client: ApiClient) -> None:
    with transaction.atomic():
        with acting("maria"):
            rename("a")
        rename("b")

    assert who().endswith(" (SQL)")


def test_a_savepoint_that_is_rolled_back_changes_nobody(client: ApiClient) -> None:
    with acting("maria"):
        rename("a")
        with acting("otto"), transaction.atomic():
            rename("b")
            transaction.set_rollback(True)
        rename("c")

    assert list(EVENTS.filter(pgh_label="changed").values_list("pgh_who", flat=True)) == ["maria", "maria"]


@pytest.mark.django_db(transaction=True)
def test_a_single_statement_is_told_and_the_session_keeps_nothing(client: ApiClient) -> None:
    with acting("maria"):
        rename("a")
        kept = told()

    assert who() == "maria"
    assert kept == ""


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_told_and_the_session_keeps_nothing(client: ApiClient) -> None:
    with acting("maria"):
        with transaction.atomic():
            rename("a")
        kept = told()

    assert who() == "maria"
    assert kept == ""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_apiclient SET name = 'a 10% shop'",
        "  /* a comment; with SELECT in it */ -- and another\n update access_apiclient set name = 'x'",
        "WITH one AS (SELECT 'x' AS name) UPDATE access_apiclient SET name = one.name FROM one RETURNING 1",
        b"UPDATE access_apiclient SET name = 'x'",
        sql.SQL("UPDATE {} SET name = {}").format(sql.Identifier("access_apiclient"), sql.Literal("x")),
    ],
)
def test_any_kind_of_statement_is_told(client: ApiClient, statement: Any) -> None:
    with acting("maria"), connection.cursor() as cursor:
        cursor.execute(statement)

    assert who() == "maria"


def test_statements_with_parameters_return_what_they_returned(client: ApiClient) -> None:
    with acting("maria"), connection.cursor() as cursor:
        cursor.execute("UPDATE access_apiclient SET name = %(name)s RETURNING name", {"name": "50% off"})
        returned = cursor.fetchall()
        count = cursor.rowcount
        cursor.executemany("UPDATE access_apiclient SET name = %s", [("a",), ("b",)])

    assert (returned, count) == ([("50% off",)], 1)
    assert list(EVENTS.filter(pgh_label="changed").values_list("pgh_who", flat=True)) == ["maria"] * 3


def test_statements_that_write_no_audited_table_are_left_alone(client: ApiClient) -> None:
    with acting("maria"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_apiclient")
        cursor.execute("UPDATE telemetry_heartbeat SET name = name")

    assert told() == ""


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 5000, "'); DROP TABLE access_apiclient; --", '50 % {} \\ "'])
def test_no_text_keeps_an_event_from_being_written(client: ApiClient, text: str) -> None:
    with acting(text, via=text, reason=text, request_id=text):
        rename("a")

    assert EVENTS.filter(pgh_label="changed").count() == 1


def test_a_client_of_the_api_is_known_once_its_key_is_checked() -> None:
    issued = create_client("webshop", scopes=["catalog:read"])
    request = RequestFactory().get("/", headers={"X-API-Key": issued.text})
    request.visit = Visit(request, key=issued.key)  # type: ignore[attr-defined]

    with acting("nobody signed in", via="PUT /api/", request_id="abc"):
        ApiKeyAuthentication().authenticate(Request(request))
        rename("new name")

    event = EVENTS.get(pgh_label="changed")
    assert (event.pgh_who, event.pgh_via) == ("webshop (API client)", "PUT /api/")


def test_who_is_known_late_is_known_to_the_end_of_the_block_only(client: ApiClient) -> None:
    with acting("nobody signed in"):
        known_as("maria")
    with acting(via="later"):
        rename("a")

    assert who() != "maria"


@shared_task(name="diamondhub.audit.tests.rename")
def renaming(name: str) -> None:
    with answering():
        rename(name)


def test_what_a_task_does_is_the_systems_doing_by_means_of_the_task(client: ApiClient) -> None:
    done = renaming.apply(args=("a",))

    event = EVENTS.get(pgh_label="changed")
    assert (event.pgh_who, event.pgh_via) == ("system", "celery:diamondhub.audit.tests.rename")
    assert event.pgh_request_id == done.id


@pytest.mark.django_db(transaction=True)
def test_a_command_names_itself_and_the_user_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENV", "production")
    monkeypatch.setenv("LOGNAME", "petra")
    monkeypatch.setattr(commandline, "_check_settings_alone", lambda: None)

    commandline.run(["manage.py", "create_api_client", "shop"])

    event = EVENTS.get()
    assert (event.pgh_who, event.pgh_via) == ("petra (command line)", "command create_api_client")
    assert event.pgh_request_id
    assert AUDITED["access.apikey"].events.objects.get().pgh_request_id == event.pgh_request_id
    assert ApiKey.objects.count() == 1
