"""Carts from outside: what the catalogue says, what suppliers say live against the sandbox over HTTP, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.test.utils import override_settings
from msgspec.structs import replace

from catalog.client_views.view import ClientView
from catalog.models import AvailabilityChange, Diamond
from catalog.searching.conditions import AnyOf
from catalog.tests.factories import a_diamond
from diamondhub.access.models import ApiClient
from diamondhub.pace.limiter import Lane, Limiter, LimiterUnavailable, WaitTooLong
from ingest import asking, invariants, verifying
from ingest.errors import MappingError
from ingest.feeds.nivoda.adapter import NivodaAdapter
from ingest.models import Feed, RawDiamond
from ingest.sandbox.faults import Failing, FailNext, Hanging, Refusing, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests import factories, rows
from pricing.models import PriceChange
from pricing.tests.asking import problem, signed_in

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/diamonds/verify"
PASSWORD = "correct-horse-battery"
GROWN = "nivoda-labgrown"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    # Within one transaction this bound would hold for all that the test asks.
    monkeypatch.setattr(verifying, "KEEP_SECONDS", 60)
    with factories.sandbox_feed(Options(stones=100, password=PASSWORD)) as (running, feed):
        with override_settings(NIVODA_PASSWORD=PASSWORD):
            rows.run(feed=feed, state="completed")
            yield running
    factories.calm_the_limiter()


@pytest.fixture
def http() -> Client:
    return signed_in("catalog:read", "catalog:verify")


def verify(http: Client, *stones: Any, live: bool = False, **more: Any) -> Any:
    wanted = [stone if isinstance(stone, dict) else {"id": str(stone)} for stone in stones]
    return http.post(ADDRESS, {"diamonds": wanted, "live": live, **more}, content_type="application/json")


def verified(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def a_stone_of(sandbox: Sandbox, place: int = 0, **changes: Any) -> Diamond:
    """A stone that the sandbox has for sale, as the catalogue knows it from long ago."""
    items = list(sandbox.supplier.items(labgrown=True, availability=0))
    return a_diamond(
        feed=GROWN, supplier_stone_id=items[place]["diamond"]["id"], lab_grown=True, **{"rule_set": 1, **changes}
    )


def requests(sandbox: Sandbox) -> int:
    return int(sandbox.supplier.accounting.stats()["requests"])


# --- by the catalogue alone ------------------------------------------------------------------------------------------


def test_a_cart_is_answered_in_its_order_doubled_and_missing_stones_too(http: Client) -> None:
    here, sold, nobody = a_diamond(price_cents=100), a_diamond(availability="sold"), uuid4()

    results = verified(verify(http, sold.pk, str(here.pk).upper(), nobody, here.pk))

    assert [result["id"] for result in results] == [str(sold.pk), str(here.pk), str(nobody), str(here.pk)]
    assert [result["found"] for result in results] == [True, True, False, True]
    assert [result["for_sale"] for result in results] == [False, True, False, True]
    assert [result["availability"] for result in results] == ["sold", "available", None, "available"]
    assert {result["live"] for result in results} == {"not_asked"}
    assert (results[1]["price"], results[1]["currency"]) == ("1.00", "USD")


def test_a_price_that_is_another_now_is_told(http: Client) -> None:
    stone = a_diamond(price_cents=7_000_00)
    prices = ["7000.00", 7000, "7000.01", None]

    results = verified(
        verify(http, *({"id": str(stone.pk), **({"price": price} if price else {})} for price in prices))
    )

    assert [result["price_changed"] for result in results] == [False, False, True, None]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "diamonds", "is missing"),
        ({"diamonds": []}, "diamonds", "must be a list of stones"),
        ({"diamonds": [{"id": str(uuid4())}] * 51}, "diamonds", "more than 50"),
        ({"diamonds": [str(uuid4())]}, "diamonds[0]", "must be an object"),
        ({"diamonds": [{}]}, "diamonds[0].id", "is missing"),
        ({"diamonds": [{"id": "1' OR 1=1"}]}, "diamonds[0].id", "must be a UUID"),
        ({"diamonds": [{"id": "٥c1f7a52-6b0e-5c8b-9d53-0c6a4e1f2b7d"}]}, "diamonds[0].id", "must be a UUID"),
        ({"diamonds": [{"id": str(uuid4()), "price": "-1"}]}, "diamonds[0].price", "amount"),
        ({"diamonds": [{"id": str(uuid4()), "price": "1.001"}]}, "diamonds[0].price", "amount"),
        ({"diamonds": [{"id": str(uuid4()), "prize": "1"}]}, "diamonds[0].prize", "did you mean price?"),
        ({"diamonds": [{"id": str(uuid4())}], "live": "true"}, "live", "must be true or false"),
        ({"ids": [str(uuid4())]}, "diamonds", "is missing"),
    ],
)
def test_what_is_no_cart_is_told_precisely(http: Client, body: Any, field: str, words: str) -> None:
    answer = http.post(ADDRESS, body, content_type="application/json")

    assert answer.status_code == 400, answer.content
    assert any(error["field"] == field and words in error["message"] for error in answer.json()["errors"]), (
        answer.json()
    )


def test_nothing_outside_the_view_is_verified_or_asked_for(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stone = a_stone_of(sandbox)
    view = ClientView(key="natural", forced={"lab_grown": AnyOf("lab_grown", (False,))})
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: view)

    (result,) = verified(verify(http, stone.pk, live=True))

    assert (result["found"], result["live"], result["price"]) == (False, "not_asked", None)
    assert requests(sandbox) == 0


def test_what_the_view_does_not_show_is_not_told(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stone = a_diamond()
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: ClientView(key="few", fields=frozenset({"shape"})))

    (result,) = verified(verify(http, {"id": str(stone.pk), "price": "7000.00"}))

    assert (result["price"], result["price_changed"], result["availability"]) == (None, None, None)


# --- live ------------------------------------------------------------------------------------------------------------


def test_only_who_holds_the_scope_has_suppliers_asked(sandbox: Sandbox) -> None:
    stone = a_stone_of(sandbox)

    answer = verify(signed_in("catalog:read"), stone.pk, live=True)

    assert problem(answer) == (403, "forbidden")
    assert "catalog:verify" in answer.json()["detail"]
    assert requests(sandbox) == 0


def test_who_must_sign_for_the_scope_asks_nothing_without(http: Client, sandbox: Sandbox) -> None:
    stone = a_stone_of(sandbox)
    ApiClient.objects.update(needs_signature=["catalog:verify"])

    answers = [verify(http, stone.pk, live=True), verify(http, stone.pk)]

    assert problem(answers[0]) == (401, "signature-needed")
    assert answers[1].status_code == 200
    assert requests(sandbox) == 0


def test_what_the_supplier_says_is_told_and_is_in_the_catalogue_from_then_on(http: Client, sandbox: Sandbox) -> None:
    stone = a_stone_of(sandbox, availability="sold", price_cents=1)

    (result,) = verified(verify(http, {"id": str(stone.pk), "price": "0.01"}, live=True))

    now = Diamond.objects.get(pk=stone.pk)
    assert (result["for_sale"], result["live"], result["price_holds"]) == (True, "confirmed", True)
    assert (result["availability"], result["price_changed"]) == ("available", True)
    assert now.availability == "available"
    assert result["price"] == f"{now.price_cents // 100}.{now.price_cents % 100:02}"
    assert AvailabilityChange.objects.get(diamond_id=stone.pk).old == "sold"
    change = PriceChange.objects.get(diamond_id=stone.pk)
    assert (change.cause, change.actor) == ("verify", "tool (API client)")
    assert RawDiamond.objects.get(diamond_id=stone.pk).pk == now.raw_id
    assert not list(invariants.newest_payload_wins())
    assert not list(invariants.ledgers_balance())
    assert not list(invariants.prices_follow_their_rule_set())


def test_the_same_answer_again_writes_nothing(http: Client, sandbox: Sandbox) -> None:
    stone = a_stone_of(sandbox)
    verify(http, stone.pk, live=True)
    raw = Diamond.objects.get(pk=stone.pk).raw_id

    (result,) = verified(verify(http, stone.pk, live=True))

    assert (result["live"], result["price_holds"]) == ("confirmed", True)
    assert Diamond.objects.get(pk=stone.pk).raw_id == raw
    assert RawDiamond.objects.count() == 1


def test_a_feed_that_never_completed_a_run_keeps_nothing_and_says_that_a_price_does_not_hold(
    http: Client, sandbox: Sandbox
) -> None:
    stone = a_stone_of(sandbox, availability="sold", cost_cents=1, price_cents=2)
    Feed.objects.get(slug=GROWN).runs.update(state="failed")

    (result,) = verified(verify(http, stone.pk, live=True))

    assert (result["for_sale"], result["live"], result["price_holds"]) == (True, "confirmed", False)
    assert result["price"] == "0.02"
    assert Diamond.objects.get(pk=stone.pk).availability == "sold"
    assert not RawDiamond.objects.exists()


def test_a_stone_that_the_supplier_does_not_know_is_gone_but_not_delisted_by_that(
    http: Client, sandbox: Sandbox
) -> None:
    stone, gone = a_stone_of(sandbox), a_diamond(feed=GROWN, supplier_stone_id="nobody-s")

    results = verified(verify(http, stone.pk, gone.pk, live=True))

    assert [(result["live"], result["for_sale"]) for result in results] == [("confirmed", True), ("gone", False)]
    assert Diamond.objects.get(pk=gone.pk).availability == "available"


def test_suppliers_are_asked_once_for_a_cart_in_the_interactive_lane(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stones = [a_stone_of(sandbox, place) for place in range(5)]
    verify(http, stones[0].pk, live=True)
    lanes: list[Any] = []
    acquire = Limiter.acquire

    def watched(self: Limiter, *, lane: Lane = Lane.BULK, max_wait: float | None = None) -> Any:
        lanes.append(lane)
        return acquire(self, lane=lane, max_wait=max_wait)

    monkeypatch.setattr(Limiter, "acquire", watched)
    before = requests(sandbox)

    results = verified(verify(http, *(stone.pk for stone in [*stones, *stones]), live=True))

    assert {result["live"] for result in results} == {"confirmed"}
    # A busy machine may miss a slot and take another; it sends once.
    assert set(lanes) == {Lane.INTERACTIVE}
    assert requests(sandbox) == before + 1


@pytest.mark.parametrize(
    "faults",
    [
        Settings(http_5xx=Failing(rate=1, status=500)),
        Settings(html_200=1),
        Settings(cut_connection=1),
        Settings(graphql_error=1),
        Settings(fail_next=FailNext(requests=9, status=429, retry_after=7)),
        Settings(timeout=Hanging(rate=1, seconds=20)),
    ],
)
def test_a_supplier_that_is_away_slow_or_throttles_leaves_the_catalogue_s_own_answer(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, faults: Settings
) -> None:
    monkeypatch.setattr(verifying, "VERIFY_SECONDS", 1.5)
    stone = a_stone_of(sandbox, price_cents=100)
    verify(http, a_stone_of(sandbox, 1).pk, live=True)
    sandbox.supplier.set_faults(faults)

    (result,) = verified(verify(http, stone.pk, live=True))

    assert (result["live"], result["for_sale"], result["price"]) == ("unavailable", True, "1.00")
    assert result["price_holds"] is None


@pytest.mark.parametrize("error", [WaitTooLong(1.4), LimiterUnavailable("no Redis")])
def test_without_a_slot_the_catalogue_answers(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    stone = a_stone_of(sandbox)

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(Limiter, "acquire", refuse)

    (result,) = verified(verify(http, stone.pk, live=True))

    assert result["live"] == "unavailable"
    assert requests(sandbox) == 0


def test_carts_hold_few_threads_while_a_supplier_hangs(http: Client, sandbox: Sandbox) -> None:
    stone = a_stone_of(sandbox)
    with ExitStack() as held:
        for _ in range(asking.MAX_AT_ONCE):
            held.enter_context(asking.place())

        (result,) = verified(verify(http, stone.pk, live=True))

    assert result["live"] == "unavailable"
    assert verified(verify(http, stone.pk, live=True))[0]["live"] == "confirmed"


def test_a_supplier_that_takes_one_id_at_a_time_is_asked_for_one_at_a_time(http: Client, sandbox: Sandbox) -> None:
    stones = [a_stone_of(sandbox, place) for place in range(3)]
    verify(http, stones[0].pk, live=True)
    sandbox.supplier.set_faults(Settings(refuse_ids=Refusing(most=1)))

    results = verified(verify(http, *(stone.pk for stone in stones), live=True))

    assert {result["live"] for result in results} == {"confirmed"}


def test_an_answer_that_does_not_become_a_diamond_is_none(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stone = a_stone_of(sandbox, price_cents=100)

    def does_not_map(*_: Any) -> Any:
        raise MappingError("price", "is missing")

    monkeypatch.setattr(NivodaAdapter, "to_diamond", does_not_map)

    (result,) = verified(verify(http, stone.pk, live=True))

    assert (result["live"], result["price"], result["for_sale"]) == ("unavailable", "1.00", True)
    assert not RawDiamond.objects.exists()


def test_an_answer_that_the_catalogue_does_not_take_is_told_and_not_kept(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stone = a_stone_of(sandbox, availability="sold")
    to_diamond = NivodaAdapter.to_diamond

    def too_dear(self: NivodaAdapter, item: bytes) -> Any:
        return replace(to_diamond(self, item), cost_cents=10**12)

    monkeypatch.setattr(NivodaAdapter, "to_diamond", too_dear)

    (result,) = verified(verify(http, stone.pk, live=True))

    assert (result["live"], result["for_sale"], result["price_holds"]) == ("confirmed", True, False)
    assert Diamond.objects.get(pk=stone.pk).availability == "sold"
    assert not RawDiamond.objects.exists()


def test_a_stone_whose_supplier_cannot_be_asked_is_said_as_such(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_a_list, of_no_feed = a_diamond(feed="list"), a_diamond(feed="forgotten")
    switched_off = a_diamond(feed=GROWN)
    Feed.objects.filter(slug=GROWN).update(enabled=False)
    Feed.objects.create(slug="list", name="list", adapter="pricelist", parameters={"source": "/nowhere.csv"})

    results = verified(verify(http, of_a_list.pk, of_no_feed.pk, switched_off.pk, live=True))

    assert [result["live"] for result in results[1:]] == ["not_supported", "not_supported"]
    assert results[0]["live"] in {"not_supported", "unavailable"}
    assert all(result["for_sale"] for result in results)
