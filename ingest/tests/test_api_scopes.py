"""Who may do what by REST: each operation opens with its own scope and with no other."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern

from catalog import urls as catalog_urls
from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from diamondhub.access.scopes import Scope
from diamondhub.audit import urls as audit_urls
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import tracking
from diamondhub.webhooks import urls as webhook_urls
from ingest import urls
from ingest.api.proxy import SupplierProxy
from ingest.models import DeadLetter, Feed, Run
from ingest.tests import rows
from pricing import urls as pricing_urls
from pricing.models import Experiment, Repricing, Rule, RuleSet
from pricing.tests.asking import problem, signed_in

pytestmark = pytest.mark.django_db

#: What each operation needs; a new one is named here before it is served.
NEEDED = {
    "list_feeds": Scope.FEEDS_READ,
    "get_feed": Scope.FEEDS_READ,
    "change_feed": Scope.FEEDS_EDIT,
    "ask_supplier_again": Scope.FEEDS_EDIT,
    "pause_feed": Scope.RUNS_OPERATE,
    "resume_feed": Scope.RUNS_OPERATE,
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
    "list_problems": Scope.PROBLEMS_READ,
    "get_problem": Scope.PROBLEMS_READ,
    "acknowledge_problem": Scope.PROBLEMS_OPERATE,
    "take_back_problem": Scope.PROBLEMS_OPERATE,
    "resolve_problem": Scope.PROBLEMS_OPERATE,
    "verify_diamonds": Scope.CATALOG_READ,
    "list_audit_events": Scope.AUDIT_READ,
    "get_audit_event": Scope.AUDIT_READ,
}
#: The same of the catalogue, prices and webhooks.
NEEDED_ELSEWHERE = {
    **dict.fromkeys(
        (
            *("search_diamonds", "search_diamonds_by_body", "get_facets", "get_vocabulary", "list_changes"),
            *("look_up_diamonds", "get_diamond", "get_related_diamonds", "get_diamond_history"),
        ),
        Scope.CATALOG_READ,
    ),
    **dict.fromkeys(
        ("list_exports", "start_export", "get_stock", "get_export", "end_export", "get_export_file"),
        Scope.CATALOG_EXPORT,
    ),
    **dict.fromkeys(("list_exchange_rates", "enter_exchange_rate"), Scope.RATES_EDIT),
    **dict.fromkeys(
        (
            *(
                "list_rule_sets",
                "get_rule_set",
                "get_rule",
                "simulate_rule_set",
                "rule_set_conflicts",
                "list_repricings",
            ),
            *(
                "get_repricing",
                "list_experiments",
                "get_experiment",
                "get_price_history",
                "get_past_price",
                "explain_price",
            ),
        ),
        Scope.PRICING_READ,
    ),
    **dict.fromkeys(
        ("create_draft", "change_draft", "delete_draft", "add_rule", "put_rule", "delete_rule"), Scope.PRICING_EDIT
    ),
    **dict.fromkeys(
        (
            *("publish_rule_set", "start_repricing", "cancel_repricing", "create_experiment", "delete_experiment"),
            *("start_experiment", "end_experiment"),
        ),
        Scope.PRICING_PUBLISH,
    ),
    **dict.fromkeys(
        (
            *("list_webhooks", "create_webhook", "get_webhook", "change_webhook", "delete_webhook"),
            *("rotate_webhook_secret", "test_webhook"),
        ),
        Scope.WEBHOOKS_MANAGE,
    ),
}


def operations(*patterns: URLPattern) -> list[tuple[str, str, URLPattern]]:
    """Name, method and address of every operation of these addresses, those of ingestion and the audit by default."""
    return [
        (getattr(view, method).operation.name, method, pattern)
        for pattern in patterns or (*urls.urlpatterns, *audit_urls.urlpatterns)
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
        "<int:number>": number_of(str(pattern.pattern), run),
        "<str:event>": "ingest.run:1",
    }
    address = str(pattern.pattern)
    for place, value in values.items():
        address = address.replace(place, str(value))
    return f"/api/v1/{address}"


def number_of(address: str, run: Run) -> int:
    model: type[Model] = DeadLetter if "dead-letters" in address else Problem if "problems" in address else Run
    number: int = run.pk if model is Run else model._default_manager.get().pk
    return number


def test_every_operation_needs_the_scope_that_is_written_down_for_it() -> None:
    assert {name for name, _, _ in operations()} == set(NEEDED)


@pytest.mark.parametrize(("name", "method", "pattern"), operations())
def test_an_operation_opens_with_its_scope_and_with_no_other(name: str, method: str, pattern: URLPattern) -> None:
    run = rows.run(state="completed")
    rows.partition(run)
    rows.dead_letter(run)
    tracking.occurred("message-letter", "ingest.tasks.walk", subject="A message could not be read")
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


ELSEWHERE = operations(*catalog_urls.urlpatterns, *pricing_urls.urlpatterns, *webhook_urls.urlpatterns)


def test_every_operation_elsewhere_needs_the_scope_that_is_written_down_for_it() -> None:
    assert {name for name, _, _ in ELSEWHERE} == set(NEEDED_ELSEWHERE)


@pytest.mark.parametrize(("name", "method", "pattern"), ELSEWHERE)
def test_an_operation_elsewhere_opens_with_its_scope_and_with_no_other(
    name: str, method: str, pattern: URLPattern
) -> None:
    places = {"<uuid:id>": a_diamond().pk, "<int:number>": 1, "<int:version>": 1, "<slug:slug>": "spring"}
    address = f"/api/v1/{pattern.pattern}"
    for place, value in places.items():
        address = address.replace(place, str(value))
    before = _priced()

    def ask(http: Client) -> Any:
        body = {"unknown": 1} if method != "get" else None
        return getattr(http, method)(address, body, content_type="application/json")

    stranger = ask(Client(raise_request_exception=False))
    others = ask(signed_in(*(scope for scope in Scope if scope != NEEDED_ELSEWHERE[name]), name="others"))
    # What is exported is what may be read.
    besides = [Scope.CATALOG_READ] if NEEDED_ELSEWHERE[name] is Scope.CATALOG_EXPORT else []
    own = ask(signed_in(NEEDED_ELSEWHERE[name], *besides, name="own"))

    assert problem(stranger) == (401, "unauthorized")
    assert problem(others) == (403, "forbidden")
    assert str(NEEDED_ELSEWHERE[name]) in others.json()["detail"]
    assert own.status_code < 500
    assert own.status_code not in {401, 403}
    assert _priced() == before


def _priced() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Diamond, RuleSet, Rule, Experiment, Repricing)]


def _state() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Feed, Run, DeadLetter, Problem)]
