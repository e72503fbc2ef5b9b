"""The audit by REST: found by kind, object, actor, time and request; a page at a time; and never with a secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.audit import tracking
from diamondhub.audit.acting import acting
from diamondhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/audit/events"


def signed_in(*scopes: str) -> Client:
    return Client(headers={"X-API-Key": create_client("auditor", scopes=scopes).text}, raise_request_exception=False)


@pytest.fixture
def http() -> Client:
    return signed_in("audit:read")


def a_client(name: str = "shop", *, user: str = "maria", **told: Any) -> ApiClient:
    with acting(user, **told):
        return ApiClient.objects.create(name=name, scopes=["catalog:read"])


def listed(http: Client, query: str = "") -> list[dict[str, Any]]:
    answer = http.get(f"{EVENTS}?{query}")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_an_event_says_who_did_what_to_which_object_when_why_and_how(http: Client) -> None:
    client = a_client()
    with acting("otto", reason="they left us", via="command x", request_id="abc"):
        ApiClient.objects.filter(pk=client.pk).update(active=False)

    event = listed(http, f"kind=access.apiclient&object={client.pk}&what=changed")[0]

    at = datetime.fromisoformat(event.pop("at"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 3_600
    name = event.pop("event")
    assert event == {
        "kind": "access.apiclient",
        "object": client.pk,
        "name": f"API client {client.pk} (shop)",
        "what": "changed",
        "who": "otto",
        "via": "command x",
        "reason": "they left us",
        "request_id": "abc",
        "changes": [{"field": "active", "before": True, "after": False}],
        "withheld": None,
        "links": {
            "self": f"{EVENTS}/{name}",
            "object": f"{EVENTS}?kind=access.apiclient&object={client.pk}",
        },
    }
    assert http.get(f"{EVENTS}/{name}").json()["changes"] == event["changes"]
    assert {row["what"] for row in http.get(event["links"]["object"]).json()["results"]} == {"changed", "created"}


def test_of_what_came_and_went_all_that_it_held_is_told(http: Client) -> None:
    a_client().delete()

    deleted, created = listed(http, "kind=access.apiclient&who=maria") + listed(http, "what=created&who=maria")

    def of(event: dict[str, Any], field: str) -> tuple[Any, Any]:
        return next((row["before"], row["after"]) for row in event["changes"] if row["field"] == field)

    assert of(created, "name") == (None, "shop")
    assert of(deleted, "name") in {(None, "shop"), ("shop", None)}


def test_events_are_found_by_each_of_their_marks(http: Client) -> None:
    shop, other = a_client(request_id="abc"), a_client("other", user="otto")
    AuditEvent.objects.count()

    def objects(query: str) -> set[int]:
        return {event["object"] for event in listed(http, f"kind=access.apiclient&{query}")}

    assert objects("who=maria") == {shop.pk}
    assert objects("request_id=abc") == {shop.pk}
    assert objects(f"object={other.pk}") == {other.pk}
    assert {shop.pk, other.pk} <= objects("what=created")
    assert objects("what=deleted") == objects("who=nobody") == set()
    assert {shop.pk, other.pk} <= objects("at_from=2026-01-01T00:00:00Z")
    assert objects("at_to=2026-01-01T00:00:00Z") == set()


def test_all_events_are_walked_through_once_a_page_at_a_time(http: Client) -> None:
    # Of one transaction, so all at the same moment, and of two kinds whose numbers are their own.
    for number in range(7):
        create_client(f"shop {number}", scopes=["catalog:read"])
    everything = [event["event"] for event in listed(http, "limit=100")]

    walked: list[str] = []
    cursor = ""
    while True:
        page = http.get(f"{EVENTS}?limit=2{cursor}").json()
        walked += [event["event"] for event in page["results"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert walked == everything
    assert len(set(walked)) == len(walked) == AuditEvent.objects.count() >= 14


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=auth.password", "kind"),
        ("object=0", "object"),
        (f"object={10**30}", "object"),
        ("object=-1", "object"),
        ("what=erased", "what"),
        ("who=", "who"),
        ("who=%00", "who"),
        ("who=" + "x" * 151, "who"),
        ("request_id=" + "x" * 65, "request_id"),
        ("at_from=2026-01-01", "at_from"),
        ("at_from=2026-01-02T00:00:00Z&at_to=2026-01-01T00:00:00Z", "at_from"),
        ("at_from=2026-01-01T00:00:00%2B16:00", "at_from"),
        ("limit=101", "limit"),
        ("cursor=made-up", "cursor"),
        ("reason=x", "reason"),
    ],
)
def test_a_wrong_parameter_is_named(http: Client, query: str, field: str) -> None:
    answer = http.get(f"{EVENTS}?{query}")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_cursor_is_good_for_its_own_query_alone(http: Client) -> None:
    a_client()
    cursor = http.get(f"{EVENTS}?limit=1").json()["next"]

    assert http.get(f"{EVENTS}?limit=1&what=created&cursor={cursor}").status_code == 400


@pytest.mark.parametrize(
    "event",
    [f"access.apiclient:{2**62}", "access.apiclient:x", "auth.user:1", "access.apiclient", "access.apiclient:١"],
)
def test_an_event_that_there_is_not_is_not_found(http: Client, event: str) -> None:
    assert http.get(f"{EVENTS}/{event}").status_code == 404


def test_no_secret_of_a_client_or_key_is_told(http: Client) -> None:
    issued = create_client("shop", scopes=["catalog:read"])

    told = http.get(f"{EVENTS}?limit=100").content.decode()

    assert f"dh_{issued.key.key_id}_…" in told
    assert issued.text not in told
    assert issued.key.secret_hash.hex() not in told
    assert "secret_hash" not in told


def test_what_needs_another_scope_is_withheld_and_said_to_be() -> None:
    kinds = {kind: audited.needs for kind, audited in tracking.AUDITED.items() if audited.needs}

    assert set(kinds.values()) == {"pricing:read"}
    assert set(kinds) == {
        *("pricing.ruleset", "pricing.rule", "pricing.clause", "pricing.experiment"),
        "ingest.deadletter",
    }


@pytest.mark.parametrize("scopes", [[], ["catalog:read", "pricing:read", "runs:read", "runs:operate", "feeds:read"]])
def test_who_may_not_read_the_audit_is_refused(scopes: list[str]) -> None:
    http = signed_in(*scopes) if scopes else Client()

    assert http.get(EVENTS).status_code == (403 if scopes else 401)
    assert http.get(f"{EVENTS}/access.apiclient:1").status_code == (403 if scopes else 401)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_audit_is_only_read(http: Client, method: str) -> None:
    assert getattr(http, method)(EVENTS, {}, content_type="application/json").status_code == 405


def test_a_page_takes_the_same_queries_whatever_its_length(http: Client) -> None:
    listed(http, "limit=1")
    with CaptureQueriesContext(connection) as of_one:
        listed(http, "limit=1")
    for number in range(5):
        a_client(f"shop {number}")

    with CaptureQueriesContext(connection) as of_many:
        listed(http, "limit=50")

    assert len(of_many) == len(of_one)


def test_people_are_told_by_their_user_names_alone(http: Client) -> None:
    with acting("maria"):
        olga = User.objects.create_user("olga", first_name="Olga", last_name="Ivanova", email="olga@private.example")
        User.objects.filter(pk=olga.pk).update(email="other@private.example")
        User.objects.filter(pk=olga.pk).update(email="")

    cleared, changed, created = listed(http, f"kind=auth.user&object={olga.pk}")

    assert "olga" in created["name"]
    assert created["who"] == "maria"
    assert {row["field"]: row["after"] for row in created["changes"]}["username"] == "olga"
    assert changed["changes"] == [{"field": "email", "before": "…", "after": "…"}]
    assert cleared["changes"] == [{"field": "email", "before": "…", "after": ""}]
    assert not [word for word in ("Ivanova", "Olga", "private.example") if word in str([cleared, changed, created])]
