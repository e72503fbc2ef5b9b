"""Following the catalogue by REST: a copy that applies every page is the catalogue, and what cannot be told is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from catalog.api import searching
from catalog.changes import log
from catalog.client_views.view import ClientView
from catalog.index import history
from catalog.models import Diamond, VersionCounter
from catalog.searching.conditions import AnyOf
from catalog.tests.factories import a_diamond, build_diamond, committed
from diamondhub.access.clients import create_client

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/diamonds/changes"


@pytest.fixture
def http() -> Client:
    return a_shop("shop")


def a_shop(name: str) -> Client:
    key = create_client(name, scopes=["catalog:read"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def pages(http: Client, after: int, **query: Any) -> list[dict[str, Any]]:
    """All pages of the changes after a version."""
    answers: list[dict[str, Any]] = []
    following: str | None = None
    while following or not answers:
        asked = {"after": after, **query, **({"cursor": following} if following else {})}
        answer = http.get(ADDRESS, asked)
        assert answer.status_code == 200, answer.content
        answers.append(answer.json())
        following = answers[-1]["next"]
    return answers


def seeing(monkeypatch: pytest.MonkeyPatch, **view: Any) -> None:
    """Have every client see the catalogue by this view."""
    seen = ClientView(key="of a test", **view), history.moment(connection)
    monkeypatch.setattr(searching, "view_and_version_of", lambda _client: seen)


def of(changes: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {change["id"]: (change["change"], change["reason"]) for change in changes["results"]}


def test_a_copy_that_applies_every_page_is_what_is_for_sale(http: Client) -> None:
    for _ in range(7):
        a_diamond()
    start = committed()
    copy = {str(pk): price for pk, price in Diamond.objects.values_list("pk", "price_cents")}
    sold, held, dearer, gone, *_rest = Diamond.objects.order_by("pk")
    Diamond.objects.filter(pk=sold.pk).update(availability="sold")
    Diamond.objects.filter(pk=held.pk).update(availability="on_hold")
    committed()
    Diamond.objects.filter(pk=dearer.pk).update(price_cents=9_999_00)
    Diamond.objects.filter(pk=gone.pk).delete()
    a_diamond()
    newest = committed()

    answers = pages(http, start, limit=2)

    for answer in answers:
        for change in answer["results"]:
            copy.pop(change["id"], None)
            if change["change"] == "upsert":
                copy[change["id"]] = int(change["diamond"]["price"].replace(".", ""))
    on_sale = Diamond.objects.filter(availability="available").values_list("pk", "price_cents")
    assert copy == {str(pk): price for pk, price in on_sale}
    assert (answers[-1]["after"], answers[-1]["dataset_version"]) == (newest, newest)


def test_what_became_of_a_stone_is_said(http: Client) -> None:
    stones = {state: a_diamond(availability=state) for state in ("sold", "on_hold", "unavailable", "delisted")}
    deleted = a_diamond().pk
    start = committed()
    Diamond.objects.update(price_cents=1)
    Diamond.objects.filter(pk=deleted).delete()

    committed()

    (answer,) = pages(http, start)
    assert of(answer) == {
        **{str(stone.pk): ("removed", state) for state, stone in stones.items()},
        str(deleted): ("removed", "not_shown"),
    }
    assert {change["diamond"] for change in answer["results"]} == {None}


def test_a_stone_that_leaves_the_clients_view_is_removed_and_nothing_else_is_told_of_it(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeing(monkeypatch, forced={"lab_grown": AnyOf("lab_grown", (False,))})
    leaves, stays = a_diamond(), a_diamond()
    never_seen = a_diamond(lab_grown=True)
    start = committed()
    Diamond.objects.filter(pk=leaves.pk).update(lab_grown=True)
    Diamond.objects.filter(pk=stays.pk).update(price_cents=1)
    Diamond.objects.filter(pk=never_seen.pk).update(availability="sold")

    committed()

    (answer,) = pages(http, start)
    assert of(answer) == {
        str(leaves.pk): ("removed", "not_shown"),
        str(stays.pk): ("upsert", None),
        str(never_seen.pk): ("removed", "not_shown"),
    }


def test_changes_since_before_the_view_was_edited_are_gone(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    a_diamond()
    before = committed()
    a_diamond()
    edited_at = committed()
    seeing(monkeypatch, since=edited_at)

    refused = http.get(ADDRESS, {"after": before})

    assert (refused.status_code, refused.json()["type"]) == (410, "/api/problems/changes-gone")
    assert refused.json()["oldest"] == edited_at
    assert http.get(ADDRESS, {"after": edited_at}).status_code == 200


def test_what_the_view_hides_is_not_shown(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seeing(monkeypatch, fields=frozenset({"price", "shape"}))
    start = committed()
    a_diamond()
    committed()

    (answer,) = pages(http, start)

    assert set(answer["results"][0]["diamond"]) == {"id", "currency", "price", "shape"}


def test_who_knows_everything_is_told_so_by_304(http: Client) -> None:
    a_diamond()
    newest = committed()
    first = http.get(ADDRESS, {"after": newest})

    again = http.get(ADDRESS, {"after": newest}, headers={"If-None-Match": first["ETag"]})
    a_diamond()
    committed()
    later = http.get(ADDRESS, {"after": newest}, headers={"If-None-Match": first["ETag"]})

    assert (first.json()["results"], first.json()["next"]) == ([], None)
    assert (again.status_code, again.content) == (304, b"")
    assert len(later.json()["results"]) == 1


@pytest.mark.parametrize("beyond", [-1, 1])
def test_a_version_that_is_too_old_or_of_the_future_is_gone_with_the_way_out(http: Client, beyond: int) -> None:
    a_diamond()
    newest = committed()
    VersionCounter.objects.update(forgotten=newest)

    refused = http.get(ADDRESS, {"after": newest + beyond})

    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (410, "/api/problems/changes-gone")
    assert (problem["oldest"], problem["newest"]) == (newest, newest)
    assert "whole stock" in problem["detail"]


def test_a_cursor_from_before_a_restore_is_gone(http: Client) -> None:
    start = committed()
    Diamond.objects.bulk_create(build_diamond() for _ in range(3))
    committed()
    following = http.get(ADDRESS, {"after": start, "limit": 1}).json()["next"]
    VersionCounter.objects.update(generation=uuid4())

    refused = http.get(ADDRESS, {"after": start, "limit": 1, "cursor": following})

    assert (refused.status_code, refused.json()["type"]) == (410, "/api/problems/changes-gone")


def test_a_cursor_is_good_for_its_own_client_and_question_alone(http: Client) -> None:
    start = committed()
    Diamond.objects.bulk_create(build_diamond() for _ in range(3))
    newest = committed()
    following = http.get(ADDRESS, {"after": start, "limit": 1}).json()["next"]

    of_another = a_shop("another").get(ADDRESS, {"after": start, "cursor": following})
    after_another = http.get(ADDRESS, {"after": newest, "cursor": following})

    for refused in (of_another, after_another):
        assert (refused.status_code, refused.json()["type"]) == (400, "/api/problems/wrong-cursor")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "after"),
        ({"after": ""}, "after"),
        ({"after": "-1"}, "after"),
        ({"after": "1.0"}, "after"),
        ({"after": "٣"}, "after"),
        ({"after": str(2**63)}, "after"),
        ({"after": "1", "limit": "501"}, "limit"),
        ({"after": "1", "limit": "0"}, "limit"),
        ({"after": "1", "cursor": "nonsense"}, "cursor"),
        ({"after": "1", "form": "fat"}, "form"),
        ({"after": "1", "shape": "ROUND"}, "shape"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_name(http: Client, query: dict[str, str], field: str) -> None:
    refused = http.get(ADDRESS, query)

    assert refused.status_code == 400, refused.content
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_pages_of_one_huge_version_are_read_from_where_the_last_one_ended(http: Client) -> None:
    start = committed()
    Diamond.objects.bulk_create(build_diamond() for _ in range(400))
    committed()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_change, catalog_datasetversion")

    answers = pages(http, start, limit=150, form="slim")

    assert [len(answer["results"]) for answer in answers] == [150, 150, 100]
    ids = [UUID(change["id"]) for answer in answers for change in answer["results"]]
    assert ids == sorted(set(ids))
    assert [answer["after"] for answer in answers] == [start, start, log.current().number]
