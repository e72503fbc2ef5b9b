"""Events on their way: told once each in the end, signed, tried for days, and ended where nobody takes them."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from standardwebhooks import Webhook, WebhookVerificationError

from diamondhub import leases
from diamondhub.access.models import ApiClient
from diamondhub.operations import retention
from diamondhub.operations.models import Problem
from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.webhooks import outbox, sending, subscriptions
from diamondhub.webhooks.events import EventKind
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.outbox import deliver_due, emit
from diamondhub.webhooks.tests.receivers import Receiver, subscribed

pytestmark = pytest.mark.django_db


def make_due() -> None:
    Delivery.objects.filter(state="pending").update(due_at=Now(), lease_expires_at=None)


def changed(version: int = 7) -> None:
    emit(EventKind.CATALOG_CHANGED, {"version": version})


def published(number: int = 3) -> None:
    emit(EventKind.RULE_SET_PUBLISHED, {"rule_set": number, "before": None, "repricing": 1})


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_an_event_is_delivered_and_verifies_by_the_library(receiver: Receiver) -> None:
    issued = subscribed(receiver.url)
    changed(7)

    deliver_due()

    ((headers, body),) = receiver.messages
    told = Webhook(issued.secret).verify(body, headers)
    assert (told["type"], told["data"]) == ("catalog.changed", {"version": 7})
    assert states() == ["delivered"]


def test_a_body_that_was_changed_does_not_verify(receiver: Receiver) -> None:
    issued = subscribed(receiver.url)
    changed(7)

    deliver_due()

    ((headers, body),) = receiver.messages
    with pytest.raises(WebhookVerificationError):
        Webhook(issued.secret).verify(body.replace(b"7", b"8"), headers)


def test_during_the_overlap_both_secrets_verify_and_afterwards_the_new_one_alone(receiver: Receiver) -> None:
    old = subscribed(receiver.url)
    new = subscriptions.rotate_secret(old.subscription, overlap_hours=24)
    changed(1)
    deliver_due()
    Subscription.objects.update(previous_secret_until=Now() - timedelta(seconds=1))
    changed(2)
    deliver_due()
    subscriptions.forget_previous_secrets()

    (during, first), (after, second) = receiver.messages
    for issued in (old, new):
        Webhook(issued.secret).verify(first, during)
    Webhook(new.secret).verify(second, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(old.secret).verify(second, after)
    assert Subscription.objects.get().previous_secret is None


def test_a_secret_that_leaked_ends_at_once(receiver: Receiver) -> None:
    old = subscribed(receiver.url)
    subscriptions.rotate_secret(old.subscription, overlap_hours=0)
    changed()

    deliver_due()

    ((headers, body),) = receiver.messages
    with pytest.raises(WebhookVerificationError):
        Webhook(old.secret).verify(body, headers)


def test_an_event_of_a_transaction_that_failed_is_not_told(receiver: Receiver) -> None:
    subscribed(receiver.url)

    with transaction.atomic():
        changed()
        transaction.set_rollback(True)

    assert deliver_due() == 0


def test_only_who_subscribed_is_told(receiver: Receiver) -> None:
    subscribed(receiver.url, "rule_set.published")

    changed()

    assert states() == []


@pytest.mark.parametrize("change", [{"active": False}, {"scopes": ["webhooks:manage"]}])
def test_a_client_that_may_not_read_it_any_more_is_not_told(receiver: Receiver, change: dict[str, Any]) -> None:
    subscribed(receiver.url)
    changed(1)
    ApiClient.objects.update(**change)
    changed(2)

    deliver_due()

    assert receiver.messages == []
    assert states() == ["dropped"]


def test_of_changes_of_the_catalogue_only_the_newest_waits(receiver: Receiver) -> None:
    subscribed(receiver.url)

    for version in (5, 6, 7):
        changed(version)
    deliver_due()

    assert states() == ["replaced", "replaced", "delivered"]
    assert [json.loads(body)["data"] for _, body in receiver.messages] == [{"version": 7}]


def test_a_version_that_commits_after_a_higher_one_is_told_as_the_higher(receiver: Receiver) -> None:
    subscribed(receiver.url)

    for version in (7, 6):
        changed(version)
    deliver_due()

    assert [json.loads(body)["data"] for _, body in receiver.messages] == [{"version": 7}]


def test_other_events_are_all_told(receiver: Receiver) -> None:
    subscribed(receiver.url, "rule_set.published")

    for number in (3, 4):
        published(number)
    deliver_due()

    assert [json.loads(body)["data"]["rule_set"] for _, body in receiver.messages] == [3, 4]


def test_more_to_tell_does_not_have_a_receiver_that_is_down_asked_more_often(receiver: Receiver) -> None:
    receiver.status = 500
    subscribed(receiver.url)
    changed(1)
    deliver_due()

    changed(2)
    deliver_due()

    assert len(receiver.messages) == 1
    waiting = Delivery.objects.get(state="pending")
    assert (waiting.tries, waiting.version) == (1, 2)


@pytest.mark.parametrize("status", [301, 307, 400, 429, 500, 503])
def test_what_fails_is_tried_again_later_with_the_same_id(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    subscribed(receiver.url)
    changed()
    deliver_due()
    failed = Delivery.objects.get()

    receiver.status = 200
    make_due()
    deliver_due()

    assert (failed.state, failed.status, failed.tries) == ("pending", status, 1)
    assert f"answered {status}" in failed.last_error
    assert states() == ["delivered"]
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_a_receiver_that_comes_back_has_no_problem_any_more(receiver: Receiver) -> None:
    receiver.status = 500
    subscribed(receiver.url)
    changed()
    deliver_due()
    failing = Subscription.objects.get()

    receiver.status = 204
    make_due()
    deliver_due()

    mended = Subscription.objects.get()
    assert failing.failing_since is not None
    assert failing.problem == "it answered 500"
    assert (mended.failing_since, mended.problem) == (None, "")


def test_pauses_grow_over_three_days(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.status = 500
    subscribed(receiver.url, "rule_set.published")
    published()
    pauses: list[float] = []
    give_back = leases.give_back

    def noted(lease: Any, *, due_in: float) -> bool:
        pauses.append(due_in)
        return give_back(lease, due_in=due_in)

    monkeypatch.setattr(leases, "give_back", noted)

    for _ in range(40):
        make_due()
        deliver_due()
        delivery = Delivery.objects.get()
        if delivery.due_at is None or delivery.trying_since is None:
            break
        # As if the pause were over.
        Delivery.objects.update(trying_since=delivery.trying_since - timedelta(seconds=pauses[-1]))

    assert states() == ["dead"]
    assert 8 <= pauses[0] <= 10
    assert 12 <= len(pauses) <= 18
    # The tries take their time, too.
    assert timedelta(days=3) - timedelta(minutes=30) <= timedelta(seconds=sum(pauses)) <= timedelta(days=3.6)


def test_after_five_days_of_failure_it_is_switched_off_and_staff_and_client_are_told(receiver: Receiver) -> None:
    receiver.status = 500
    subscribed(receiver.url, "rule_set.published")
    Subscription.objects.update(failing_since=Now() - timedelta(days=5, minutes=1))
    published(1)
    published(2)

    deliver_due()

    subscription = Subscription.objects.get()
    assert not subscription.active
    assert "5 days" in subscription.problem
    assert states() == ["dropped", "dropped"]
    assert Problem.objects.get(kind="webhook-switched-off").severity == "warning"
    published(3)
    assert Delivery.objects.count() == 2


def test_410_switches_it_off_at_once(receiver: Receiver) -> None:
    receiver.status = 410
    subscribed(receiver.url)
    changed()

    deliver_due()

    subscription = Subscription.objects.get()
    assert (subscription.active, states()) == (False, ["dead"])
    assert "410" in subscription.problem


def test_a_receiver_that_hangs_is_left_after_the_time_limit(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    receiver.status = 0
    subscribed(receiver.url)
    changed()

    deliver_due()

    assert states() == ["pending"]
    assert "did not answer within" in Delivery.objects.get().last_error


def test_a_receiver_that_answers_drop_by_drop_is_left_after_the_time_limit(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    receiver.drip = 0.05
    subscribed(receiver.url)
    changed()

    deliver_due()

    assert "did not answer within" in Delivery.objects.get().last_error


def test_of_a_long_answer_only_the_status_counts(receiver: Receiver) -> None:
    receiver.status, receiver.body = 200, b"x" * 5_000_000
    subscribed(receiver.url)
    changed()

    deliver_due()

    assert states() == ["delivered"]


def test_nothing_is_sent_to_a_private_host_and_its_ports_cannot_be_told_apart(
    receiver: Receiver, settings: Any
) -> None:
    subscribed(receiver.url, "rule_set.published")
    subscribed("http://127.0.0.1:9/", "rule_set.published", name="other")
    settings.WEBHOOK_HOSTS = []
    published()

    deliver_due()

    assert receiver.messages == []
    (words,) = set(Delivery.objects.values_list("last_error", flat=True))
    assert words == "its host has an address that is not public"


def test_a_worker_that_died_while_sending_is_followed_by_one_with_the_same_id(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Nothing can be caught after it."""

    subscribed(receiver.url)
    changed()

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(outbox, "_succeeded", die)
        with pytest.raises(Killed):
            deliver_due()
    left = Delivery.objects.get()
    nobody_else = deliver_due()
    make_due()
    deliver_due()

    assert (left.state, left.tries, nobody_else) == ("pending", 1, 0)
    assert states() == ["delivered"]
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_deliver_once(receiver: Receiver) -> None:
    subscribed(receiver.url, "rule_set.published")
    for number in range(6):
        published(number)
    gate = threading.Barrier(2)

    def send() -> None:
        gate.wait(timeout=HANG_SECONDS)
        deliver_due()
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(timeout=HANG_SECONDS)
    deliver_due()

    assert states() == ["delivered"] * 6
    assert len(receiver.ids) == len(set(receiver.ids)) == 6


@pytest.mark.django_db(transaction=True)
def test_while_one_receiver_hangs_another_is_told(receiver: Receiver) -> None:
    receiver.status = 0
    subscribed(receiver.url)
    changed(1)

    def send() -> None:
        deliver_due()
        connection.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert receiver.asked.wait(HANG_SECONDS)
    receiver.status = 204
    subscribed(receiver.url, "rule_set.published", name="other")
    published()

    deliver_due()

    assert Delivery.objects.get(kind="rule_set.published").state == "delivered"
    receiver.release.set()
    sender.join(timeout=HANG_SECONDS)


def test_deliveries_that_ended_long_ago_are_forgotten(receiver: Receiver) -> None:
    subscribed(receiver.url)
    changed(1)
    deliver_due()
    Delivery.objects.update(finished_at=Now() - timedelta(days=31))
    changed(2)
    (step,) = [step for step in retention.steps() if step.name == "webhook_deliveries"]

    list(step.remove())

    assert [delivery.version for delivery in Delivery.objects.all()] == [2]
