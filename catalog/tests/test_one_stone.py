"""One stone by REST: what is kept of it, who may see it, and what of it is shown."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from catalog.client_views.view import ClientView
from catalog.models import Diamond
from catalog.searching.conditions import AnyOf
from catalog.tests.factories import SEEN, a_diamond
from diamondhub.access.clients import create_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def http() -> Client:
    key = create_client("shop", scopes=["catalog:read"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def ask(http: Client, stone: Any, query: str = "", **headers: str) -> Any:
    return http.get(
        f"/api/v1/diamonds/{stone}{query}", headers={name.replace("_", "-"): headers[name] for name in headers}
    )


def narrow(monkeypatch: pytest.MonkeyPatch, view: ClientView) -> None:
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: view)


def test_a_stone_says_when_it_changed_and_is_not_sent_twice(http: Client) -> None:
    stone = a_diamond()

    first = ask(http, stone.pk)
    by_tag = ask(http, stone.pk, if_none_match=first["ETag"])
    by_date = ask(http, stone.pk, if_modified_since=first["Last-Modified"])

    assert first["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert first["Cache-Control"] == "private, no-cache, stale-if-error=300"
    for again in (by_tag, by_date):
        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], again["Last-Modified"]) == (first["ETag"], first["Last-Modified"])


@pytest.mark.parametrize("change", [{"price_cents": 1}, {"availability": "sold"}, {"rating": 1}, {"shape": None}])
def test_a_change_makes_another_tag(http: Client, change: dict[str, Any]) -> None:
    stone = a_diamond()
    tag = ask(http, stone.pk)["ETag"]

    Diamond.objects.update(**change)

    assert ask(http, stone.pk, if_none_match=tag).status_code == 200


def test_tags_come_before_dates(http: Client) -> None:
    stone = a_diamond()
    first = ask(http, stone.pk)
    late = format_datetime(SEEN + timedelta(days=100), usegmt=True)

    other_tag = ask(http, stone.pk, if_none_match='"other"', if_modified_since=late)
    no_tag = ask(http, stone.pk, if_none_match="", if_modified_since=late)
    same_tag = ask(http, stone.pk, if_none_match=first["ETag"], if_modified_since="Thu, 01 Jan 1970 00:00:00 GMT")

    assert [answer.status_code for answer in (other_tag, no_tag, same_tag)] == [200, 200, 304]


@pytest.mark.parametrize(
    ("seconds", "status"), [(-86_400, 200), (-1, 200), (0, 304), (1, 200), (299, 200), (300, 304), (10**7, 304)]
)
def test_a_date_of_the_client_s_own_counts_when_no_change_can_have_been_under_way(
    http: Client, seconds: int, status: int
) -> None:
    stone = a_diamond()

    answer = ask(http, stone.pk, if_modified_since=format_datetime(SEEN + timedelta(seconds=seconds), usegmt=True))

    assert answer.status_code == status


@pytest.mark.parametrize(
    "date", ["yesterday", "", "2026-01-02T03:04:05Z", "Fri, 99 Jan 2026 03:04:05 GMT", "x" * 5000, "Fri, ٠٢ Jan"]
)
def test_a_date_that_is_none_is_passed_over(http: Client, date: str) -> None:
    stone = a_diamond()

    assert ask(http, stone.pk, if_modified_since=date).status_code == 200


def test_a_change_that_began_before_the_one_that_was_shown_is_not_missed(http: Client) -> None:
    stone = a_diamond(changed_at=SEEN)
    date = ask(http, stone.pk)["Last-Modified"]

    Diamond.objects.update(price_cents=1, changed_at=SEEN - timedelta(seconds=30))

    assert ask(http, stone.pk, if_modified_since=date).json()["price"] == "0.01"


def test_a_stone_outside_the_view_cannot_be_told_from_one_that_there_is_not(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden, shown = a_diamond(lab_grown=True), a_diamond(lab_grown=False)
    narrow(monkeypatch, ClientView(key="natural", forced={"lab_grown": AnyOf("lab_grown", (False,))}))

    outside, nothing = ask(http, hidden.pk), ask(http, uuid4())

    assert ask(http, shown.pk).status_code == 200
    assert outside.status_code == nothing.status_code == 404
    told = [{**answer.json(), "instance": "", "request_id": ""} for answer in (outside, nothing)]
    assert told[0] == told[1]


def test_what_is_shown_can_be_chosen_and_has_its_own_tag(http: Client) -> None:
    stone = a_diamond()

    slim, two = ask(http, stone.pk, "?form=slim"), ask(http, stone.pk, "?fields=price,carats")

    assert two.json() == {"id": str(stone.pk), "price": "7000.00", "carats": 1.01}
    assert "images" not in slim.json()
    assert len({answer["ETag"] for answer in (slim, two, ask(http, stone.pk))}) == 3


def test_the_id_alone_can_be_asked_for(http: Client) -> None:
    stone = a_diamond()

    assert ask(http, stone.pk, "?fields=id").json() == {"id": str(stone.pk)}


def test_another_view_makes_another_tag(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stone = a_diamond()
    tag = ask(http, stone.pk)["ETag"]

    narrow(monkeypatch, ClientView(key="other"))

    assert ask(http, stone.pk, if_none_match=tag).status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [("?fields=cost", 403), ("?fields=prise", 400), ("?fields=price&form=slim", 400), ("?x=1", 400)],
)
def test_fields_that_are_none_or_not_the_client_s_are_refused(http: Client, query: str, status: int) -> None:
    stone = a_diamond()

    assert ask(http, stone.pk, query).status_code == status
