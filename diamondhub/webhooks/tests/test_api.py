"""Webhooks by REST: a client's own, its secrets shown once, addresses judged."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from standardwebhooks import Webhook

from diamondhub.access import scopes
from diamondhub.access.clients import create_client
from diamondhub.audit.models import AuditEvent
from diamondhub.webhooks import urls
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.outbox import deliver_due
from diamondhub.webhooks.subscriptions import MAX_SUBSCRIPTIONS
from diamondhub.webhooks.tests.receivers import ALL_SCOPES, Receiver

pytestmark = pytest.mark.django_db

URL = "https://shop.example.com/webhooks?from=diamonds"
NEW = {"url": URL, "events": ["catalog.changed"]}


def signed_in(*wanted: str, name: str = "shop") -> Client:
    key = create_client(name, scopes=wanted or ALL_SCOPES).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def send(http: Client, method: str, address: str = "", body: Any = None) -> Any:
    return getattr(http, method)(f"/api/v1/webhooks{address}", body, content_type="application/json")


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def test_a_webhook_is_created_and_its_secret_shown_once() -> None:
    http = signed_in()

    created = send(http, "post", body=NEW)

    assert created.status_code == 201
    assert created["Cache-Control"] == "no-store"
    webhook = created.json()
    assert webhook["secret"].startswith("whsec_")
    shown = send(http, "get", f"/{webhook['webhook']}").json()
    listed = send(http, "get").json()["results"]
    assert (shown["url"], shown["active"], shown["problem"], shown["deliveries"]) == (URL, True, None, [])
    assert [entry["webhook"] for entry in listed] == [webhook["webhook"]]
    assert "secret" not in shown
    assert "secret" not in listed[0]


def test_a_secret_is_in_no_table_in_clear_and_the_audit_has_the_host_alone() -> None:
    http = signed_in()
    secret = send(http, "post", body=NEW).json()["secret"]
    send(http, "post", "/" + str(Subscription.objects.get().pk) + "/rotate-secret")

    with connection.cursor() as cursor:
        written = []
        for table in connection.introspection.table_names(cursor):
            with cursor.cursor.copy(f'COPY (SELECT * FROM "{table}") TO STDOUT') as rows:
                written += [(table, bytes(row).decode()) for row in rows]

    forms = (secret, secret.encode().hex(), secret.removeprefix("whsec_").rstrip("="))
    assert not [table for table, row in written if any(form in row for form in forms)]
    events = AuditEvent.objects.filter(kind="webhooks.subscription").order_by("event_id")
    assert [event.what for event in events] == ["created", "changed"]
    assert {event.after["host"] for event in events} == {"shop.example.com"}
    assert "?from" not in str([event.after for event in events])


@pytest.mark.parametrize(
    "url",
    [
        *("http://shop.example.com/", "ftp://shop.example.com/", "//shop.example.com", "shop.example.com", ""),
        *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.0x1/", "https://[::1]/"),
        *("https://localhost/", "https://user:secret@shop.example.com/", "https://shop.example.com/#part"),
        *("https://shop.example.com:99999/", "https://shop.example.com:0/", "https://shop.example.com\\@127.0.0.1/"),
        *("https://shop.example.com/a b", "https://shop.example.com/\r\nX-Evil: 1", "https://shop.example.com/\0"),
        *(
            "https://\uff11\uff12\uff17.0.0.1/",
            "https://shop.example.com/%zz",
            "https://" + "a" * 600 + ".example.com/",
        ),
        "https://shop.example.com/" + "a" * 500,
        *(None, 1, ["https://shop.example.com/"], {}),
    ],
)
def test_an_address_that_cannot_be_told_is_refused_with_what_is_accepted(url: Any) -> None:
    answer = send(signed_in(), "post", body={**NEW, "url": url})

    assert problem(answer) == (400, "invalid-body")
    assert [error["field"] for error in answer.json()["errors"]] == ["url"]
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("events", [[], ["catalog.deleted"], "catalog.changed", ["webhook.test"], [1], None])
def test_events_that_there_are_not_are_refused(events: Any) -> None:
    answer = send(signed_in(), "post", body={**NEW, "events": events})

    assert problem(answer) == (400, "invalid-body")


def test_who_may_not_read_an_event_cannot_be_told_of_it() -> None:
    http = signed_in("webhooks:manage", "catalog:read")
    number = send(http, "post", body=NEW).json()["webhook"]

    created = send(http, "post", body={"url": URL, "events": ["run.completed"]})
    changed = send(http, "patch", f"/{number}", {"events": ["rule_set.published"]})

    assert problem(created) == problem(changed) == (403, "forbidden")
    assert "runs:read" in created.json()["detail"]
    assert Subscription.objects.get().events == ["catalog.changed"]


def test_every_operation_needs_its_scope() -> None:
    number = send(signed_in(), "post", body=NEW).json()["webhook"]
    others = signed_in(*(scope for scope in scopes.Scope if scope != "webhooks:manage"), name="others")

    asked = [
        (method, str(pattern.pattern).replace("<int:number>", str(number)))
        for pattern in urls.urlpatterns
        for method in ("get", "post", "patch", "delete")
        if hasattr(pattern.callback.cls, method)  # type: ignore[attr-defined]
    ]

    for method, address in asked:
        answer = send(others, method, address.removeprefix("webhooks"), None if method == "get" else {})
        assert problem(answer) == (403, "forbidden")
    assert len(asked) == 7


def test_another_clients_webhook_is_not_there() -> None:
    number = send(signed_in(), "post", body=NEW).json()["webhook"]
    other = signed_in(name="other")

    answers = [
        send(other, "get", f"/{number}"),
        send(other, "patch", f"/{number}", {"active": False}),
        send(other, "delete", f"/{number}"),
        send(other, "post", f"/{number}/rotate-secret"),
        send(other, "post", f"/{number}/test"),
        send(other, "get", f"/{10**30}"),
    ]

    assert {problem(answer) for answer in answers} == {(404, "not-found")}
    assert send(other, "get").json()["results"] == []
    assert Subscription.objects.get().active


def test_a_client_has_so_many_webhooks_and_no_more() -> None:
    http = signed_in()
    for _ in range(MAX_SUBSCRIPTIONS):
        assert send(http, "post", body=NEW).status_code == 201

    assert problem(send(http, "post", body=NEW)) == (409, "too-many-webhooks")


def test_a_test_is_delivered_and_seen(receiver: Receiver) -> None:
    http = signed_in()
    issued = send(http, "post", body={**NEW, "url": receiver.url}).json()

    tested = send(http, "post", f"/{issued['webhook']}/test")
    deliver_due()

    assert (tested.status_code, tested.json()["state"]) == (202, "pending")
    ((headers, body),) = receiver.messages
    assert Webhook(issued["secret"]).verify(body, headers)["type"] == "webhook.test"
    (delivery,) = send(http, "get", f"/{issued['webhook']}").json()["deliveries"]
    assert (delivery["id"], delivery["state"], delivery["status"]) == (tested.json()["id"], "delivered", 204)


def test_a_problem_is_seen_and_switching_on_forgets_it(receiver: Receiver) -> None:
    receiver.status = 410
    http = signed_in()
    number = send(http, "post", body={**NEW, "url": receiver.url}).json()["webhook"]
    send(http, "post", f"/{number}/test")
    deliver_due()

    broken = send(http, "get", f"/{number}").json()
    refused = send(http, "post", f"/{number}/test")
    mended = send(http, "patch", f"/{number}", {"active": True}).json()

    assert (broken["active"], broken["deliveries"][0]["state"]) == (False, "dead")
    assert "410" in broken["problem"]
    assert problem(refused) == (409, "webhook-off")
    assert (mended["active"], mended["problem"], mended["disabled_at"]) == (True, None, None)


def test_switching_off_drops_what_waits() -> None:
    http = signed_in()
    number = send(http, "post", body=NEW).json()["webhook"]
    send(http, "post", f"/{number}/test")

    off = send(http, "patch", f"/{number}", {"active": False}).json()

    assert (off["active"], off["problem"]) == (False, "switched off by its client")
    assert Delivery.objects.get().state == "dropped"


def test_a_rotated_secret_says_until_when_the_one_before_signs() -> None:
    http = signed_in()
    created = send(http, "post", body=NEW).json()

    rotated = send(http, "post", f"/{created['webhook']}/rotate-secret", {"overlap_hours": 2}).json()
    at_once = send(http, "post", f"/{created['webhook']}/rotate-secret", {"overlap_hours": 0}).json()

    assert len({created["secret"], rotated["secret"], at_once["secret"]}) == 3
    assert rotated["previous_secret_until"] is not None
    assert at_once["previous_secret_until"] is None
    assert send(http, "post", f"/{created['webhook']}/rotate-secret", {"overlap_hours": 169}).status_code == 400


def test_a_deleted_webhook_is_gone_with_its_deliveries() -> None:
    http = signed_in()
    number = send(http, "post", body=NEW).json()["webhook"]
    send(http, "post", f"/{number}/test")

    deleted = send(http, "delete", f"/{number}")

    assert deleted.status_code == 204
    assert problem(send(http, "get", f"/{number}")) == (404, "not-found")
    assert not Delivery.objects.exists()
