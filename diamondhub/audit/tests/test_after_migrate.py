"""What `migrate` makes by itself: a model that is audited has its history, its place in the list, and its protection."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pgtrigger.registry
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management.sql import emit_post_migrate_signal
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from diamondhub.access.clients import create_client
from diamondhub.audit import acting, after_migrate, history, tracking
from diamondhub.audit import models as audit_models
from diamondhub.audit.acting import acting as acts
from diamondhub.audit.models import AuditEvent
from diamondhub.tests.patience import HANG_SECONDS

REFUSED = "the audit would lose what happened"


def sql(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def migrated() -> None:
    """What `migrate` does at its end."""
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")


def guards() -> set[tuple[str, str, str]]:
    return {
        (table, name, function)
        for table, name, function in sql(
            "SELECT tgrelid::regclass::text, tgname, tgfoid::regproc::text FROM pg_trigger WHERE tgname ~ '^audit_[kn]'"
        )
    }


# --- a new audited model -----------------------------------------------------------------------------------------------


@pytest.fixture
def parcel() -> Iterator[Any]:
    """A model that is audited by the decorator alone, and the migration that `makemigrations` would write for it."""
    before = MigrationLoader(connection).project_state()

    class Parcel(models.Model):
        name = models.CharField(max_length=20)

        class Meta:
            app_label = "audit"

        def __str__(self) -> str:
            return self.name

    decorated = tracking.audited()(Parcel)
    changes = MigrationAutodetector(before, ProjectState.from_apps(apps)).changes(graph=MigrationLoader(None).graph)
    state = before
    with connection.schema_editor() as editor:
        for migration in changes["audit"]:
            state = migration.apply(state, editor)
    yield decorated
    for name in ("parcel", "parcelevent"):
        del apps.all_models["audit"][name]
    apps.clear_cache()
    del audit_models.ParcelEvent  # type: ignore[attr-defined]  # put there by django-pghistory
    del tracking.AUDITED["audit.parcel"]
    acting._tables.discard("audit_parcel")
    for label in (tracking.CREATED, tracking.CHANGED, tracking.DELETED):
        pgtrigger.registry.delete(f"audit.Parcel:audit_{label}")


@pytest.mark.django_db
def test_a_model_with_the_decorator_has_history_list_and_protection(parcel: Any) -> None:
    migrated()

    with acts("olga", reason="a new parcel"):
        row = parcel.objects.create(name="first")
        parcel.objects.update(name="second")
    browser = Client()
    browser.force_login(User.objects.create_superuser("petra"))
    listed = browser.get(reverse("admin:audit_auditevent_changelist"), {"kind": "audit.parcel"}).content.decode()

    shown = [(event.what, event.who, event.before, event.after["name"]) for event in history.events_of(row)]
    assert shown == [("changed", "olga", {"name": "first"}, "second"), ("created", "olga", None, "first")]
    assert listed.count("a new parcel") == 2
    for refused in (
        "UPDATE audit_parcelevent SET pgh_who = 'nobody'",
        "DELETE FROM audit_parcelevent",
        "TRUNCATE audit_parcelevent",
        "TRUNCATE audit_parcel CASCADE",
    ):
        with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
            sql(refused)


@pytest.mark.django_db
def test_a_table_whose_rows_were_deleted_one_by_one_may_be_emptied(parcel: Any) -> None:
    migrated()
    parcel.objects.create(name="first")
    parcel.objects.all().delete()

    sql("TRUNCATE audit_parcel")

    assert [event.what for event in AuditEvent.objects.filter(kind="audit.parcel").order_by("event_id")] == [
        "created",
        "deleted",
    ]


@pytest.mark.django_db
def test_a_table_of_events_can_be_dropped_by_its_own_migration_and_leaves_the_list(parcel: Any) -> None:
    migrated()
    create_client("shop", scopes=["catalog:read"])

    # As the generated migration does on its way back.
    sql("DROP TABLE audit_parcelevent")
    migrated()

    assert set(AuditEvent.objects.values_list("kind", flat=True)) == {"access.apiclient", "access.apikey"}
    sql("TRUNCATE audit_parcel")


# --- what is there already ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_migrate_that_has_nothing_to_make_only_looks() -> None:
    with CaptureQueriesContext(connection) as captured:
        after_migrate.install("default")

    assert {query["sql"].split()[0] for query in captured} == {"SELECT"}
    assert "pg_advisory" not in str([query["sql"] for query in captured])


@pytest.mark.django_db
def test_a_database_of_before_has_its_view_replaced_and_keeps_what_protects_it() -> None:
    by_hand = importlib.import_module("diamondhub.audit.migrations._by_hand")
    tables = {kind: audited.events._meta.db_table for kind, audited in tracking.AUDITED.items()}
    sql("DROP VIEW audit_event; DROP FUNCTION audit_events()")
    sql(by_hand.view_of(tables, tables))
    sql("DROP TRIGGER audit_not_emptied ON pricing_rule")
    created = create_client("shop", scopes=["catalog:read"]).key.client

    migrated()

    assert AuditEvent.objects.get(kind="access.apiclient").object_id == created.pk
    (view,) = sql("SELECT pg_get_viewdef('audit_event'::regclass)")
    assert "audit_events()" in view[0]
    # Made by a migration, strict; and made after one.
    assert {
        ("access_apiclient", "audit_not_emptied", "audit_refuse"),
        ("pricing_rule", "audit_not_emptied", "audit_refuse_rows"),
    } <= guards()


@pytest.mark.django_db
def test_every_table_of_events_and_every_audited_table_is_protected() -> None:
    there = {(table, name) for table, name, _ in guards()}

    for audited in tracking.AUDITED.values():
        events = audited.events._meta.db_table
        assert {(events, "audit_kept"), (events, "audit_not_emptied")} <= there
        assert (audited.model._meta.db_table, "audit_not_emptied") in there


@pytest.mark.django_db
def test_every_table_of_events_is_in_the_list_of_all_events_and_is_found_by_its_indexes() -> None:
    sql("SET LOCAL enable_seqscan = off")

    everything = str(sql("EXPLAIN SELECT * FROM audit_event"))
    plans = {
        "request": str(sql("EXPLAIN SELECT * FROM audit_event WHERE request_id = 'abc'")),
        "who": str(sql("EXPLAIN SELECT * FROM audit_event WHERE who = 'olga'")),
        "at": str(sql("EXPLAIN SELECT * FROM audit_event ORDER BY at DESC, event_id DESC LIMIT 50")),
    }

    for audited in tracking.AUDITED.values():
        assert f"on {audited.events._meta.db_table} event" in everything
        for column, plan in plans.items():
            assert f"{audited.events._meta.model_name}_{column} " in plan


@pytest.mark.django_db
def test_a_kind_is_found_in_its_own_table_alone() -> None:
    plan = str(sql("EXPLAIN SELECT * FROM audit_event WHERE kind = 'pricing.rule' AND object_id = 7"))

    assert "pricing_ruleevent" in plan
    assert "access_apikeyevent" not in plan


@pytest.mark.django_db(transaction=True)
def test_several_hosts_may_migrate_at_once() -> None:
    sql("DROP VIEW audit_event; DROP FUNCTION audit_events(); DROP TRIGGER audit_kept ON access_apikeyevent")

    gate = Barrier(4)

    def host(_number: int) -> None:
        try:
            gate.wait(timeout=HANG_SECONDS)
            after_migrate.install("default")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as hosts:
        # What any of them raises, the test raises.
        list(hosts.map(host, range(4)))

    assert not AuditEvent.objects.exists()
    assert ("access_apikeyevent", "audit_kept", "audit_refuse") in guards()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_does_not_see_the_rows_may_not_empty_the_table() -> None:
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; TRUNCATE ingest_deadletter CASCADE")
