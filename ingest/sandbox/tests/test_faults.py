"""What goes wrong when it is told to."""

from __future__ import annotations

import time

import pytest
import requests

from ingest.sandbox.faults import POISONS, Faults
from ingest.sandbox.tests.conftest import COUNT, Buyer


def set_faults(buyer: Buyer, **faults: object) -> None:
    response = buyer.control("POST", "/faults", faults)
    assert response.status_code == 200, response.text


def ask(buyer: Buyer) -> requests.Response:
    return buyer.post(COUNT, {"token": buyer.token, "query": {"availability": ["AVAILABLE"]}})


def test_throttling_comes_with_and_without_a_time(buyer: Buyer) -> None:
    set_faults(buyer, http_429={"rate": 1, "retry_after": 2})
    told = ask(buyer)
    set_faults(buyer, http_429=1)
    untold = ask(buyer)

    assert (told.status_code, told.headers["Retry-After"]) == (429, "2")
    assert untold.status_code == 429
    assert "Retry-After" not in untold.headers
    assert buyer.stats()["errors_injected"] == 2


def test_server_errors_have_an_html_body(buyer: Buyer) -> None:
    set_faults(buyer, http_5xx={"rate": 1, "status": 502})

    response = ask(buyer)

    assert response.status_code == 502
    assert response.text.startswith("<html>")


def test_a_page_of_html_may_come_as_200(buyer: Buyer) -> None:
    set_faults(buyer, html_200=1)

    response = ask(buyer)

    assert response.status_code == 200
    assert "html" in response.headers["Content-Type"]


def test_errors_may_come_as_200_without_data(buyer: Buyer) -> None:
    set_faults(buyer, graphql_error=1)

    response = ask(buyer)

    assert response.status_code == 200
    assert response.json()["data"] is None
    assert response.json()["errors"]


def test_connections_are_cut_before_and_in_the_middle_of_an_answer(buyer: Buyer) -> None:
    set_faults(buyer, cut_connection=1)

    failures = set()
    for _ in range(20):
        with pytest.raises(requests.RequestException) as failure:
            ask(buyer)
        failures.add(type(failure.value))

    assert failures == {requests.ConnectionError, requests.exceptions.ChunkedEncodingError}


def test_an_answer_may_take_longer_than_anybody_waits(buyer: Buyer) -> None:
    set_faults(buyer, timeout={"rate": 1, "seconds": 30})

    with pytest.raises(requests.Timeout):
        buyer.session.post(buyer.sandbox.url, json={"query": "{ __typename }"}, timeout=0.2)


def test_answers_are_late(buyer: Buyer) -> None:
    set_faults(buyer, latency_ms=120, jitter_ms=10)
    started = time.monotonic()

    ask(buyer)

    assert time.monotonic() - started >= 0.12


def test_tokens_expire_at_once_and_new_ones_work(buyer: Buyer) -> None:
    set_faults(buyer, expire_tokens=True)

    refused = ask(buyer).json()
    buyer.sign_in()

    assert "expired" in refused["errors"][0]["message"]
    assert ask(buyer).json()["data"]["as"]["diamonds_by_query_count"] == 1_500


def test_throttling_lasts_for_its_time(buyer: Buyer) -> None:
    # A machine that stood still for longer than it lasts asks too late.
    for seconds in (0.3, 3.0, 30.0):
        set_faults(buyer, throttle_for=seconds)
        first = ask(buyer)
        if first.status_code == 429:
            break

    assert first.status_code == 429
    assert 1 <= int(first.headers["Retry-After"]) <= max(1, seconds)
    deadline = time.monotonic() + 180
    while ask(buyer).status_code == 429:
        assert time.monotonic() < deadline


def test_the_next_requests_fail_and_those_after_do_not(buyer: Buyer) -> None:
    set_faults(buyer, fail_next={"requests": 2, "status": 503, "retry_after": 7})

    answers = [ask(buyer) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"


@pytest.mark.parametrize(("wrong", "count"), [({"factor": 0.5}, 750), ({"offset": -3}, 1_497), ({"offset": -9_999}, 0)])
def test_counts_are_wrong(buyer: Buyer, wrong: dict[str, float], count: int) -> None:
    set_faults(buyer, wrong_counts=wrong)

    assert buyer.count(availability=["AVAILABLE"]) == count


def test_suddenly_nothing_is_shown_and_then_all_again(buyer: Buyer) -> None:
    set_faults(buyer, empty_inventory=True)
    nothing = buyer.count(), buyer.page()["items"]
    set_faults(buyer)

    assert nothing == (0, [])
    assert buyer.count(availability=["AVAILABLE"]) == 1_500


def test_aliases_are_rejected(buyer: Buyer) -> None:
    set_faults(buyer, reject_aliases=True)
    field = "diamonds_by_query_count(query: {})"

    answer = buyer.ask(f"query($token: String!) {{ as(token: $token) {{ a: {field} b: {field} }} }}")

    assert "Aliases" in answer["errors"][0]["message"]


def test_stones_change_before_every_page(buyer: Buyer) -> None:
    set_faults(buyer, churn={"per_request": 4, "kinds": ["price", "vanish"]})
    before = buyer.count(availability=["AVAILABLE"])

    for _ in range(5):
        buyer.page()

    changes = buyer.control("GET", "/changes").json()
    assert len(changes["changed"]) + len(changes["vanished"]) == 20
    assert changes["added"] == []
    assert buyer.count(availability=["AVAILABLE"]) == before - len(changes["vanished"])


def test_stones_that_stood_still_are_what_they_were_through_all_changes(buyer: Buyer) -> None:
    before = {item["diamond"]["id"]: item for item in buyer.truth()}
    set_faults(buyer, churn={"per_request": 10}, seed=3)

    buyer.walk(labgrown=False)

    moved = {stone for ids in buyer.control("GET", "/changes").json().values() for stone in ids}
    after = {item["diamond"]["id"]: item for item in buyer.truth()}
    assert moved
    assert {stone: item for stone, item in after.items() if stone not in moved} == {
        stone: item for stone, item in before.items() if stone not in moved
    }


def test_poison_comes_in_every_kind_and_goes_again(buyer: Buyer) -> None:
    clean = buyer.truth()

    poisoned = buyer.control("POST", "/faults", {"poison": 7}).json()["poisoned"]
    dirty = buyer.truth()
    set_faults(buyer)

    assert len(poisoned) == 7
    assert set(poisoned.values()) == set(POISONS)
    assert sum(old != new for old, new in zip(clean, dirty, strict=True)) == 7
    assert sum(item["diamond"]["id"] is None for item in dirty) == 1
    assert {None, 0, "on request"} <= {item["price"] for item in dirty}
    assert min(item["price"] for item in dirty if isinstance(item["price"], int)) < 0
    assert buyer.truth() == clean


def test_the_same_seed_fails_the_same_requests() -> None:
    def misfortunes() -> list[object]:
        faults = Faults()
        faults.replace(Faults.read(b'{"seed": 5, "http_429": 0.3, "http_5xx": 0.3, "html_200": 0.2}'), now=0)
        return [faults.mishap(1.0) for _ in range(50)]

    first = misfortunes()

    assert first == misfortunes()
    assert len({str(mishap) for mishap in first}) > 3


@pytest.mark.parametrize(
    "body",
    [
        {"http_429": 1.5},
        {"http_500": 1},
        {"churn": {"per_request": 1, "kinds": ["melt"]}},
        {"fail_next": {"requests": 1, "status": 200}},
        {"latency_ms": "slow"},
        [],
    ],
)
def test_faults_that_are_not_understood_are_refused_and_change_nothing(buyer: Buyer, body: object) -> None:
    set_faults(buyer, latency_ms=1)

    response = buyer.control("POST", "/faults", body)

    assert response.status_code == 400
    assert "known faults" in response.json()["error"]
    assert buyer.control("GET", "/faults").json() == {"latency_ms": 1.0}
