"""The supplier's operations over HTTP, as its documentation has them."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from diamondhub.tests.patience import HANG_SECONDS
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.sandbox.tests.conftest import COUNT, Buyer, selection

LOOKUP = f"""query($token: String!, $id: ID!) {{ as(token: $token) {{
  get_diamond_by_id(diamond_id: $id) {selection("Offer")} }} }}"""
HOLD = """mutation($token: String!, $id: ID!) { as(token: $token) {
  create_hold(ProductId: $id, ProductType: Diamond) { id denied until } } }"""
CANCEL = "mutation($token: String!, $id: ID!) { as(token: $token) { cancel_hold(hold_id: $id) { id } } }"
ORDER = "mutation($token: String!, $items: [OrderItem!]!) { as(token: $token) { create_order(items: $items) } }"


def test_a_wrong_password_is_answered_with_200_and_errors(sandbox: Sandbox) -> None:
    answer = Buyer(sandbox).sign_in(password="wrong")

    assert answer["data"] is None
    assert "password" in answer["errors"][0]["message"]


def test_a_token_that_was_never_given_is_refused(buyer: Buyer) -> None:
    buyer.token = "made up"

    response = buyer.post(COUNT, {"token": buyer.token, "query": {}})

    assert response.status_code == 200
    assert response.json()["data"] is None
    assert "token" in response.json()["errors"][0]["message"]


def test_a_token_expires() -> None:
    with Sandbox(Options(stones=10, token_seconds=0)) as sandbox:
        buyer = Buyer(sandbox)
        buyer.sign_in()

        answer = buyer.ask(COUNT, query={})

    assert answer["data"] is None
    assert "expired" in answer["errors"][0]["message"]


def test_a_bearer_token_is_accepted_too(buyer: Buyer) -> None:
    answer = buyer.post(COUNT, {"token": "", "query": {}}, Authorization=f"Bearer {buyer.token}")

    assert answer.json()["data"]["as"]["diamonds_by_query_count"] > 0


def test_every_answer_says_what_time_it_is(buyer: Buyer) -> None:
    for response in (buyer.post(COUNT, {"token": "", "query": {}}), buyer.control("GET", "/stats")):
        assert parsedate_to_datetime(response.headers["Date"])


def test_exactly_the_stones_asked_for_are_available_in_both_feeds_together(buyer: Buyer) -> None:
    natural = buyer.count(labgrown=False, availability=["AVAILABLE"])
    labgrown = buyer.count(labgrown=True, availability=["AVAILABLE"])

    assert (natural, labgrown) == (round(1_500 * 0.327), 1_500 - round(1_500 * 0.327))
    assert buyer.count() > 1_500


def test_the_total_count_is_what_is_left(buyer: Buyer) -> None:
    available: dict[str, Any] = {"labgrown": False, "availability": ["AVAILABLE"]}
    count = buyer.count(**available)

    page = buyer.page(count - 13, **available)

    assert page["total_count"] == 13


def test_more_than_fifty_at_once_is_an_error(buyer: Buyer) -> None:
    text = (
        """query($token: String!) { as(token: $token) { diamonds_by_query(query: {}, limit: 51) { total_count } } }"""
    )

    answer = buyer.ask(text)

    assert answer["data"] is None
    assert "limit" in answer["errors"][0]["message"]


def test_counts_travel_together_as_aliases(buyer: Buyer) -> None:
    text = """query($token: String!, $a: DiamondQuery!) { as(token: $token) {
      natural: diamonds_by_query_count(query: {labgrown: false})
      labgrown: diamonds_by_query_count(query: $a) } }"""

    answer = buyer.ask(text, a={"labgrown": True})

    assert answer["data"]["as"] == {"natural": buyer.count(labgrown=False), "labgrown": buyer.count(labgrown=True)}


def test_a_feed_without_aliases_takes_one_count_a_request() -> None:
    field = "diamonds_by_query_count(query: {})"
    twice = f"query($token: String!) {{ as(token: $token) {{ a: {field} b: {field} }} }}"
    with Sandbox(Options(stones=10, aliases=False)) as sandbox:
        buyer = Buyer(sandbox)
        buyer.sign_in()

        refused, alone = buyer.ask(twice), buyer.count(availability=["AVAILABLE"])

    assert "Aliases" in refused["errors"][0]["message"]
    assert alone == 10


def test_what_is_picked_of_an_item_is_what_comes(buyer: Buyer) -> None:
    text = """query($token: String!) { as(token: $token) { diamonds_by_query(query: {labgrown: true}, limit: 1) {
      items { offer: id ...Stone } } } }
      fragment Stone on Offer { diamond { supplier { name } id } }"""

    (item,) = buyer.ask(text)["data"]["as"]["diamonds_by_query"]["items"]

    assert list(item) == ["offer", "diamond"]
    assert list(item["diamond"]) == ["supplier", "id"]


def test_plain_reading_and_field_by_field_execution_agree(buyer: Buyer) -> None:
    text = f"""query($token: String!) {{ as(token: $token) {{
      diamonds_by_query(query: {{labgrown: true}}, limit: 20) MARK {{ items {selection("Offer")} total_count }} }} }}"""

    fast, slow = (buyer.ask(text.replace("MARK", mark)) for mark in ("", "@include(if: true)"))

    assert fast == slow


def test_a_query_that_the_schema_lacks_is_refused(buyer: Buyer) -> None:
    response = buyer.post("{ as(token: 1) { diamonds } }", {})

    assert response.status_code == 400
    assert "Cannot query field 'diamonds'" in str(response.json()["errors"])


def test_a_body_that_is_no_json_is_refused(buyer: Buyer) -> None:
    response = buyer.session.post(buyer.sandbox.url, data=b"\xff", timeout=HANG_SECONDS)

    assert response.status_code == 400
    assert "JSON" in response.json()["errors"][0]["message"]


def test_a_stone_is_found_by_stone_id_and_by_offer_id(buyer: Buyer) -> None:
    item = buyer.page(limit=2, labgrown=True)["items"][0]

    by_stone = buyer.ask(LOOKUP, id=item["diamond"]["id"])["data"]["as"]["get_diamond_by_id"]
    by_offer = buyer.ask(LOOKUP, id=item["id"])["data"]["as"]["get_diamond_by_id"]

    assert by_stone == by_offer == item
    assert buyer.ask(LOOKUP, id="DIAMOND/unknown")["data"]["as"]["get_diamond_by_id"] is None


def test_a_hold_takes_a_stone_off_the_market_until_it_is_cancelled(buyer: Buyer) -> None:
    stone = buyer.page(limit=2, availability=["AVAILABLE"])["items"][0]["diamond"]["id"]
    wanted = {"ids": [stone], "availability": ["AVAILABLE"]}

    hold = buyer.ask(HOLD, id=stone)["data"]["as"]["create_hold"]
    again = buyer.ask(HOLD, id=stone)["data"]["as"]["create_hold"]
    held = buyer.page(ids=[stone])["items"][0]["diamond"]

    assert hold["denied"] is False
    assert again == {"id": None, "denied": True, "until": None}
    assert (held["availability"], held["HoldId"]) == ("ON HOLD", hold["id"])
    assert buyer.count(**wanted) == 0

    buyer.ask(CANCEL, id=hold["id"])

    assert buyer.count(**wanted) == 1


def test_an_order_sells_a_stone_once(buyer: Buyer) -> None:
    item = buyer.page(limit=2, availability=["AVAILABLE"])["items"][0]
    order = [{"offerId": item["id"], "customer_order_number": "1", "return_option": False}]

    first, second = buyer.ask(ORDER, items=order), buyer.ask(ORDER, items=order)

    assert first["data"]["as"]["create_order"].startswith("ORDER/")
    assert "not available" in second["errors"][0]["message"]
    assert buyer.page(ids=[item["diamond"]["id"]])["items"][0]["diamond"]["availability"] == "SOLD"


@pytest.mark.parametrize("path", ["/items?colour=D", "/items?labgrown=maybe", "/items?availability=GONE"])
def test_the_control_door_refuses_what_it_does_not_know(buyer: Buyer, path: str) -> None:
    assert buyer.control("GET", path).status_code == 400
