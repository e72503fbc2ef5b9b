"""Receivers that ask to be left alone, and those that take less than there is to tell."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from diamondhub.operations.models import Problem
from diamondhub.webhooks import outbox, sending
from diamondhub.webhooks.events import EventKind
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.outbox import deliver_due, emit, emit_test
from diamondhub.webhooks.tests.receivers import Receiver, subscribed

pytestmark = pytest.mark.django_db


def published(number: int = 3) -> None:
    emit(EventKind.RULE_SET_PUBLISHED, {"rule_set": number, "before": None, "repricing": 1})


def make_due() -> None:
    Delivery.objects.filter(state="pending").update(due_at=Now(), lease_expires_at=None)


def quiet_seconds() -> float:
    """For how long the one webhook is left alone."""
    until: Any = Subscription.objects.annotate(now=Now()).values_list("quiet_until", "now").get()
    return (until[0] - until[1]).total_seconds() if until[0] else 0.0


@pytest.mark.parametrize(
    ("status", "asked", "least", "most"),
    [
        (429, "3600", 3_590, 3_600),
        (503, "3600", 3_590, 3_600),
        # By the receiver's own clock, whatever ours says.
        (429, "Tue, 24 Nov 2026 11:00:00 GMT", 3_590, 3_600),
        (429, "999999999", sending.MAX_RETRY_AFTER - 10, sending.MAX_RETRY_AFTER),
        (429, "0", 0, 0),
        (429, "-5", 0, 0),
        (429, "soon", 0, 0),
        (429, "١٢", 0, 0),
        (500, "3600", 0, 0),
        (301, "3600", 0, 0),
    ],
)
def test_a_receiver_is_left_alone_for_as_long_as_it_asks_within_bounds(
    receiver: Receiver, status: int, asked: str, least: float, most: float
) -> None:
    receiver.status = status
    receiver.headers = {"Retry-After": asked.encode().decode("latin-1"), "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}
    subscribed(receiver.url, "rule_set.published")
    published()

    deliver_due()

    assert least <= quiet_seconds() <= most
    waiting: Any = Delivery.objects.annotate(now=Now()).get()
    assert waiting.state == "pending"
    assert (waiting.due_at - waiting.now).total_seconds() >= max(5, least)


def test_nothing_else_is_sent_to_a_receiver_that_asked_for_quiet_and_all_of_it_afterwards(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "600"}
    subscribed(receiver.url, "rule_set.published")
    published(1)
    deliver_due()

    published(2)
    make_due()
    meanwhile = deliver_due()
    receiver.status, receiver.headers = 204, {}
    Subscription.objects.update(quiet_until=Now() - timedelta(seconds=1))
    deliver_due()

    assert meanwhile == 0
    first, *afterwards = [json.loads(body)["data"]["rule_set"] for _, body in receiver.messages]
    assert (first, sorted(afterwards)) == (1, [1, 2])
    assert Subscription.objects.get().quiet_until is None


def test_a_receiver_that_asked_for_quiet_holds_up_no_other(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "600"}
    subscribed(receiver.url, "rule_set.published")
    published(1)
    deliver_due()
    receiver.status, receiver.headers = 204, {}
    subscribed(receiver.url, "rule_set.published", name="other")

    published(2)
    deliver_due()

    assert list(Delivery.objects.filter(state="delivered").values_list("subscription__client__name", flat=True)) == [
        "other"
    ]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three deliveries may wait."""
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)


@pytest.mark.usefixtures("few")
def test_of_too_many_events_that_wait_the_oldest_are_dropped_and_everybody_is_told(receiver: Receiver) -> None:
    subscribed(receiver.url, "rule_set.published")

    for number in range(6):
        published(number)

    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["dropped"] * 3 + ["pending"] * 3
    assert "the oldest" in Delivery.objects.order_by("pk")[0].last_error
    assert "too many events wait" in Subscription.objects.get().problem
    # However many are dropped, it is one problem.
    assert Problem.objects.get(kind="webhook-events-dropped").severity == "warning"
    deliver_due()
    assert [json.loads(body)["data"]["rule_set"] for _, body in receiver.messages] == [3, 4, 5]
    assert Subscription.objects.get().problem == ""


@pytest.mark.usefixtures("few")
def test_what_is_being_sent_is_not_dropped(receiver: Receiver) -> None:
    subscribed(receiver.url, "rule_set.published")
    for number in range(3):
        published(number)
    oldest = Delivery.objects.earliest("pk")
    Delivery.objects.filter(pk=oldest.pk).update(lease_expires_at=Now() + timedelta(minutes=1))

    published(3)

    oldest.refresh_from_db()
    assert oldest.state == "pending"
    assert Delivery.objects.filter(state="pending").count() == 3


@pytest.mark.usefixtures("few")
def test_tests_and_other_webhooks_have_their_own_room(receiver: Receiver) -> None:
    issued = subscribed(receiver.url, "rule_set.published")
    for _ in range(5):
        emit_test(issued.subscription)
    subscribed(receiver.url, "rule_set.published", name="other")

    published()

    by_webhook = Delivery.objects.filter(state="pending").values_list("subscription__client__name", flat=True)
    assert sorted(by_webhook) == ["other", "shop", "shop", "shop"]
