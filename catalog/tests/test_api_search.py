"""What a search answers: fields and forms, one offer of each certificate, facets, and versions that a client has already."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from catalog import index
from catalog.api.related import RelatedDiamondAnswer
from catalog.api.search import FoundDiamondAnswer
from catalog.grades import Color
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.tests.factories import a_diamond, committed
from diamondhub import redis_clients
from diamondhub.access.clients import create_client
from diamondhub.access.scopes import Scope
from diamondhub.api import kept
from diamondhub.api.kept import KeptAnswers
from diamondhub.local.valkey import cache

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/diamonds"
FACETS = f"{ADDRESS}/facets"


def client_with(*scopes: Scope, name: str = "shop") -> Client:
    key = create_client(name, scopes=[Scope.CATALOG_READ, *scopes]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


@pytest.fixture
def http() -> Client:
    return client_with()


def refused(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_only_the_fields_that_are_asked_for_are_shown_and_always_the_id(http: Client) -> None:
    stone = a_diamond(carats=Decimal("1.5"), color=Color.D, price_cents=1_000_50)

    answer = http.get(f"{ADDRESS}?fields=price,carats,currency,color").json()

    assert answer["results"] == [
        {"id": str(stone.pk), "currency": "USD", "price": "1000.50", "carats": 1.5, "color": "D"}
    ]


def test_the_id_can_be_all_that_is_shown(http: Client) -> None:
    stone = a_diamond()

    assert http.get(f"{ADDRESS}?fields=id").json()["results"] == [{"id": str(stone.pk)}]


def test_the_slim_form_shows_what_a_list_needs(http: Client) -> None:
    a_diamond()

    (slim,) = http.get(f"{ADDRESS}?form=slim").json()["results"]
    (full,) = http.get(ADDRESS).json()["results"]

    assert {"id", "price", "currency", "shape", "carats", "image_url"} <= set(slim) < set(full)
    assert "images" not in slim
    assert list(slim) == [name for name in full if name in slim]
    assert all(full[name] == value for name, value in slim.items())


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("fields=prize", "fields", "did you mean price?"),
        ("fields=payload_hash", "fields", "must be one of"),
        ("fields=price&form=slim", "form", "together with fields"),
        ("form=slender", "form", "must be one of full, slim"),
        ("distinct=shape", "distinct", "must be one of certificate"),
        ("include=facet", "include", "did you mean facets?"),
        ("facets=shape", "facets", "needs include=facets"),
        ("include=facets&facets=shap", "facets", "did you mean shape?"),
    ],
)
def test_what_cannot_be_shown_is_told_with_what_can(http: Client, query: str, field: str, words: str) -> None:
    assert words in refused(http.get(f"{ADDRESS}?{query}"))[field]


def test_a_field_that_needs_a_scope_is_refused_by_the_name_of_the_scope(http: Client) -> None:
    a_diamond()
    hidden = "rule_set"

    answer = http.get(f"{ADDRESS}?fields={hidden}")
    told = client_with(Scope.PRICING_READ, name="pricing tool").get(f"{ADDRESS}?fields={hidden}")

    assert answer.status_code == 403
    assert "pricing:read" in answer.json()["detail"]
    assert told.json()["results"][0]["rule_set"] == 1


def test_what_a_scope_opens_is_shown_to_who_holds_it_and_described(http: Client) -> None:
    a_diamond(cost_cents=123_45, supplier_name="Antwerp Stones")
    buyer = client_with(Scope.CATALOG_COST, Scope.CATALOG_SUPPLIER, name="buyer")

    (seen,) = buyer.get(ADDRESS).json()["results"]
    (hidden,) = http.get(ADDRESS).json()["results"]

    assert (seen["cost"], seen["supplier_name"]) == ("123.45", "Antwerp Stones")
    assert not {"cost", "supplier_name", "rule_set"} & set(hidden)
    described = http.get("/api/schema/").json()["components"]["schemas"]["FoundDiamondAnswer"]
    assert set(seen) <= set(described["properties"])
    assert described["required"] == ["id"]


def test_of_each_certificate_the_cheapest_offer_that_matches_is_shown_with_the_number_of_offers(http: Client) -> None:
    a_diamond(certificate_number="LG 12-345", price_cents=300_00)
    cheapest = a_diamond(certificate_number="lg12345", price_cents=200_00, carats=Decimal("1.02"))
    a_diamond(certificate_number="12345", price_cents=100_00, availability="sold")
    other = a_diamond(certificate_number="98765", price_cents=250_00, carats=Decimal(1))
    without = [a_diamond(certificate_number=None, price_cents=400_00) for _ in range(2)]

    page = http.get(f"{ADDRESS}?distinct=certificate").json()
    by_carats = http.get(f"{ADDRESS}?distinct=certificate&sort=-carats&limit=1").json()

    assert (page["count"], page["count_is_exact"]) == (4, True)
    assert [(stone["id"], stone["offers"]) for stone in page["results"]] == [
        (str(cheapest.pk), 2),
        (str(other.pk), 1),
        *((str(stone.pk), 1) for stone in sorted(without, key=lambda stone: stone.pk)),
    ]
    assert (by_carats["count"], by_carats["results"][0]["id"]) == (4, str(cheapest.pk))


def test_a_cursor_is_good_for_its_own_client_and_set_of_stones_alone(http: Client) -> None:
    for _ in range(3):
        a_diamond()
    cursor = http.get(f"{ADDRESS}?limit=1").json()["next"]

    answers = {
        "another client": client_with(name="another").get(f"{ADDRESS}?limit=1&cursor={cursor}"),
        "another set": http.get(f"{ADDRESS}?limit=1&distinct=certificate&cursor={cursor}"),
    }
    shown_otherwise = http.get(f"{ADDRESS}?limit=2&form=slim&include=facets&facets=shape&cursor={cursor}")

    assert {name: answer.json()["type"] for name, answer in answers.items()} == dict.fromkeys(
        answers, "/api/problems/wrong-cursor"
    )
    assert len(shown_otherwise.json()["results"]) == 2


def test_a_facet_leaves_its_own_filter_out_and_no_other(http: Client) -> None:
    a_diamond(shape="OVAL", color=Color.D)
    a_diamond(shape="ROUND", color=Color.D)
    a_diamond(shape="ROUND", color=Color.E)
    a_diamond(shape=None, color=Color.D)

    told = http.get(f"{FACETS}?shape=ROUND&color=D&facets=shape,color").json()

    assert told["count"] == 1
    shapes, colors = told["facets"]["shape"], told["facets"]["color"]
    assert [(value["value"], value["label"], value["count"]) for value in shapes["values"]] == [
        ("ROUND", "Round", 1),
        ("OVAL", "Oval", 1),
    ]
    assert (shapes["unknown"], shapes["others"]) == (1, 0)
    assert [value["value"] for value in colors["values"]] == [color.name for color in Color]
    assert {value["value"]: value["count"] for value in colors["values"] if value["count"]} == {"D": 1, "E": 1}


def test_facets_without_a_filter_of_their_own_sum_up_to_the_count(http: Client) -> None:
    for number in range(12):
        a_diamond(
            shape=[None, "ROUND", "PEAR"][number % 3],
            carats=None if number % 4 == 0 else Decimal(number) / 3 // Decimal("0.01") * Decimal("0.01"),
            image_url=None if number % 2 else "https://x.example/1",
            price_cents=(number + 1) * 777_77,
        )

    told = http.get(f"{FACETS}?lab=GIA").json()

    sums = {
        name: sum(part["count"] for part in facet.get("values", facet.get("buckets")))
        + facet["unknown"]
        + facet.get("others", 0)
        for name, facet in told["facets"].items()
        if name not in {"lab", "availability"}
    }
    assert {"shape", "carats", "price", "has_image", "color", "lab_grown", "feed"} <= set(sums)
    assert set(sums.values()) == {told["count"]} == {12}


def test_histograms_have_edges_that_people_choose_and_the_extent(http: Client) -> None:
    a_diamond(carats=Decimal("0.31"), price_cents=450_00)
    a_diamond(carats=Decimal("3.02"), price_cents=61_000_00)

    facets = http.get(f"{FACETS}?facets=carats,price").json()["facets"]

    carats, price = facets["carats"], facets["price"]
    assert (carats["min"], carats["max"], price["min"], price["max"]) == (0.31, 3.02, "450.00", "61000.00")
    assert carats["buckets"][0] == {"from": 0.3, "to": 0.4, "count": 1}
    assert carats["buckets"][-1] == {"from": 3.0, "to": 3.5, "count": 1}
    assert price["buckets"][0] == {"from": "400.00", "to": "500.00", "count": 1}
    assert price["buckets"][-1] == {"from": "50000.00", "to": "75000.00", "count": 1}
    assert all(len(facet["buckets"]) <= 40 for facet in (carats, price))


def test_a_narrow_extent_is_told_in_finer_steps(http: Client) -> None:
    for cents in (1_000_00, 1_010_00, 1_180_00):
        a_diamond(price_cents=cents, carats=Decimal("1.00"))

    facets = http.get(f"{FACETS}?facets=carats,price").json()["facets"]

    price = facets["price"]["buckets"]
    assert 8 <= len(price) <= 40
    assert (price[0]["from"], sum(bucket["count"] for bucket in price)) == ("1000.00", 3)
    assert facets["carats"]["buckets"] == [{"from": 1.0, "to": 1.1, "count": 3}]


def test_facets_come_with_the_page_if_they_are_asked_for(http: Client) -> None:
    a_diamond(shape="OVAL")

    page = http.get(f"{ADDRESS}?shape=OVAL&include=facets&facets=shape").json()
    alone = http.get(f"{FACETS}?shape=OVAL&facets=shape").json()

    assert page["facets"] == alone["facets"]
    assert (page["count"], page["dataset_version"]) == (alone["count"], alone["as_of"])
    assert "facets" not in http.get(f"{ADDRESS}?shape=OVAL").json()


def test_a_facet_that_there_is_not_is_told_with_the_nearest(http: Client) -> None:
    assert "did you mean shape?" in refused(http.get(f"{FACETS}?facets=shap"))["facets"]
    assert "is not a parameter" in refused(http.get(f"{FACETS}?sort=price"))["sort"]


@pytest.mark.parametrize("address", [f"{ADDRESS}?limit=2", f"{FACETS}?facets=shape"])
def test_who_has_the_answer_of_this_version_is_told_so_at_no_cost(http: Client, address: str) -> None:
    a_diamond()
    first = http.get(address)
    before = http.get(address)["RateLimit"]

    again = http.get(address, headers={"If-None-Match": first["ETag"]})
    other_form = http.get(f"{address}&shape=ROUND", headers={"If-None-Match": first["ETag"]})
    a_diamond()
    committed()
    changed = http.get(address, headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert left(again) >= left_of(before)
    assert (other_form.status_code, changed.status_code) == (200, 200)
    assert first["Cache-Control"] == "private, no-cache, stale-if-error=300"
    assert {"X-API-Key", "Accept-Encoding"} <= {name.strip() for name in first["Vary"].split(",")}


def left(answer: Any) -> int:
    return left_of(answer["RateLimit"])


def left_of(header: str) -> int:
    return int(header.partition(";r=")[2].partition(";")[0])


def test_an_answer_says_who_found_it_and_leads_to_the_next_page(http: Client) -> None:
    a_diamond()
    a_diamond()

    answer = http.get(f"{ADDRESS}?limit=1&form=slim")

    assert answer["X-Search"] == "database"
    assert answer["Content-Type"] == "application/json"
    assert answer["Link"].endswith('; rel="next"')
    assert "form=slim" in answer["Link"]


def test_answers_are_compressed(http: Client) -> None:
    for _ in range(5):
        a_diamond()

    answer = http.get(ADDRESS, headers={"Accept-Encoding": "gzip"})

    assert answer["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.content))["count"] == 5


@pytest.fixture
def _patient_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that is waited for: on a busy machine it takes longer than callers may wait."""
    patient = SimpleNamespace(client=lambda url, **_: redis_clients.client(url, seconds=5.0, retry=None))
    monkeypatch.setattr(kept, "redis_clients", patient)


@pytest.mark.usefixtures("_patient_cache")
def test_a_costly_answer_is_made_once_for_each_version(http: Client, settings: Any, tmp_path: Path) -> None:
    a_diamond(shape="OVAL")
    server = cache(tmp_path)
    server.start()
    settings.CACHE_URL = server.url
    address = f"{FACETS}?facets=shape"

    first, second = http.get(address), http.get(address)
    a_diamond(shape="OVAL")
    committed()
    changed = http.get(address)
    server.stop()
    without = http.get(address)

    assert [answer["Cache-Status"] for answer in (first, second, changed)] == [
        "diamondhub; fwd=miss",
        "diamondhub; hit",
        "diamondhub; fwd=miss",
    ]
    assert (first.content, first["ETag"]) == (second.content, second["ETag"])
    assert [answer.json()["count"] for answer in (second, changed, without)] == [1, 2, 2]


@pytest.mark.usefixtures("_patient_cache")
def test_a_costly_answer_is_kept_before_those_who_wait_for_it_learn_that_it_is_made(
    http: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = cache(tmp_path)
    server.start()
    settings.CACHE_URL = server.url
    once, there = KeptAnswers.once, []

    def watched(self: KeptAnswers, key: str, tag: str, make: Any) -> Any:
        def made() -> Any:
            response = make()
            there.append(self.read(key) is not None)
            return response

        return once(self, key, tag, made)

    monkeypatch.setattr(KeptAnswers, "once", watched)

    http.get(f"{FACETS}?facets=shape")
    server.stop()

    assert there == [True]


def test_the_index_finds_and_the_database_shows_what_still_stands(
    http: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stones = [a_diamond(price_cents=100_00 + number, shape="OVAL") for number in range(4)]
    snapshot = snapshot_of(stones, tmp_path)
    monkeypatch.setattr(index, "current", lambda: snapshot)
    Diamond.objects.filter(pk=stones[0].pk).update(availability="sold")
    Diamond.objects.filter(pk=stones[1].pk).update(price_cents=150_00)

    answer = http.get(f"{ADDRESS}?limit=2&include=facets&facets=shape&fields=price")
    nothing = http.get(f"{ADDRESS}?shape=ROUND").json()

    page = answer.json()
    assert (answer["X-Search"], page["count"], page["count_is_exact"], page["dataset_version"]) == ("index", 4, True, 1)
    assert page["results"] == [
        {"id": str(stones[1].pk), "price": "150.00"},
        {"id": str(stones[2].pk), "price": "100.02"},
    ]
    assert nothing["suggestions"] == [{"filter": "shape", "change": "without", "parameters": {}, "count": 4}]


def test_the_serializers_of_answers_can_be_made_as_often_as_there_are_documents() -> None:
    for serializer in (FoundDiamondAnswer, RelatedDiamondAnswer):
        names = [set(serializer().fields) for _ in range(2)]

        assert names[0] == names[1]
