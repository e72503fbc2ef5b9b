"""Holds and orders by the proxy with an `Idempotency-Key`: put to the supplier once, and no second time by mistake."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import override_settings

from diamondhub.access.clients import create_client
from diamondhub.api import idempotency
from diamondhub.api.models import IdempotentRequest
from diamondhub.pace.limiter import Lane, Limiter, WaitTooLong
from ingest.feeds.nivoda import adapter as nivoda_adapter
from ingest.feeds.nivoda.client import Manner
from ingest.sandbox.faults import Failing, FailNext, Hanging, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.tests.stack import until

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/suppliers/nivoda-labgrown/graphql"
HOLD = "mutation Hold($id: ID!) { create_hold(ProductId: $id, ProductType: Diamond) { id denied } }"
PASSWORD = "correct-horse-battery"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with factories.sandbox_feed(Options(stones=100, password=PASSWORD)) as (running, _):
        with override_settings(NIVODA_PASSWORD=PASSWORD):
            yield running
    factories.calm_the_limiter()


@pytest.fixture
def http() -> Client:
    key = create_client("buyer", scopes=["suppliers:proxy", "suppliers:order"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def stone(sandbox: Sandbox) -> str:
    """The same stone each time, held or not."""
    return min(str(item["diamond"]["id"]) for item in sandbox.supplier.items(labgrown=True, availability=None))


def hold(http: Client, sandbox: Sandbox, key: str = "first", **other: Any) -> Any:
    body = {"query": HOLD, "variables": {"id": stone(sandbox)}, **other}
    return http.post(ADDRESS, body, content_type="application/json", headers={"Idempotency-Key": key})


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("type", "").rpartition("/")[2]


def requests(sandbox: Sandbox) -> int:
    return int(sandbox.supplier.accounting.stats()["requests"])


def test_an_order_that_comes_twice_is_put_to_the_supplier_once(http: Client, sandbox: Sandbox) -> None:
    first = hold(http, sandbox)
    asked = requests(sandbox)

    second = hold(http, sandbox)

    assert first.json()["data"]["create_hold"]["denied"] is False
    assert (second.status_code, second.content) == (200, first.content)
    assert second["Idempotency-Replayed"] == "true"
    assert requests(sandbox) == asked
    assert not first.has_header("Idempotency-Replayed")


def test_another_key_is_another_order_and_another_order_no_use_of_the_key(http: Client, sandbox: Sandbox) -> None:
    hold(http, sandbox)
    asked = requests(sandbox)

    other_order = hold(http, sandbox, query=HOLD.replace("denied", "until"))
    other_key = hold(http, sandbox, key="second")

    assert told(other_order) == (422, "idempotency-key-reused")
    assert other_key.status_code == 200
    assert requests(sandbox) == asked + 1


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (Settings(http_5xx=Failing(rate=1, status=500)), 502),
        (Settings(html_200=1), 502),
        (Settings(cut_connection=1), 502),
        (Settings(timeout=Hanging(rate=1, seconds=20)), 504),
    ],
)
def test_where_the_answer_was_lost_the_outcome_is_said_to_be_unknown_and_nothing_is_asked_again(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, faults: Settings, status: int
) -> None:
    hold(http, sandbox, key="signs-in")
    before = requests(sandbox)
    if faults.timeout:
        monkeypatch.setattr(nivoda_adapter, "RELAYED", Manner(1.0, lane=Lane.INTERACTIVE, max_wait=2.0, whole=2.0))
    sandbox.supplier.set_faults(faults)

    first = hold(http, sandbox)
    sandbox.supplier.set_faults(Settings())
    again = [hold(http, sandbox) for _ in range(2)]

    assert first.status_code == status
    assert [told(answer) for answer in again] == [(409, "outcome-unknown")] * 2
    assert "not repeated" in again[0].json()["detail"]
    assert requests(sandbox) == before + 1


def test_where_nothing_can_have_been_done_the_key_is_as_good_as_new(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(http, sandbox, key="signs-in")

    def no_slot(*_: Any, **__: Any) -> Any:
        raise WaitTooLong(1.0)

    with monkeypatch.context() as patch:
        patch.setattr(Limiter, "acquire", no_slot)
        without_slot = hold(http, sandbox)
    sandbox.supplier.set_faults(Settings(fail_next=FailNext(requests=1, status=429, retry_after=0)))
    throttled = hold(http, sandbox)
    refused = hold(http, sandbox, query="mutation { a")
    done = hold(http, sandbox)

    assert [without_slot.status_code, throttled.status_code, refused.status_code] == [429, 503, 400]
    assert done.status_code == 200, done.content
    assert IdempotentRequest.objects.count() == 2


def test_who_may_not_order_is_refused_as_ever_and_uses_no_key(http: Client, sandbox: Sandbox) -> None:
    tool = Client(headers={"X-API-Key": create_client("tool", scopes=["suppliers:proxy"]).text})

    assert told(hold(tool, sandbox)) == (403, "forbidden")
    assert not IdempotentRequest.objects.exists()
    assert requests(sandbox) == 0


def test_queries_pass_the_key_over(http: Client, sandbox: Sandbox) -> None:
    query = "{ diamonds_by_query_count(query: {}) }"

    answers = [hold(http, sandbox, query=query, variables={}) for _ in range(2)]

    malformed = hold(http, sandbox, key="two words", query=query, variables={})
    assert [answer.has_header("Idempotency-Replayed") for answer in answers] == [False, False]
    assert told(malformed) == (400, "invalid-idempotency-key")
    assert not IdempotentRequest.objects.exists()


def test_an_unknown_outcome_is_remembered_for_longer_than_answers(http: Client, sandbox: Sandbox) -> None:
    hold(http, sandbox, key="answered")
    hold(http, sandbox, key="unknown")
    IdempotentRequest.objects.filter(key="unknown").update(status=None, begun_until=Now())
    IdempotentRequest.objects.update(created_at=Now() - idempotency.KEPT_FOR)
    before = requests(sandbox)

    answers = [hold(http, sandbox, key=key) for key in ("answered", "unknown")]

    assert told(answers[1]) == (409, "outcome-unknown")
    assert requests(sandbox) == before + 1
    IdempotentRequest.objects.filter(key="unknown").update(created_at=Now() - idempotency.UNKNOWN_KEPT_FOR)
    assert list(IdempotentRequest.objects.filter(idempotency.forgotten()).values_list("key", flat=True)) == ["unknown"]


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_an_order_whose_process_is_killed_before_the_answer_is_never_put_again(
    http: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(http, sandbox, key="signs-in")
    before = requests(sandbox)
    sandbox.supplier.set_faults(Settings(timeout=Hanging(rate=1, seconds=60)))
    connection.close()

    # Each process has a connection of its own.
    web = os.fork()
    if not web:
        try:
            hold(http, sandbox)
        finally:
            os._exit(1)
    until(lambda: requests(sandbox) == before + 1, seconds=20, what="the supplier is asked")
    while_asked = hold(http, sandbox)
    os.kill(web, signal.SIGKILL)
    os.waitpid(web, 0)
    sandbox.supplier.set_faults(Settings())
    # As if the time were over in which somebody may be at it.
    IdempotentRequest.objects.filter(status=None).update(begun_until=Now())
    afterwards = hold(http, sandbox)

    assert told(while_asked) == (409, "idempotency-key-in-use")
    assert int(while_asked["Retry-After"]) > 0
    assert told(afterwards) == (409, "outcome-unknown")
    assert requests(sandbox) == before + 1
