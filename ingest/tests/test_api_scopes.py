"""Who may do what by REST: each operation of ingestion and the audit opens with its own scope and with no other."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from diamondhub.access.scopes import Scope
from diamondhub.audit import urls as audit_urls
from ingest import urls
from ingest.api.proxy import SupplierProxy
from ingest.models import DeadLetter, Feed, Run
from ingest.tests import rows
from pricing.tests.asking import problem, signed_in

pytestmark = pytest.mark.django_db

#: What each operation needs; a new one is named here before it is served.
NEEDED = {
    "list_feeds": Scope.FEEDS_READ,
    "get_feed": Scope.FEEDS_READ,
    "change_feed": Scope.FEEDS_EDIT,
    "ask_supplier_again": Scope.FEEDS_EDIT,
    "list_slots": Scope.FEEDS_READ,
    "list_runs": Scope.RUNS_READ,
    "start_run": Scope.RUNS_OPERATE,
    "get_run": Scope.RUNS_READ,
    "cancel_run": Scope.RUNS_OPERATE,
    "approve_run": Scope.RUNS_OPERATE,
    "retry_run": Scope.RUNS_OPERATE,
    "list_partitions": Scope.RUNS_READ,
    "get_partition": Scope.RUNS_READ,
    "list_dead_letters": Scope.RUNS_READ,
    "list_dead_letter_causes": Scope.RUNS_READ,
    "get_dead_letter": Scope.RUNS_READ,
    "get_dead_letter_payload": Scope.LETTERS_PAYLOAD,
    "replay_dead_letters": Scope.RUNS_OPERATE,
    "discard_dead_letters": Scope.RUNS_OPERATE,
    "verify_diamonds": Scope.CATALOG_READ,
    "list_audit_events": Scope.AUDIT_READ,
    "get_audit_event": Scope.AUDIT_READ,
}


def operations() -> list[tuple[str, str, URLPattern]]:
    """Name, method and address of every operation."""
    return [
        (getattr(view, method).operation.name, method, pattern)
        for pattern in (*urls.urlpatterns, *audit_urls.urlpatterns)
        if (view := pattern.callback.cls) is not SupplierProxy  # type: ignore[attr-defined]
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view, method)
    ]


def address_of(pattern: URLPattern) -> str:
    """An address of something that there is."""
    run = Run.objects.get()
    values = {
        "<slug:feed>": run.feed.slug,
        "<int:partition>": run.partitions.get().pk,
        "<int:number>": DeadLetter.objects.get().pk if "dead-letters" in str(pattern.pattern) else run.pk,
        "<str:event>": "ingest.run:1",
    }
    address = str(pattern.pattern)
    for place, value in values.items():
        address = address.replace(place, str(value))
    return f"/api/v1/{address}"


def test_every_operation_needs_the_scope_that_is_written_down_for_it() -> None:
    assert {name for name, _, _ in operations()} == set(NEEDED)


@pytest.mark.parametrize(("name", "method", "pattern"), operations())
def test_an_operation_opens_with_its_scope_and_with_no_other(name: str, method: str, pattern: URLPattern) -> None:
    run = rows.run(state="completed")
    rows.partition(run)
    rows.dead_letter(run)
    address = address_of(pattern)
    before = _state()

    def ask(http: Client) -> Any:
        return getattr(http, method)(
            address, {"unknown": 1} if method != "get" else None, content_type="application/json"
        )

    stranger = ask(Client(raise_request_exception=False))
    others = ask(signed_in(*(scope for scope in Scope if scope != NEEDED[name]), name="others"))
    own = ask(signed_in(NEEDED[name], name="own"))

    assert problem(stranger) == (401, "unauthorized")
    assert problem(others) == (403, "forbidden")
    assert str(NEEDED[name]) in others.json()["detail"]
    assert own.status_code in ({200, 404} if method == "get" else {400})
    assert _state() == before


def _state() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Feed, Run, DeadLetter)]
