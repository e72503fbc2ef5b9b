"""Every address that shows stones keeps to the client's view: a new one is named here before it is served.

One stone is within the view, one is without. Whatever is asked, nothing of the other stone is told but that there is none,
nothing of hidden fields, and no amount in dollars.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from django.test import Client
from django.urls import URLPattern

from catalog import urls as catalog_urls
from catalog.client_views.tests.a_view import a_rate, a_view
from catalog.exports.models import Export
from catalog.exports.work import work
from catalog.models import Diamond
from catalog.tests.factories import a_diamond, committed
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from ingest import urls as ingest_urls
from pricing import urls as pricing_urls

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds"
#: The groups of the operations that show stones to clients of the catalogue; those of pricing show the seller's own.
TAGS = {"diamonds", "exports"}
INSIDE = {"lab": "GIA", "price_cents": 1_234_00, "price_per_carat_cents": 1_234_00, "shape": "OVAL", "girdle": "MEDIUM"}
OUTSIDE = {**INSIDE, "lab": "IGI", "supplier_stone_id": "secret-stone", "certificate_number": "LG777"}
#: A hidden field, and what the stones have in it.
HIDDEN = {"country_of_origin": "Botswana"}
SHOWN = [
    "availability",
    "carats",
    "certificate_number",
    "lab",
    "price",
    "price_per_carat",
    "shape",
    "supplier_stone_id",
]
Ask = Callable[[Client, Diamond, Diamond], list[Any]]


def post(address: str, body: Mapping[str, Any]) -> Ask:
    return lambda http, _inside, _outside: [http.post(address, body, content_type="application/json")]


def get(address: str) -> Ask:
    return lambda http, _inside, _outside: [http.get(address)]


def of_both(address: str) -> Ask:
    """The address of each stone; that of the other one is of nothing."""

    def ask(http: Client, inside: Diamond, outside: Diamond) -> list[Any]:
        answers = [http.get(address.format(stone.pk)) for stone in (inside, outside)]
        assert [answer.status_code for answer in answers] == [200, 404]
        return answers[:1]

    return ask


def look_up(http: Client, inside: Diamond, outside: Diamond) -> list[Any]:
    stones = (inside, outside)
    names = {
        "ids": [str(stone.pk) for stone in stones],
        "stock_numbers": [stone.supplier_stone_id for stone in stones],
        "certificate_numbers": [stone.certificate_number for stone in stones],
    }
    answer = http.post(f"{ADDRESS}/lookup", names, content_type="application/json")
    told = answer.json()
    assert [bool(found["diamonds"]) for found in told["results"]] == [True, False] * 3
    assert len(told["missing"]) == 3
    # What was asked for is said again.
    return [[found["diamonds"] for found in told["results"]]]


def verify(http: Client, inside: Diamond, outside: Diamond) -> list[Any]:
    cart = {"diamonds": [{"id": str(stone.pk), "price": "1110.60"} for stone in (inside, outside)]}
    told = http.post(f"{ADDRESS}/verify", cart, content_type="application/json").json()["results"]
    assert [(stone["found"], stone["price_changed"]) for stone in told] == [(True, False), (False, None)]
    return [told[:1]]


def changes(http: Client, inside: Diamond, outside: Diamond) -> list[Any]:
    told = http.get(f"{ADDRESS}/changes?after=0").json()["results"]
    by_id = {change["id"]: change for change in told}
    assert by_id[str(outside.pk)]["reason"] == "not_shown"
    assert by_id[str(outside.pk)]["diamond"] is None
    return [by_id[str(inside.pk)]]


def export(http: Client, _inside: Diamond, _outside: Diamond) -> list[Any]:
    wanted = {"format": "ndjson", "gzip": False}
    started = http.post("/api/v1/exports", wanted, content_type="application/json")
    assert started.status_code == 202, started.content
    work(started.json()["export"])
    return [_file(http, started.json()["export"])]


def whole_stock(http: Client, _inside: Diamond, _outside: Diamond) -> list[Any]:
    http.get("/api/v1/exports/stock?format=csv")
    made = Export.objects.get()
    Export.objects.update(gzip=False)
    work(made.pk)
    return [_file(http, made.pk)]


def _file(http: Client, number: int) -> str:
    answer: Any = http.get(f"/api/v1/exports/{number}/file")
    assert answer.status_code == 200, answer.content
    sent = b"".join(cast(Any, answer).streaming_content) if answer.streaming else answer.content
    assert sent
    return bytes(sent).decode()


#: How each operation is asked for what the other stone is.
ASKED: Mapping[str, Ask] = {
    "search_diamonds": get(f"{ADDRESS}?include=facets&lab=GIA,IGI"),
    "search_diamonds_by_body": post(f"{ADDRESS}/search", {"include": ["facets"], "lab": ["IGI", "GIA"]}),
    "get_facets": get(f"{ADDRESS}/facets?lab=GIA"),
    "get_vocabulary": get(f"{ADDRESS}/vocabulary"),
    "list_changes": changes,
    "look_up_diamonds": look_up,
    "get_diamond": of_both(f"{ADDRESS}/{{}}"),
    "get_related_diamonds": of_both(f"{ADDRESS}/{{}}/related"),
    "get_diamond_history": of_both(f"{ADDRESS}/{{}}/history"),
    "verify_diamonds": verify,
    "start_export": export,
    "get_stock": whole_stock,
}
#: These show nothing but what the others made.
OF_OTHERS = {"list_exports", "get_export", "end_export", "get_export_file"}


def operations() -> set[str]:
    patterns: list[URLPattern] = [*catalog_urls.urlpatterns, *pricing_urls.urlpatterns, *ingest_urls.urlpatterns]
    return {
        getattr(view, method).operation.name
        for pattern in patterns
        if (view := pattern.callback.cls).tag in TAGS  # type: ignore[attr-defined]
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(getattr(view, method, None), "operation")
    }


@pytest.fixture
def shop() -> ApiClient:
    issued = create_client("shop", scopes=["catalog:read", "catalog:export"])
    a_rate("EUR", "0.9", date(2020, 1, 1))
    a_view(issued.key.client, forced={"lab": ["GIA"]}, shown_fields=SHOWN, currency="EUR")
    client = issued.key.client
    client.key = issued.text  # type: ignore[attr-defined]
    return client


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Any) -> None:
    exports = {**settings.STORAGES["exports"]}
    exports["OPTIONS"] = {**exports["OPTIONS"], "location": tmp_path / "exports" / "files"}
    settings.EXPORTS_DIR = tmp_path / "exports"
    settings.STORAGES = {**settings.STORAGES, "exports": exports}


def test_every_operation_that_shows_stones_is_asked() -> None:
    assert operations() == ASKED.keys() | OF_OTHERS


#: Files are written from a snapshot of their own, in a transaction that no other surrounds.
COMMITTED = pytest.mark.django_db(transaction=True)
NAMES = [pytest.param(name, marks=COMMITTED if ask in (export, whole_stock) else ()) for name, ask in ASKED.items()]


@pytest.mark.parametrize("name", NAMES)
def test_an_address_shows_what_the_view_shows_in_its_currency(name: str, shop: Any) -> None:
    inside, outside = a_diamond(**INSIDE, **HIDDEN), a_diamond(**OUTSIDE, **HIDDEN)
    committed()
    http = Client(headers={"X-API-Key": shop.key}, raise_request_exception=False)

    answers = ASKED[name](http, inside, outside)

    for answer in answers:
        if hasattr(answer, "status_code"):
            assert answer.status_code == 200, answer.content
            answer = answer.json()
        told = answer if isinstance(answer, str) else json.dumps(answer)
        for secret in (str(outside.pk), "secret-stone", "LG777", "1234.00"):
            assert secret not in told, secret
        if name != "get_vocabulary":
            assert "Botswana" not in told
            assert "country_of_origin" not in told
        else:
            assert '"country"' not in told
            assert "USD" not in told
        if name not in ("get_facets", "get_vocabulary", "get_related_diamonds"):
            assert "1110.60" in told
            assert "EUR" in told
