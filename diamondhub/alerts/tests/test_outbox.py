"""The outbox: one delivery per channel and event, sent once, tried for a day."""

from __future__ import annotations

import smtplib
import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from structlog.testing import capture_logs

from diamondhub.alerts import outbox
from diamondhub.alerts.channels import ChannelError
from diamondhub.alerts.messages import Message
from diamondhub.alerts.models import Channel, ChannelState, Delivery, Event
from diamondhub.alerts.outbox import announce, deliver_due
from diamondhub.database import clock
from diamondhub.tests.patience import HANG_SECONDS


def news(key: str = "run:1:completed", severity: str = "info") -> Event:
    return announce(
        dedupe_key=key, kind="run_completed", severity=severity, subject="Run 1 completed", details={"new": 3}
    )


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every channel fails; the list says which were tried."""
    tried: list[str] = []

    def fail(channel: Channel, _message: Message) -> None:
        tried.append(channel.name)
        raise ChannelError("nobody answers")

    monkeypatch.setattr(outbox, "send", fail)
    return tried


@pytest.mark.django_db
def test_an_event_has_one_delivery_for_each_channel(settings: Any) -> None:
    settings.ALERT_CHANNELS = ["log", "email"]

    event = news()

    assert set(event.deliveries.values_list("channel", "state")) == {("log", "pending"), ("email", "pending")}


@pytest.mark.django_db
def test_the_same_event_again_is_the_same_event(settings: Any) -> None:
    settings.ALERT_CHANNELS = ["log", "email"]

    assert news().pk == news().pk
    assert (Event.objects.count(), Delivery.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_the_same_event_told_by_two_at_once_is_written_once() -> None:
    gate = threading.Barrier(4)

    def tell() -> None:
        gate.wait(timeout=HANG_SECONDS)
        news()
        connection.close()

    tellers = [threading.Thread(target=tell) for _ in range(4)]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join(timeout=HANG_SECONDS)

    assert (Event.objects.count(), Delivery.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_an_event_of_a_transaction_that_failed_was_never_news() -> None:
    with transaction.atomic():
        news()
        transaction.set_rollback(True)

    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("severity", "level"), [("info", "info"), ("warning", "warning"), ("critical", "error")])
def test_the_log_gets_an_alert_at_the_level_of_its_severity(severity: str, level: str) -> None:
    news(severity=severity)

    with capture_logs() as logs:
        tried = deliver_due()

    delivery = Delivery.objects.get()
    assert tried == 1
    assert [(entry["log_level"], entry["subject"]) for entry in logs] == [(level, "Run 1 completed")]
    assert (delivery.state, delivery.lease_expires_at, delivery.due_at) == ("delivered", None, None)
    assert delivery.finished_at is not None


@pytest.mark.django_db
def test_what_was_delivered_is_not_sent_again() -> None:
    news()
    deliver_due()

    assert deliver_due() == 0


@pytest.mark.django_db
def test_an_e_mail_says_what_happened_to_everybody(settings: Any) -> None:
    settings.ALERT_CHANNELS, settings.ALERT_EMAILS = ["email"], ["eve@example.com", "adam@example.com"]
    news(severity="critical")

    deliver_due()

    (message,) = mail.outbox
    assert message.to == ["eve@example.com", "adam@example.com"]
    assert message.subject == "[DiamondHub critical] Run 1 completed"
    assert '"new": 3' in str(message.body)


@pytest.mark.django_db
def test_a_subject_with_line_breaks_cannot_add_headers(settings: Any) -> None:
    settings.ALERT_CHANNELS, settings.ALERT_EMAILS = ["email"], ["eve@example.com"]
    announce(dedupe_key="x", kind="run_failed", severity="critical", subject="failed\nBcc: mallory@example.com")

    deliver_due()

    assert [message.recipients() for message in mail.outbox] == [["eve@example.com"]]
    assert "\n" not in mail.outbox[0].subject


@pytest.mark.django_db
def test_e_mail_without_addresses_or_server_is_a_failure_with_its_reason(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALERT_CHANNELS, settings.ALERT_EMAILS = ["email"], []
    news()
    deliver_due()
    nobody = Delivery.objects.get().last_error

    def refuse(*_: Any, **__: Any) -> None:
        raise smtplib.SMTPServerDisconnected("bye")

    settings.ALERT_EMAILS = ["eve@example.com"]
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    Delivery.objects.update(due_at=Now())
    ChannelState.objects.update(retry_at=None)
    deliver_due()

    assert nobody == "ALERT_EMAILS is empty"
    assert Delivery.objects.get().last_error == "SMTPServerDisconnected: bye"


@pytest.mark.django_db
def test_a_mail_server_that_accepts_and_says_nothing_is_not_waited_for(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.ALERT_CHANNELS, settings.ALERT_EMAILS, settings.EMAIL_TIMEOUT = ["email"], ["eve@example.com"], 0.2
    news()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.EMAIL_HOST, settings.EMAIL_PORT = mute.getsockname()

        deliver_due()

    delivery = Delivery.objects.get()
    assert delivery.state == "pending"
    assert delivery.last_error.endswith("timed out")


@pytest.mark.django_db
def test_an_unknown_channel_is_a_failure_with_its_name() -> None:
    news()
    Delivery.objects.update(channel="pigeon")

    deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_error) == ("dead", "no such channel, or it is switched off: pigeon")


@pytest.mark.django_db
def test_failures_are_tried_again_after_growing_pauses(broken: list[str]) -> None:
    news()
    pauses = []

    for _ in range(5):
        # The round's own clock: pauses count from there, however long the machine takes.
        at = clock()
        Delivery.objects.update(due_at=at)
        ChannelState.objects.update(retry_at=None)
        deliver_due(at)
        due_at = Delivery.objects.get().due_at
        assert due_at is not None
        pauses.append((due_at - at).total_seconds())

    delivery = Delivery.objects.get()
    # Between half and all of 10 s, doubled by every attempt.
    assert all(2.4 * 2**n < pause <= 5 * 2**n for n, pause in enumerate(pauses, 1))
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("pending", 5, "nobody answers")
    assert delivery.lease_expires_at is None


@pytest.mark.django_db
def test_pauses_never_exceed_a_quarter_of_an_hour(broken: list[str]) -> None:
    news()
    Delivery.objects.update(tries=40)

    deliver_due()

    left = Delivery.objects.annotate(left=F("due_at") - Now()).values_list("left", flat=True)[0]
    assert 440 < left.total_seconds() <= 900


@pytest.mark.django_db
def test_a_delivery_that_failed_for_three_days_is_dead_and_keeps_its_reason(broken: list[str]) -> None:
    news()
    Delivery.objects.update(trying_since=Now() - timedelta(hours=73))

    with capture_logs() as logs:
        deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at, delivery.last_error) == ("dead", None, "nobody answers")
    assert delivery.finished_at is not None
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("alert_dead", "error")]
    assert deliver_due() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("not a \0 channel's own error"), "ValueError: not a ␀ channel's own error"),
        (KeyError("severity"), "KeyError: 'severity'"),
        (UnicodeEncodeError("ascii", "ü", 0, 1, "no"), "UnicodeEncodeError: "),
        (RecursionError("x" * 100_000), "RecursionError: xxx"),
        (OSError(110, "timed out"), "TimeoutError: [Errno 110] timed out"),
    ],
)
def test_an_error_of_any_kind_is_a_counted_try_with_its_reason_and_a_pause(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    news()

    def fail(_channel: Channel, _message: Message) -> None:
        raise error

    monkeypatch.setattr(outbox, "send", fail)

    tried = deliver_due()

    delivery = Delivery.objects.annotate(left=F("due_at") - Now()).get()
    assert (tried, delivery.state, delivery.tries, delivery.lease_expires_at) == (1, "pending", 1, None)
    assert delivery.last_error.startswith(reason)
    assert len(delivery.last_error) <= outbox.MAX_REASON
    assert delivery.left > timedelta(seconds=4)


@pytest.mark.django_db
def test_an_error_of_any_kind_ends_dead_after_three_days_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    news()
    Delivery.objects.update(trying_since=Now() - timedelta(hours=73), tries=30)
    monkeypatch.setattr("diamondhub.alerts.channels.log.structlog", None)

    deliver_due()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at) == ("dead", None)
    assert delivery.last_error.startswith("AttributeError: ")
    assert deliver_due() == 0


@pytest.mark.django_db
def test_an_old_delivery_that_is_made_pending_again_is_tried_for_three_days_from_then(broken: list[str]) -> None:
    news()
    Event.objects.update(created_at=Now() - timedelta(days=300))
    Delivery.objects.update(trying_since=Now() - timedelta(hours=73), tries=40)
    deliver_due()
    Delivery.objects.filter(state="dead").update(state="pending", due_at=Now())

    deliver_due()

    delivery = Delivery.objects.annotate(left=F("due_at") - Now()).get()
    assert (delivery.state, delivery.tries) == ("pending", 1)
    assert delivery.left < timedelta(seconds=11)


@pytest.mark.django_db
def test_a_delivery_that_waited_for_days_for_a_worker_is_not_dead_at_its_first_failure(broken: list[str]) -> None:
    news()
    Event.objects.update(created_at=Now() - timedelta(days=3))
    Delivery.objects.update(due_at=Now() - timedelta(days=3))

    deliver_due()

    assert Delivery.objects.get().state == "pending"


@pytest.mark.django_db
def test_workers_that_die_while_sending_do_not_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    news()

    def die(_channel: Channel, _message: Message) -> None:
        raise SystemExit

    monkeypatch.setattr(outbox, "send", die)
    with pytest.raises(SystemExit):
        deliver_due()
    first = Delivery.objects.annotate(left=F("due_at") - Now()).get()
    Delivery.objects.update(
        trying_since=Now() - timedelta(hours=73), due_at=Now(), lease_expires_at=Now() - timedelta(seconds=1)
    )

    deliver_due()

    delivery = Delivery.objects.get()
    assert (first.tries, first.last_error) == (1, outbox.UNTOLD)
    assert first.left > timedelta(seconds=4)
    assert (delivery.state, delivery.last_error) == ("dead", outbox.UNTOLD)


@pytest.mark.django_db
def test_one_who_was_overtaken_while_sending_does_not_keep_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    news("run:1:completed")
    news("run:2:completed")
    sent: list[str] = []

    def overtaken(_channel: Channel, message: Message) -> None:
        if not sent:
            Delivery.objects.filter(key=message.key).update(lease_token=F("lease_token") + 1, lease_expires_at=Now())
        sent.append(message.key)

    monkeypatch.setattr(outbox, "send", overtaken)

    tried = deliver_due()

    assert tried == 2
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["delivered", "pending"]


@pytest.mark.django_db
def test_a_channel_that_fails_does_not_keep_the_others_waiting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALERT_CHANNELS = ["email", "log"]
    news()

    tried = deliver_due()

    assert tried == 2
    assert dict(Delivery.objects.values_list("channel", "state")) == {"email": "pending", "log": "delivered"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_every_delivery_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        news(f"run:{number}:completed")
    sent: list[str] = []
    monkeypatch.setattr(outbox, "send", lambda _channel, message: sent.append(message.key))
    gate = threading.Barrier(3)

    def work() -> None:
        gate.wait(timeout=HANG_SECONDS)
        deliver_due()
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=HANG_SECONDS)

    assert sorted(sent) == sorted(key.hex for key in Delivery.objects.values_list("key", flat=True))
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


@pytest.mark.django_db
def test_a_worker_that_died_while_sending_is_followed_by_another() -> None:
    news()
    Delivery.objects.update(lease_token=5, lease_expires_at=Now() + timedelta(seconds=60))
    while_it_lives = deliver_due()
    Delivery.objects.update(lease_expires_at=Now() - timedelta(seconds=1))

    assert (while_it_lives, deliver_due()) == (0, 1)
    assert Delivery.objects.get().state == "delivered"
