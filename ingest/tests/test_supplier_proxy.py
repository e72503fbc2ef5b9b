"""The supplier proxy from outside: rights, limits, answers and errors, against the sandbox over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import Client
from django.test.utils import override_settings
from structlog.testing import capture_logs

from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.access.tests.signing import send, signing_client
from diamondhub.pace.limiter import Lane, Limiter, LimiterUnavailable, WaitTooLong
from ingest import asking
from ingest.feeds import adapters
from ingest.feeds.nivoda import adapter as nivoda_adapter
from ingest.feeds.nivoda import build as nivoda
from ingest.feeds.nivoda.client import Manner
from ingest.models import Feed
from ingest.sandbox.faults import Failing, FailNext, Hanging, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests import factories

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/suppliers/nivoda-labgrown/graphql"
COUNT = "query Count($q: DiamondQuery!) { diamonds_by_query_count(query: $q) }"
PASSWORD = "correct-horse-battery"
ASK = {"query": COUNT, "variables": {"q": {"labgrown": True, "availability": ["AVAILABLE"]}}}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with factories.sandbox_feed(Options(stones=100, password=PASSWORD)) as (running, _):
        with override_settings(NIVODA_PASSWORD=PASSWORD):
            yield running
    factories.calm_the_limiter()


@pytest.fixture
def http() -> Client:
    return signed_in("tool", "suppliers:proxy")


def signed_in(name: str, *scopes: str) -> Client:
    return Client(headers={"X-API-Key": create_client(name, scopes=scopes).text}, raise_request_exception=False)


def ask(http: Client, body: Any, address: str = ADDRESS) -> Any:
    return http.post(address, body, content_type="application/json")


def kind(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body["type"].rpartition("/")[2]


def requests(sandbox: Sandbox) -> int:
    return int(sandbox.supplier.accounting.stats()["requests"])


def test_a_query_is_answered_as_if_the_account_were_its_root(http: Client, sandbox: Sandbox) -> None:
    answer = ask(http, ASK)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "data": {"diamonds_by_query_count": sandbox.supplier.inventory.available["labgrown"]},
        "errors": [],
    }


def test_what_is_wrong_with_a_query_is_said_in_the_supplier_s_words(http: Client, sandbox: Sandbox) -> None:
    answer = ask(http, {"query": "{ diamonds_by_query_count(query: {}) nothing }"})

    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert "nothing" in answer.json()["errors"][0]["message"]


def test_every_question_takes_a_slot_in_the_interactive_lane(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(http, ASK)
    lanes: list[tuple[Any, Any]] = []
    acquire = Limiter.acquire

    def watched(self: Limiter, *, lane: Lane = Lane.BULK, max_wait: float | None = None) -> Any:
        lanes.append((lane, max_wait))
        return acquire(self, lane=lane, max_wait=max_wait)

    monkeypatch.setattr(Limiter, "acquire", watched)
    before = requests(sandbox)

    ask(http, ASK)

    # A busy machine may miss a slot and take another; it sends once.
    assert set(lanes) == {(Lane.INTERACTIVE, 2.0)}
    assert requests(sandbox) == before + 1


@pytest.mark.parametrize("scopes", [["catalog:read"], ["suppliers:order"]])
def test_who_lacks_the_scope_is_refused(sandbox: Sandbox, scopes: list[str]) -> None:
    answer = ask(signed_in("shop", *scopes), ASK)

    assert kind(answer) == (403, "forbidden")
    assert "suppliers:proxy" in answer.json()["detail"]
    assert requests(sandbox) == 0


def test_who_has_no_key_is_refused(sandbox: Sandbox) -> None:
    assert kind(ask(Client(), ASK))[0] == 401
    assert requests(sandbox) == 0


def test_stones_are_held_only_for_whom_may_order(http: Client, sandbox: Sandbox) -> None:
    item = next(iter(sandbox.supplier.items(labgrown=True, availability=0)))
    hold = "mutation Hold($id: ID!) { create_hold(ProductId: $id, ProductType: Diamond) { id denied } }"
    body = {"query": hold, "variables": {"id": item["diamond"]["id"]}}

    refused = ask(http, body)
    held = ask(signed_in("buyer", "suppliers:proxy", "suppliers:order"), body)

    assert kind(refused) == (403, "forbidden")
    assert "suppliers:order" in refused.json()["detail"]
    assert held.json()["data"]["create_hold"]["denied"] is False


def test_who_must_sign_orders_orders_nothing_without_and_asks_as_before(sandbox: Sandbox) -> None:
    http = signed_in("tool", "suppliers:proxy", "suppliers:order")
    ApiClient.objects.update(needs_signature=["suppliers:order"])
    hold = "mutation { create_hold(ProductId: 1, ProductType: Diamond) { id } }"

    answer = ask(http, {"query": hold})

    assert kind(answer) == (401, "signature-needed")
    assert "suppliers:order" in answer.json()["detail"]
    assert requests(sandbox) == 0
    assert ask(http, ASK).status_code == 200


def test_a_signed_order_is_relayed(sandbox: Sandbox) -> None:
    signer, _ = signing_client("suppliers:proxy", "suppliers:order")
    ApiClient.objects.update(needs_signature=["suppliers:proxy", "suppliers:order"])
    body = json.dumps({"query": "mutation { create_hold(ProductId: 1, ProductType: Diamond) { id } }"}).encode()

    answer = send(Client(), "POST", ADDRESS, signer.headers("POST", ADDRESS, body), body)

    # The supplier itself says what is wrong with that stone.
    assert answer.status_code == 200, answer.content
    assert requests(sandbox) > 0


@pytest.mark.parametrize("address", ["/api/v1/suppliers/nobody/graphql", "/api/v1/suppliers/memory/graphql"])
def test_an_unknown_feed_and_one_whose_adapter_relays_nothing_are_not_there(
    http: Client, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    factories.feed()
    factories.supplying(monkeypatch, factories.MemorySupplier())

    assert kind(ask(http, ASK, address)) == (404, "not-found")


def test_a_disabled_feed_is_not_there(http: Client, sandbox: Sandbox) -> None:
    Feed.objects.update(enabled=False)

    assert kind(ask(http, ASK)) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "query must be a GraphQL text"),
        ({"query": 5}, "query must be a GraphQL text"),
        ({"query": " "}, "query must be a GraphQL text"),
        ({"query": COUNT, "variables": []}, "variables must be an object"),
        ({"query": COUNT, "operation": "Count"}, "operation is not a field"),
        ({"query": COUNT, "a\n": 1}, "is not a field"),
        ({"query": "{ a { token } }"}, "must not mention token"),
        ({"query": "{ authenticate { x } }"}, "must not mention authenticate"),
        ({"query": COUNT, "variables": {"token": "x"}}, "declares no variable 'token'"),
        ({"query": "{ a"}, "not GraphQL"),
        ({"query": "a" * 20_001}, "20,000"),
        ('{"query": "{ a }", "query": "{ b }"}', "twice"),
        ('{"query": "{ a }", "variables": {"x": NaN}}', "NaN"),
    ],
)
def test_what_is_not_put_to_the_supplier_is_told_with_why(
    http: Client, sandbox: Sandbox, body: Any, words: str
) -> None:
    answer = ask(http, body)

    assert kind(answer) == (400, "invalid-body")
    assert words in answer.json()["detail"]
    assert requests(sandbox) == 0


def test_a_body_that_is_too_long_or_no_plain_json_is_refused(http: Client, sandbox: Sandbox) -> None:
    long = json.dumps({**ASK, "variables": {"q": "x" * 64_000}})
    text = json.dumps(ASK)

    assert kind(ask(http, long)) == (413, "body-too-large")
    assert kind(http.post(ADDRESS, text, content_type="text/plain")) == (415, "unsupported-media-type")
    assert (
        kind(http.post(ADDRESS, text, content_type="application/json", headers={"Content-Encoding": "gzip"}))[0] == 415
    )
    assert kind(http.get(ADDRESS))[0] == 405
    assert requests(sandbox) == 0


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Settings(http_5xx=Failing(rate=1, status=500)), (502, "supplier-failed")),
        (Settings(html_200=1), (502, "supplier-failed")),
        (Settings(cut_connection=1), (502, "supplier-failed")),
        (Settings(fail_next=FailNext(requests=1, status=404)), (502, "supplier-failed")),
        (Settings(fail_next=FailNext(requests=1, status=429, retry_after=7)), (503, "supplier-throttles")),
        (Settings(timeout=Hanging(rate=1, seconds=20)), (504, "supplier-too-slow")),
    ],
)
def test_a_supplier_that_fails_is_told_as_what_it_is_and_is_not_asked_again(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, faults: Settings, expected: tuple[int, str]
) -> None:
    ask(http, ASK)
    before = requests(sandbox)
    if faults.timeout:
        monkeypatch.setattr(nivoda_adapter, "RELAYED", Manner(1.0, lane=Lane.INTERACTIVE, max_wait=2.0, whole=2.0))
    sandbox.supplier.set_faults(faults)

    answer = ask(http, ASK)

    assert kind(answer) == expected
    assert requests(sandbox) == before + 1
    if expected[0] == 503:
        assert answer["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("error", "expected", "retry_after"),
    [
        (WaitTooLong(1.4), (429, "supplier-limit"), "2"),
        (LimiterUnavailable("no Redis"), (503, "supplier-limit-away"), "5"),
    ],
)
def test_without_a_slot_nothing_is_asked(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: Any, retry_after: str
) -> None:
    ask(http, ASK)
    before = requests(sandbox)

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(Limiter, "acquire", refuse)

    answer = ask(http, ASK)

    assert kind(answer) == expected
    assert answer["Retry-After"] == retry_after
    assert requests(sandbox) == before


def test_a_supplier_that_hangs_holds_few_threads_and_the_next_is_told_at_once(http: Client, sandbox: Sandbox) -> None:
    ask(http, ASK)
    before = requests(sandbox)
    with ExitStack() as held:
        for _ in range(asking.MAX_AT_ONCE):
            held.enter_context(asking.place())

        refused = ask(http, ASK)

    assert kind(refused) == (429, "supplier-limit")
    assert int(refused["Retry-After"]) > 0
    assert requests(sandbox) == before
    # Whoever was refused took nobody's place, and whoever fails gives it back.
    sandbox.supplier.set_faults(Settings(fail_next=FailNext(requests=3, status=404)))
    assert {ask(http, ASK).status_code for _ in range(3)} == {502}
    assert ask(http, ASK).status_code == 200


def test_an_answer_that_is_too_long_is_not_relayed(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nivoda_adapter, "RELAYED", Manner(5.0, lane=Lane.INTERACTIVE, max_wait=2.0, answer_limit=2_000))
    query = "{ diamonds_by_query(query: {}, limit: 50) { items { id diamond { id certificate { comments } } } } }"

    assert kind(ask(http, {"query": query})) == (502, "answer-too-large")


def test_an_expired_token_is_replaced_without_the_client_s_noticing(http: Client, sandbox: Sandbox) -> None:
    ask(http, ASK)
    sandbox.supplier.tokens.expire_all()

    answer = ask(http, ASK)

    assert answer.status_code == 200
    assert answer.json()["errors"] == []
    assert sandbox.supplier.accounting.stats()["sign_ins"] == 2


def test_every_question_is_on_record_with_its_client_and_without_secrets(http: Client, sandbox: Sandbox) -> None:
    with capture_logs() as logs:
        ask(http, ASK)
        sandbox.supplier.set_faults(Settings(http_5xx=1))
        failed = ask(http, ASK)

    asked = [entry for entry in logs if entry["event"] == "supplier_query_relayed"]
    ended = [entry for entry in logs if entry["event"] == "supplier_asked_for_client"]
    assert [(entry["kind"], entry["fields"]) for entry in asked] == [("query", ("diamonds_by_query_count",))] * 2
    assert [(entry["feed"], entry["client"], entry["outcome"]) for entry in ended] == [
        ("nivoda-labgrown", "tool", "answered"),
        ("nivoda-labgrown", "tool", "supplier-failed"),
    ]
    told = f"{logs} {failed.content!r}"
    given = list(sandbox.supplier.tokens._expiries)
    assert given
    assert not [token for token in given if token in told]
    assert PASSWORD not in told


def test_an_account_that_is_not_set_up_is_said_to_be(http: Client) -> None:
    adapters._build.cache_clear()
    nivoda._client.cache_clear()

    with override_settings(NIVODA_ENDPOINT=""):
        assert kind(ask(http, ASK)) == (503, "supplier-not-configured")


def test_the_document_describes_the_proxy(client: Client) -> None:
    document = client.get("/api/schema/", headers={"Accept": "application/json"}).json()

    described = document["paths"]["/api/v1/suppliers/{feed}/graphql"]["post"]
    assert set(described["responses"]) == {
        "200", "400", "401", "403", "404", "406", "409", "411", "413", "415", "422", "429", "500", "502", "503", "504",
    }  # fmt: skip
    assert set(described["requestBody"]["content"]) == {"application/json"}
