"""Events: whatever changes an audited table makes one, nobody changes or removes one, and none holds a secret."""

from __future__ import annotations

from typing import Any

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.audit import tracking

pytestmark = pytest.mark.django_db

CLIENTS: Any = tracking.AUDITED["access.apiclient"].events.objects
KEYS: Any = tracking.AUDITED["access.apikey"].events.objects


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters) or None)


def issued(name: str = "shop") -> IssuedKey:
    return create_client(name, scopes=["catalog:read"])


def test_a_new_row_is_an_event_with_all_its_values() -> None:
    client = issued().key.client

    event = CLIENTS.get()
    assert (event.pgh_label, event.pgh_obj_id, event.pgh_before) == ("created", client.pk, None)
    assert (event.name, event.active, event.scopes) == ("shop", True, ["catalog:read"])


@pytest.mark.parametrize("how", ["save", "bulk update", "sql"])
def test_a_change_is_an_event_with_what_was_there_before(how: str) -> None:
    client = issued().key.client

    if how == "save":
        client.active = False
        client.save()
    elif how == "bulk update":
        ApiClient.objects.update(active=False)
    else:
        sql("UPDATE access_apiclient SET active = false")

    event = CLIENTS.get(pgh_label="changed")
    assert (event.active, event.pgh_before, event.name) == (False, {"active": True}, "shop")


@pytest.mark.parametrize("how", ["delete", "sql"])
def test_a_deletion_is_an_event_with_what_there_was(how: str) -> None:
    client = issued().key.client
    pk = client.pk

    if how == "delete":
        client.delete()
    else:
        sql("DELETE FROM access_apikey")
        sql("DELETE FROM access_apiclient")

    event = CLIENTS.get(pgh_label="deleted")
    assert (event.pgh_obj_id, event.name) == (pk, "shop")
    assert KEYS.filter(pgh_label="deleted").count() == 1


def test_each_row_of_a_bulk_statement_has_its_event() -> None:
    for name in ("one", "two", "three"):
        issued(name)

    sql("UPDATE access_apiclient SET name = upper(name) WHERE name <> 'two'")

    changed = CLIENTS.filter(pgh_label="changed").order_by("name")
    assert [(event.pgh_before["name"], event.name) for event in changed] == [("one", "ONE"), ("three", "THREE")]


def test_what_is_written_by_sql_has_the_databases_user() -> None:
    issued()

    sql("UPDATE access_apiclient SET active = false")

    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        row = cursor.fetchone()
    assert row is not None
    assert CLIENTS.get(pgh_label="changed").pgh_who == f"{row[0]} (SQL)"


def test_what_changes_nothing_and_the_use_of_a_key_are_no_events() -> None:
    issued()

    ApiClient.objects.update(active=True)
    ApiKey.objects.update(last_used_at=Now())

    assert not CLIENTS.filter(pgh_label="changed").exists()
    assert not KEYS.filter(pgh_label="changed").exists()


def test_a_revoked_key_is_an_event() -> None:
    key = issued().key

    ApiKey.objects.update(revoked_at=Now())

    event = KEYS.get(pgh_label="changed")
    assert (event.pgh_before, event.key_id) == ({"revoked_at": None}, key.key_id)
    assert event.revoked_at is not None


def test_no_setting_of_a_session_switches_the_events_off() -> None:
    issued()

    with pgtrigger.ignore("access.ApiClient:audit_changed"):
        ApiClient.objects.update(active=False)

    assert CLIENTS.filter(pgh_label="changed").count() == 1


def test_nothing_of_a_key_but_its_id_is_in_any_event() -> None:
    made = issued()
    ApiKey.objects.update(revoked_at=Now())
    ApiKey.objects.all().delete()
    secret = made.text.split("_")[2]

    everything = ""
    for audited in tracking.AUDITED.values():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT row_to_json(e)::text FROM {audited.events._meta.db_table} AS e")
            everything += "\n".join(row[0] for row in cursor.fetchall())

    assert made.key.key_id in everything
    for hidden in (made.text, secret, secret[:43], bytes(made.key.secret_hash).hex(), "secret_hash"):
        assert hidden not in everything


TABLES = [audited.events._meta.db_table for audited in tracking.AUDITED.values()]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE {table} SET pgh_who = 'somebody else'",
        "UPDATE {table} SET pgh_who = 'somebody else' WHERE false",
        "DELETE FROM {table}",
        "DELETE FROM {table} WHERE false",
        "TRUNCATE {table}",
        "TRUNCATE {table} CASCADE",
    ],
)
def test_the_database_refuses_to_alter_events(table: str, attempt: str) -> None:
    with pytest.raises(DatabaseError, match="the audit would lose what happened"), transaction.atomic():
        sql(attempt.format(table=table))


def test_the_orm_cannot_alter_events_either() -> None:
    issued()
    event = CLIENTS.get()

    attempts: list[Any] = [event.delete, event.save, lambda: CLIENTS.update(name="x"), lambda: CLIENTS.all().delete()]
    for attempt in attempts:
        with pytest.raises(DatabaseError, match="the audit would lose what happened"), transaction.atomic():
            attempt()

    assert CLIENTS.get().name == "shop"


@pytest.mark.parametrize("table", ["access_apiclient", "access_apikey", "pricing_experiment", "ingest_feed"])
def test_an_audited_table_cannot_be_emptied_unseen(table: str) -> None:
    with pytest.raises(DatabaseError, match="the audit would lose what happened"), transaction.atomic():
        sql(f"TRUNCATE {table} CASCADE")
