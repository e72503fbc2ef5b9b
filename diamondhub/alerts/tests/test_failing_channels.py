"""Channels that fail or want to be left alone: who is told of it and when, by real servers and a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from diamondhub.alerts import configuring, gathering, operations, outbox
from diamondhub.alerts.models import Channel, ChannelState, Delivery
from diamondhub.alerts.tests.receivers import Receiver
from diamondhub.operations import away
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import tracking
from diamondhub.operations.tests.problems import looked_at

pytestmark = pytest.mark.django_db

#: A port that nobody listens at: what is sent there is refused.
CLOSED_PORT = 9


class World:
    """A clock that stands, and receivers of HTTP."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.receivers: list[Receiver] = []

    def receiver(self) -> Receiver:
        self.receivers.append(Receiver())
        return self.receivers[-1]

    def goes_on(self, seconds: float) -> int:
        """Let time pass and make a delivery round; returns how many messages were tried."""
        self.now += timedelta(seconds=seconds)
        gathering.gather(self.now)
        return outbox.deliver_due(self.now)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[World]:
    made = World()
    for module in (tracking, outbox, gathering, operations, configuring):
        monkeypatch.setattr(module, "clock", lambda: made.now)
    settings.ALERT_CHANNELS = []
    settings.WEBHOOK_HOSTS = ["localhost"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", CLOSED_PORT
    away.forget()
    yield made
    for receiver in made.receivers:
        receiver.stop()
    away.forget()


def slack(world: World, name: str = "slack") -> Receiver:
    receiver = world.receiver()
    configuring.save(Channel(name=name, kind="slack"), url=receiver.url)
    return receiver


def texts(receiver: Receiver) -> list[str]:
    return [json.loads(body)["text"] for _path, _headers, body in receiver.taken]


def news(number: int) -> None:
    outbox.announce(dedupe_key=f"news:{number}", kind="news", severity="info", subject=f"News {number}")


def test_a_channel_that_fails_is_told_on_another_within_a_quarter_of_an_hour(world: World) -> None:
    receiver = slack(world)
    configuring.save(Channel(name="mail", kind="email", addresses=["duty@example.com"]))
    tracking.occurred("backup-old", "backup", subject="The last backup is old")
    began = world.now

    while not any("The channel mail fails" in text for text in texts(receiver)):
        world.goes_on(5)
        looked_at("channel-failing")
        assert world.now - began <= timedelta(minutes=15)
    told_after = world.now - began
    while "critical" not in Problem.objects.get(kind="channel-failing").severity:
        world.goes_on(60)
        looked_at("channel-failing")
        assert world.now - began <= timedelta(minutes=20)
    for _ in range(8):
        world.goes_on(60)

    assert told_after < timedelta(minutes=2)
    assert "[critical] The channel mail fails" in texts(receiver)[-1]
    assert "Connection refused" in texts(receiver)[-1]
    # Nothing of it is sent on the channel that it is about.
    about_itself = Delivery.objects.filter(channel="mail", event__problem__kind="channel-failing")
    assert not about_itself.exists()


def test_what_a_channel_refuses_for_good_is_told_on_another_as_critical_at_once(world: World) -> None:
    refusing, other = slack(world, "refusing"), slack(world, "other")
    refusing.status = 410
    news(1)

    world.goes_on(1)
    looked_at("channel-failing")
    world.goes_on(61)

    assert any("[critical] The channel refusing fails: it refused" in text for text in texts(other))


def test_when_every_channel_fails_the_start_page_and_every_page_of_the_admin_say_so(
    world: World, admin_client: Client, settings: Any
) -> None:
    settings.ALERT_CHANNELS = ["log"]
    receiver = slack(world)
    configuring.save(Channel(name="mail", kind="email", addresses=["duty@example.com"]))
    receiver.status = 500
    tracking.occurred("backup-old", "backup", subject="The last backup is old")
    words = "Nobody is told of problems: every channel of alerts fails (mail, slack)."
    for _ in range(20):
        world.goes_on(60)
    looked_at("channel-failing")

    pages = [admin_client.get(address).content.decode() for address in ("/admin/", "/admin/ingest/run/")]
    deaf = outbox.everybody_is_deaf()
    receiver.status = 200
    for _ in range(20):
        world.goes_on(60)
    away.forget()
    after = admin_client.get("/admin/ingest/run/").content.decode()

    assert [words in page for page in pages] == [True, True]
    assert "The channel slack fails" in pages[0]
    assert "The channel mail fails" in pages[0]
    # A monitor outside hears nothing any more, and tells.
    assert deaf
    assert words not in after


def test_slack_is_sent_one_message_a_second(world: World) -> None:
    receiver = slack(world)
    for number in range(4):
        news(number)

    sent = [world.goes_on(seconds) for seconds in (1, 0, 0.5, 0.49, 0.01, 1, 0.9, 0.1, 5)]

    assert sent == [1, 0, 0, 0, 1, 1, 0, 1, 0]
    assert len(receiver.taken) == 4


def test_two_channels_of_slack_do_not_wait_for_each_other(world: World) -> None:
    first, second = slack(world, "first"), slack(world, "second")
    news(1)

    assert world.goes_on(1) == 2
    assert (len(first.taken), len(second.taken)) == (1, 1)


@pytest.mark.parametrize("kind", ["slack", "webhook"])
def test_a_receiver_that_asks_for_quiet_is_left_in_quiet_for_as_long_and_loses_nothing(world: World, kind: str) -> None:
    receiver = world.receiver()
    configuring.save(Channel(name="duty", kind=kind), url=receiver.url)
    receiver.status, receiver.answer_headers = 429, {"Retry-After": "90"}
    for number in range(3):
        news(number)

    tried = [world.goes_on(1)]
    receiver.status, receiver.answer_headers = 200, {}
    tried += [world.goes_on(seconds) for seconds in (30, 59.9)]
    world.goes_on(0.2)
    for _ in range(5):
        world.goes_on(1)

    assert tried == [1, 0, 0]
    assert len(receiver.taken) == 4
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert ChannelState.objects.get(name="duty").failures == 0


@pytest.mark.parametrize("written", ["", "soon", "-5", "1e9", "9" * 40, "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_retry_after_that_says_nothing_sensible_is_bounded(world: World, written: str) -> None:
    receiver = slack(world)
    receiver.status, receiver.answer_headers = 429, {"Retry-After": written}
    news(1)
    world.goes_on(1)
    receiver.status = 200

    world.goes_on(outbox.MAX_WAIT + 1)

    assert Delivery.objects.get().state == "delivered"
