"""What a client's view does to searches: forced and default filters, hidden fields, rows, and changes at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.api.asking import asks_for
from catalog.client_views import editing
from catalog.client_views.models import CatalogView
from catalog.client_views.reading import view_of
from catalog.client_views.tests.a_view import a_rate, a_view
from catalog.client_views.view import EVERYTHING
from catalog.columns import COLUMNS
from catalog.currencies.models import ExchangeRate
from catalog.facets.table import ATTRIBUTES
from catalog.searching.filters import FILTERS
from catalog.searching.sorts import SORTS
from catalog.tests.factories import a_diamond, committed
from catalog.vocabulary.words import vocabulary
from diamondhub.access.clients import create_client, issue_further_key
from diamondhub.access.models import ApiClient

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds"


@pytest.fixture
def shop() -> ApiClient:
    return client_of("shop")


def client_of(name: str) -> ApiClient:
    return create_client(name, scopes=["catalog:read"]).key.client


def signed_in(client: ApiClient) -> Client:
    key = issue_further_key(client, after=client.keys.latest("pk").pk).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


@pytest.fixture
def http(shop: ApiClient) -> Client:
    return signed_in(shop)


def prices(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [stone["price"] for stone in answer.json()["results"]]


def wrong(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_a_view_costs_one_query_and_a_change_holds_from_the_next_request_on(shop: ApiClient) -> None:
    assert view_of(shop) is EVERYTHING
    kept = a_view(shop, currency="EUR", rate="0.5", forced={"lab": ["GIA"]})

    with CaptureQueriesContext(
        connection,
    ) as queries:
        first = view_of(shop)
    CatalogView.objects.filter(pk=kept.pk).update(forced={"lab": ["IGI"]})
    second = view_of(shop)
    ExchangeRate.objects.update(rate="0.25")
    third = view_of(shop)

    assert len(queries) == 1
    assert len({first.key, second.key, third.key}) == 3
    assert first.exchange == second.exchange
    assert (second.sight, second.forced) == (third.sight, third.forced)


def test_equal_views_share_a_key_and_one_that_says_nothing_is_that_of_everything(shop: ApiClient) -> None:
    other = client_of("other")
    a_view(shop, forced={"price_max": "100.00"}, shown_fields=["price", "carats"])
    a_view(other, forced={"price_max": 100}, shown_fields=["carats", "price"])
    nothing = client_of("nothing")
    a_view(nothing)

    assert view_of(shop) == view_of(other)
    assert view_of(nothing) == EVERYTHING


def test_the_rate_of_the_database_s_day_is_in_force_and_not_the_next_one(shop: ApiClient, http: Client) -> None:
    a_diamond(price_cents=100_00)
    a_view(shop, currency="JPY", rate="100")
    a_rate("JPY", "200", timezone.now().date() - timedelta(days=1))
    a_rate("JPY", "300", timezone.now().date() + timedelta(days=2))

    assert prices(http.get(ADDRESS)) == ["20000"]


def test_what_is_forced_holds_whatever_is_asked_for(shop: ApiClient, http: Client) -> None:
    a_diamond(lab="GIA", price_cents=100_00)
    a_diamond(lab="IGI", price_cents=200_00)
    a_view(shop, forced={"lab": ["GIA"], "price_max": "150.00"})

    assert prices(http.get(ADDRESS)) == ["100.00"]
    assert prices(http.get(ADDRESS, {"lab": "GIA,IGI", "price_max": "1000"})) == ["100.00"]
    assert prices(http.get(ADDRESS, {"lab": "IGI"})) == []
    facet = http.get(f"{ADDRESS}/facets", {"facets": "lab,price", "lab": "IGI", "price_min": "120"}).json()["facets"]
    assert [value for value in facet["lab"]["values"] if value["count"]] == []
    assert http.get(f"{ADDRESS}/facets", {"facets": "lab"}).json()["count"] == 1


def test_the_vocabulary_says_what_holds_where_the_client_says_nothing(shop: ApiClient, http: Client) -> None:
    defaults = {"lab": ["GIA", "IGI"], "color_from": "D", "carats_min": 0.5, "lab_grown": False, "price_max": "100.00"}
    a_view(shop, defaults=defaults, currency="EUR", rate="0.5")

    known = http.get(f"{ADDRESS}/vocabulary").json()["filters"]

    assert {described["name"]: described["default"] for described in known if described["default"]} == {
        "availability": ["available"],
        "lab": ["GIA", "IGI"],
        "color_from": ["D"],
        "carats_min": ["0.5"],
        "lab_grown": ["false"],
        "price_max": ["50.00"],
    }


def test_a_view_in_which_no_stone_can_be_is_not_kept(shop: ApiClient) -> None:
    view = CatalogView(client=shop, forced={"color_type": "white"}, defaults={"fancy_color": ["YELLOW"]})

    with pytest.raises(ValidationError, match="Together with what is forced"):
        editing.save(view)


def test_prices_of_a_stone_outside_the_view_are_not_there_either(shop: ApiClient) -> None:
    ApiClient.objects.filter(pk=shop.pk).update(scopes=["catalog:read", "pricing:read"])
    inside, outside = a_diamond(lab="GIA", price_cents=100_00), a_diamond(lab="IGI", price_cents=100_00)
    a_view(shop, forced={"lab": ["GIA"]})
    http = signed_in(shop)

    for what in ("price-history", "price-explanation", f"past-price?day={timezone.now().date()}"):
        assert [http.get(f"{ADDRESS}/{stone.pk}/{what}").status_code for stone in (inside, outside)] == [200, 404], what


def test_a_default_holds_until_the_client_says_something_of_that_attribute(shop: ApiClient, http: Client) -> None:
    a_diamond(color=4, price_cents=100_00)
    a_diamond(color=8, price_cents=200_00)
    a_view(shop, defaults={"color_to": "G"})

    assert prices(http.get(ADDRESS)) == ["100.00"]
    assert prices(http.get(ADDRESS, {"shape": "ROUND"})) == ["100.00"]
    assert prices(http.get(ADDRESS, {"color_from": "D"})) == ["100.00", "200.00"]
    assert prices(http.get(ADDRESS, {"color": "K"})) == ["200.00"]


HIDDEN = {"color", "lab", "image_url", "rating", "first_seen_at", "certificate_number", "table_pct"}
SHOWN = sorted(column.name for column in COLUMNS if column.scope and column.name not in HIDDEN)
_EXAMPLES = {described.name: described.example for described in vocabulary().filters}


@pytest.mark.parametrize(
    "query",
    [
        *(
            {known.name: _EXAMPLES[known.name]}
            for known in FILTERS
            if HIDDEN & {column.name for column in asks_for(known.name)}
        ),
        *({"sort": name} for name in SORTS if asks_for(name)[0].name in HIDDEN),
        *({"facets": name, "include": "facets"} for name, facet in ATTRIBUTES.items() if facet.column.name in HIDDEN),
        *({"fields": name} for name in sorted(HIDDEN)),
        {"distinct": "certificate"},
    ],
    ids=str,
)
def test_by_what_is_hidden_nothing_can_be_asked(shop: ApiClient, http: Client, query: dict[str, str]) -> None:
    a_view(shop, shown_fields=SHOWN)
    a_diamond()

    answer = http.get(ADDRESS, query)

    assert answer.status_code == 403, answer.content
    assert "does not show" in answer.json()["detail"]


def test_what_is_hidden_is_in_no_answer_and_in_no_vocabulary(shop: ApiClient, http: Client) -> None:
    a_view(shop, shown_fields=SHOWN)
    a_diamond()

    (stone,) = http.get(ADDRESS).json()["results"]
    known = http.get(f"{ADDRESS}/vocabulary").json()

    assert not HIDDEN & stone.keys()
    assert {"id", "price", "shape"} <= stone.keys()
    assert not {"color", "color_type", "has_image", "rating_min", "table_min"} & {
        described["name"] for described in known["filters"]
    }
    assert not {"rating", "newest"} & {sort["name"] for sort in known["sorts"]}
    assert http.get(f"{ADDRESS}/facets").status_code == 200


def test_without_prices_stones_come_in_an_order_that_tells_none(shop: ApiClient, http: Client) -> None:
    a_view(shop, shown_fields=["carats", "shape"])
    a_diamond(price_cents=1_00, carats="2.00")
    a_diamond(price_cents=9_00, carats="1.00")

    answer = http.get(ADDRESS)

    assert [stone["carats"] for stone in answer.json()["results"]] == [1.0, 2.0]
    assert http.get(ADDRESS, {"sort": "price"}).status_code == 403


def test_a_search_ends_at_the_rows_that_the_view_allows_and_says_that_there_are_more(
    shop: ApiClient, http: Client
) -> None:
    a_view(shop, max_rows=3)
    for number in range(5):
        a_diamond(price_cents=100_00 + number)

    first = http.get(ADDRESS, {"limit": "2", "include": "facets", "facets": "shape"}).json()
    second = http.get(ADDRESS, {"limit": "2", "include": "facets", "facets": "shape", "cursor": first["next"]}).json()
    few = http.get(ADDRESS, {"limit": "2", "price_max": "100.01"}).json()

    assert [len(page["results"]) for page in (first, second)] == [2, 1]
    assert (first["count"], first["count_is_exact"], second["next"]) == (3, False, None)
    assert [bucket["count"] for bucket in first["facets"]["shape"]["values"] if bucket["count"]] == [5]
    assert (few["count"], few["count_is_exact"]) == (2, True)


def test_a_cursor_is_good_for_no_other_view_currency_or_rate(shop: ApiClient, http: Client) -> None:
    for _ in range(3):
        a_diamond()
    a_rate("EUR", "0.9")
    cursor = http.get(ADDRESS, {"limit": "1"}).json()["next"]

    other_currency = http.get(ADDRESS, {"limit": "1", "cursor": cursor, "currency": "EUR"})
    in_euros = http.get(ADDRESS, {"limit": "1", "currency": "EUR"}).json()["next"]
    ExchangeRate.objects.update(rate="0.8")
    other_rate = http.get(ADDRESS, {"limit": "1", "cursor": in_euros, "currency": "EUR"})
    kept = a_view(shop, forced={"lab": ["GIA"]})
    other_view = http.get(ADDRESS, {"limit": "1", "cursor": cursor})
    kept.delete()

    assert [list(wrong(answer)) for answer in (other_currency, other_rate, other_view)] == [["cursor"]] * 3
    assert http.get(ADDRESS, {"limit": "1", "cursor": cursor}).status_code == 200


def test_an_answer_has_another_tag_after_a_new_rate_and_after_another_view(shop: ApiClient, http: Client) -> None:
    a_diamond()
    a_view(shop, currency="EUR", rate="0.9")
    tags = [http.get(ADDRESS)["ETag"]]

    assert http.get(ADDRESS, headers={"If-None-Match": tags[0]}).status_code == 304
    ExchangeRate.objects.update(rate="0.8")
    tags.append(http.get(ADDRESS, headers={"If-None-Match": tags[0]})["ETag"])
    CatalogView.objects.update(max_rows=10)
    tags.append(http.get(ADDRESS, headers={"If-None-Match": tags[1]})["ETag"])
    assert len(set(tags)) == 3


def test_a_view_that_cannot_be_kept_to_shows_nothing(shop: ApiClient, http: Client) -> None:
    stone = a_diamond()
    kept = a_view(shop, currency="EUR")

    without_rate = [http.get(ADDRESS), http.get(f"{ADDRESS}/{stone.pk}"), http.get(f"{ADDRESS}/changes?after=0")]
    CatalogView.objects.filter(pk=kept.pk).update(currency="USD", forced={"of_old": ["X"]})
    unreadable = http.get(ADDRESS)

    for answer in (*without_rate, unreadable):
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("view-unusable")
        assert int(answer["Retry-After"]) > 0
    assert "EUR" in without_rate[0].json()["detail"]


def test_a_publishable_key_sees_its_client_s_view() -> None:
    issued = create_client("page", scopes=["catalog:read"], kind="publishable", origins=["https://shop.example"])
    a_view(issued.key.client, forced={"lab": ["GIA"]}, currency="EUR", rate="0.5", shown_fields=["price", "lab"])
    a_diamond(lab="GIA", price_cents=100_00)
    a_diamond(lab="IGI")
    http = Client(headers={"X-API-Key": issued.text, "Origin": "https://shop.example"})

    (stone,) = http.get(ADDRESS).json()["results"]

    assert (stone["price"], stone["currency"], stone["lab"]) == ("50.00", "EUR", "GIA")
    assert http.get(ADDRESS, {"color": "D"}).status_code == 403


def test_followers_of_changes_begin_anew_when_their_view_shows_other_stones(shop: ApiClient, http: Client) -> None:
    a_diamond(lab="IGI")
    known = committed()
    kept = CatalogView(client=shop, forced={"lab": ["GIA"]})
    editing.save(kept)
    narrowed = http.get(f"{ADDRESS}/changes", {"after": known})

    kept.refresh_from_db()
    again = http.get(f"{ADDRESS}/changes", {"after": kept.since})
    kept.max_rows = 7
    editing.save(kept)

    assert narrowed.status_code == 410
    assert kept.since > known
    assert again.json()["results"] == []
    assert http.get(f"{ADDRESS}/changes", {"after": kept.since}).status_code == 200


def test_changes_say_in_which_currency_and_of_which_rate_prices_are(shop: ApiClient, http: Client) -> None:
    a_diamond(price_cents=100_00)
    committed()
    rate = a_rate("EUR", "0.5")

    euros = http.get(f"{ADDRESS}/changes", {"after": "0", "currency": "EUR"}).json()
    dollars = http.get(f"{ADDRESS}/changes", {"after": 0}).json()

    assert (euros["currency"], euros["rate_date"]) == ("EUR", rate.valid_from.isoformat())
    assert (dollars["currency"], dollars["rate_date"]) == ("USD", None)
    assert [page["results"][0]["diamond"]["price"] for page in (euros, dollars)] == ["50.00", "100.00"]
