"""Pages of a client's origins read every answer, refusals too; pages of others read none; preflights need no key."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client

from diamondhub.access import gate, origins
from diamondhub.access.clients import create_client
from diamondhub.access.models import Kind

pytestmark = pytest.mark.django_db
SHOP, OTHER, STRANGER = "https://shop.example", "https://other.example", "https://evil.example"
ADDRESS = "/api/v1/diamonds"


@pytest.fixture(autouse=True)
def shop_key() -> str:
    """A key of the shop's pages, whose client has one origin, as another client has."""
    create_client("other", scopes=["catalog:read"], kind=Kind.PUBLISHABLE, origins=[OTHER])
    issued = create_client("shop", scopes=["catalog:read"], kind=Kind.PUBLISHABLE, origins=[SHOP])
    origins.forget()
    return issued.text


@pytest.fixture
def http(shop_key: str) -> Client:
    return Client(headers={"X-API-Key": shop_key}, raise_request_exception=False)


def readable_by(answer: Any) -> str | None:
    """The origin whose pages may read the answer."""
    assert "Origin" in answer["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer
    origin: str | None = answer.get("Access-Control-Allow-Origin")
    assert origin != "*"
    assert ("Access-Control-Expose-Headers" in answer) is (origin is not None)
    return origin


def preflight(origin: str, address: str = ADDRESS, method: str = "GET") -> Any:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x-api-key"}
    return Client(raise_request_exception=False).options(address, headers=asked)


def test_a_page_of_the_client_s_reads_its_answers_and_no_other_page_does(http: Client) -> None:
    asking = [SHOP, OTHER, STRANGER, "null", f"{SHOP}.evil.example", f"{SHOP}:8443", "http://shop.example", ""]

    answers = {origin: http.get(ADDRESS, headers={"Origin": origin}) for origin in asking}

    assert {origin for origin, answer in answers.items() if answer.status_code == 200} == {SHOP}
    # A page of another client's is told why it is refused, as it was by the preflight.
    assert {origin: readable_by(answer) for origin, answer in answers.items() if readable_by(answer)} == {
        SHOP: SHOP,
        OTHER: OTHER,
    }
    assert answers[OTHER].json()["type"] == "/api/problems/origin-not-allowed"


def test_headers_that_say_how_to_go_on_are_exposed(http: Client) -> None:
    exposed = http.get(ADDRESS, headers={"Origin": SHOP})["Access-Control-Expose-Headers"].split(", ")

    assert {
        "RateLimit", "RateLimit-Policy", "Retry-After", "ETag", "X-Request-Id", "Link", "Deprecation", "Sunset",
        "Idempotency-Replayed", "X-Search",
    } <= set(exposed)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "key", "status"),
    [
        (ADDRESS, "dh_wrong", 401),
        (ADDRESS, None, 401),
        (f"{ADDRESS}?carats_min=x", "good", 400),
        (f"{ADDRESS}/no-id", "good", 404),
        ("/api/v1/rule-sets", "good", 403),
    ],
)
def test_errors_are_readable_too(http: Client, address: str, key: str | None, status: int) -> None:
    asking = http if key == "good" else Client(headers={"X-API-Key": key} if key else {})

    answer = asking.get(address, headers={"Origin": SHOP})

    assert (answer.status_code, readable_by(answer)) == (status, SHOP)


@pytest.mark.usefixtures("one_minute")
def test_who_guesses_too_often_reads_when_to_ask_again() -> None:
    http = Client(headers={"X-API-Key": "dh_wrong", "Origin": SHOP}, REMOTE_ADDR="203.0.113.7")

    answers = [http.get(ADDRESS) for _ in range(31)]

    assert answers[-1].status_code == 429
    assert readable_by(answers[-1]) == SHOP
    assert "Retry-After" in answers[-1]["Access-Control-Expose-Headers"]


def test_a_fault_of_ours_and_an_answer_without_the_database_are_readable(http: Client) -> None:
    http.get("/api/problems/", headers={"Origin": SHOP, "X-API-Key": ""})
    preflight(SHOP)

    def away() -> frozenset[str]:
        raise OperationalError("away")

    with mock.patch("diamondhub.access.presented.find", side_effect=OperationalError("away")):
        with mock.patch.object(origins, "all_origins", away):
            without_database = http.get(ADDRESS, headers={"Origin": SHOP})
    with mock.patch("catalog.searching.pages.with_hits", side_effect=ZeroDivisionError):
        fault = http.get(ADDRESS, headers={"Origin": SHOP})

    assert (without_database.status_code, readable_by(without_database)) == (503, SHOP)
    assert (fault.status_code, readable_by(fault)) == (500, SHOP)


def test_a_preflight_is_answered_without_a_key_and_without_the_database(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "UNION_SECONDS", 3_600.0)
    preflight(OTHER)

    with django_assert_num_queries(0):
        answer = preflight(OTHER)

    assert (answer.status_code, answer.content) == (204, b"")
    assert readable_by(answer) == OTHER
    assert set(answer["Access-Control-Allow-Methods"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert {"X-API-Key", "Idempotency-Key", "Content-Type", "If-Modified-Since", "If-Range"} <= set(
        answer["Access-Control-Allow-Headers"].split(", ")
    )
    assert 0 < int(answer["Access-Control-Max-Age"]) <= 7200
    assert "Access-Control-Request-Method" in answer["Vary"]


def test_a_preflight_says_which_methods_an_address_takes() -> None:
    answer = preflight(SHOP, "/api/v1/rule-sets/1", "PATCH")

    assert set(answer["Access-Control-Allow-Methods"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}


def test_a_preflight_of_a_stranger_opens_nothing() -> None:
    answer = preflight(STRANGER)

    assert (answer.status_code, answer.json()["type"]) == (403, "/api/problems/origin-not-allowed")
    assert readable_by(answer) is None
    assert "Access-Control-Allow-Methods" not in answer


def test_what_asks_without_a_browser_s_words_is_no_preflight(http: Client) -> None:
    assert http.options(ADDRESS, headers={"Origin": SHOP}).status_code == 200
    assert Client().options(ADDRESS, headers={"Origin": SHOP}).status_code == 401
    assert preflight(SHOP, "/api/v1/nothing").status_code == 404


def test_pages_of_people_say_nothing_of_origins() -> None:
    answer = Client().get("/admin/login/", headers={"Origin": SHOP})

    assert "Access-Control-Allow-Origin" not in answer


def test_the_step_stands_before_everything_that_may_refuse() -> None:
    names = [name.rpartition(".")[2] for name in gate.STEPS]

    assert names[:3] == ["RequestId", "CrossOrigin", "Caching"]
    assert names.index("Preflights") < names.index("PresentedKeys")
