"""The limits of clients through the gate: what is refused, what every answer says, and what is given back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub import urls
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles import classes
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.access.throttles.taking import limits
from diamondhub.api.endpoint import Endpoint, operation
from diamondhub.urls import handler400, handler403, handler404, handler500  # noqa: F401 - this module is a URLconf too

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Stones(Endpoint):
    """A search, an edit, and an answer that a client may have already."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.SEARCH

    @operation("get_stones", "Stones", answer=None)
    def get(self, request: Request) -> HttpResponseBase:
        return self.unless_known("7", lambda: Response({}))

    @operation("edit_stones", "Edit", answer=None, limit=LimitClass.PRICING_EDITS)
    def post(self, request: Request) -> Response:
        return Response({})


class Lookups(Endpoint):
    """Another class of limits."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.LOOKUP

    @operation("get_lookup", "Lookup", answer=None)
    def get(self, request: Request) -> Response:
        return Response({})


class Stream(Endpoint):
    """An answer that takes its time."""

    scope = Scope.CATALOG_READ

    @operation("get_stream", "Stream", answer=None)
    def get(self, request: Request) -> StreamingHttpResponse:
        return StreamingHttpResponse(iter([b"a", b"b"]))


class Failing(Endpoint):
    """A fault of ours."""

    scope = Scope.CATALOG_READ

    @operation("get_fault", "Fault", answer=None)
    def get(self, request: Request) -> Response:
        raise RuntimeError


class Unlimited(Endpoint):
    """An endpoint that says itself how it is limited, in DRF's words."""

    scope = Scope.CATALOG_READ
    throttle_classes = []

    @operation("get_unlimited", "Unlimited", answer=None)
    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    *urls.urlpatterns,
    path("api/stones", Stones.as_view()),
    path("api/lookups", Lookups.as_view()),
    path("api/stream", Stream.as_view()),
    path("api/fault", Failing.as_view()),
    path("api/unlimited", Unlimited.as_view()),
]


def client_of(name: str = "shop", **columns: Any) -> Client:
    """A client with a key; `columns` are set on its row, such as limits of its own."""
    issued = create_client(name, scopes=["catalog:read"])
    ApiClient.objects.filter(pk=issued.key.client_id).update(**columns)
    return Client(headers={"X-API-Key": issued.text}, raise_request_exception=False)


def statuses(http: Client, address: str, times: int) -> list[int]:
    return [http.get(address).status_code for _ in range(times)]


def test_each_class_has_its_own_limit_and_a_refusal_names_it() -> None:
    http = client_of(limits={"search": "1/h burst 2"})

    refused = [http.get("/api/stones") for _ in range(3)][-1]

    assert refused.status_code == 429
    problem = refused.json()
    assert problem["type"].endswith("/limit-reached")
    assert '"search"' in problem["detail"]
    assert refused["Retry-After"] in problem["detail"]
    assert int(refused["Retry-After"]) in range(3_500, 3_601)
    assert http.get("/api/lookups").status_code == 200
    assert http.post("/api/stones").status_code == 200


def test_clients_do_not_share_their_limits() -> None:
    used_up, other = client_of(limits={"search": "1/h burst 1"}), client_of("other")
    statuses(used_up, "/api/stones", 2)

    assert other.get("/api/stones").status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [("/api/stones", 200), ("/api/stones?strange=1", 400), ("/api/fault", 500)],
)
def test_every_answer_says_what_is_left_errors_too(address: str, status: int) -> None:
    http = client_of(limits={"search": "1/m burst 5", "other": "1/m burst 5"})

    answer = http.get(address)

    assert answer.status_code == status
    name = "search" if "stones" in address else "other"
    assert answer["RateLimit-Policy"] == f'"{name}";q=5;w=300, "at-once";q=8;qu="concurrent-requests"'
    assert answer["RateLimit"].startswith(f'"{name}";r=4;t=')
    assert answer["RateLimit"].endswith(', "at-once";r=7')


def test_a_refusal_says_that_nothing_is_left() -> None:
    http = client_of(limits={"search": "1/h burst 1"})

    refused = [http.get("/api/stones") for _ in range(2)][-1]

    assert refused["RateLimit"].startswith('"search";r=0;t=')


def test_who_is_refused_for_another_reason_is_told_the_limits_as_well() -> None:
    http = client_of(scopes=["pricing:read"])

    refused = http.get("/api/stones")

    assert refused.status_code == 403
    assert '"search"' in refused["RateLimit"]


def test_strangers_are_told_no_limits() -> None:
    refused = Client().get("/api/stones")

    assert refused.status_code == 401
    assert "RateLimit" not in refused.headers


def test_who_waits_for_retry_after_is_let_in() -> None:
    http = client_of(limits={"search": "1/2s burst 1"})
    answer = http.get("/api/stones")
    while answer.status_code != 429:
        answer = http.get("/api/stones")

    # The time itself is what is tried here.
    time.sleep(int(answer["Retry-After"]))

    assert int(answer["Retry-After"]) <= 2
    assert http.get("/api/stones").status_code == 200


def test_an_answer_that_the_client_has_costs_nothing() -> None:
    http = client_of(limits={"search": "1/h burst 2"})
    first = http.get("/api/stones")

    known = [http.get("/api/stones", headers={"If-None-Match": first["ETag"]}) for _ in range(5)]

    assert [answer.status_code for answer in known] == [304] * 5
    assert {answer["RateLimit"].split(";t=")[0] for answer in known} == {'"search";r=1'}
    assert statuses(http, "/api/stones", 2) == [200, 429]


def test_drf_does_not_count_a_second_time() -> None:
    http = client_of(limits={"search": "1/h burst 3"})

    assert statuses(http, "/api/stones", 4) == [200, 200, 200, 429]


def test_an_endpoint_s_throttle_classes_count_instead_of_the_default_ones() -> None:
    http = client_of(limits={"other": "1/h burst 1"})

    answers = [http.get("/api/unlimited") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert "RateLimit" not in answers[0].headers


def read(answer: Any) -> bytes:
    """The rest of a streamed answer; the server then closes it."""
    return b"".join(answer)


def test_so_many_answers_at_once_and_no_more_until_one_is_read() -> None:
    http = client_of(max_at_once=2)
    first, second = (http.get("/api/stream") for _ in range(2))

    refused = http.get("/api/stream")
    read(first)
    after_reading = http.get("/api/stones")
    read(second)

    assert refused.status_code == 429
    assert refused.json()["type"].endswith("/too-many-at-once")
    assert "2 requests at the same time" in refused.json()["detail"]
    assert after_reading.status_code == 200


def test_a_fault_of_ours_keeps_no_place() -> None:
    http = client_of(max_at_once=1)

    assert statuses(http, "/api/fault", 3) == [500, 500, 500]


def test_a_refusal_for_too_many_at_once_costs_nothing_of_the_rate() -> None:
    http = client_of(max_at_once=1, limits={"search": "1/h burst 2"})
    stream = http.get("/api/stream")
    refused = statuses(http, "/api/stones", 5)
    read(stream)

    assert refused == [429] * 5
    assert statuses(http, "/api/stones", 3) == [200, 200, 429]


@pytest.mark.parametrize("written", ["20/s", "0/s burst 1", 7, None, ["1/s burst 1"], "١/s burst 1"])
def test_a_limit_that_somebody_wrote_wrongly_by_hand_is_that_of_all(written: Any) -> None:
    http = client_of(limits={"search": written})

    answer = http.get("/api/stones")

    assert answer["RateLimit-Policy"].startswith('"search";q=60;w=3,')


@pytest.fixture
def publishable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes, "_is_publishable", lambda client: True)


def test_one_visitor_does_not_use_up_what_the_others_have(publishable: None) -> None:
    http = client_of(limits={"visitor": "1/h burst 1", "search": "1/h burst 3"})

    greedy = [http.get("/api/stones", REMOTE_ADDR="198.51.100.7") for _ in range(5)]
    other = http.get("/api/stones", REMOTE_ADDR="198.51.100.8")

    assert [answer.status_code for answer in greedy] == [200] + [429] * 4
    assert '"visitor"' in greedy[-1].json()["detail"]
    assert other.status_code == 200
    # What the greedy one was refused cost the client nothing.
    assert '"search";r=1' in other["RateLimit"]


def test_a_visitor_is_a_household_of_ipv6(publishable: None) -> None:
    http = client_of(limits={"visitor": "1/h burst 1"})

    same, other = "2001:db8:1:2::7", "2001:db8:1:3::7"
    answers = [http.get("/api/stones", REMOTE_ADDR=address).status_code for address in ("2001:db8:1:2::1", same, other)]

    assert answers == [200, 429, 200]


def test_a_request_takes_its_place_and_its_token_by_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    http = client_of()
    http.get("/api/stones")
    calls: list[Any] = []
    ask = limits()._shared.call

    def noted(orders: Any) -> Any:
        calls.append(orders)
        return ask(orders)

    monkeypatch.setattr(limits()._shared, "call", noted)

    http.get("/api/stones")

    # One before the answer, and one when it is sent, which gives the place back.
    assert [[order.kind for order in orders] for orders in calls] == [["rate", "places"], ["leave"]]
