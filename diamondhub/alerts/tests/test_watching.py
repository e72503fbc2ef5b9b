"""The watch of web processes, signs of life to the outside, and the banner."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.test import Client

from diamondhub import sweep
from diamondhub.alerts import outbox, pulse, watching
from diamondhub.alerts.messages import Message
from diamondhub.alerts.models import Channel, ChannelState, Delivery
from diamondhub.alerts.watching import Watch
from diamondhub.operations import away
from diamondhub.operations.models import LookTaken, Problem
from diamondhub.telemetry.models import Heartbeat

LONG_AGO = -1_000_000.0


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[str]:
    told: list[str] = []

    def send(_channel: Channel, message: Message) -> None:
        told.append(message.title)

    settings.ALERT_CHANNELS, settings.ALERT_EMAILS = ["email"], ["eve@example.com"]
    monkeypatch.setattr(outbox, "send", send)
    monkeypatch.setattr("diamondhub.alerts.watching.sending.send", send)
    return told


def silence(**ages: int) -> None:
    for name, seconds in ages.items():
        Heartbeat.beat(name)
        Heartbeat.objects.filter(name=name).update(seen_at=Now() - timedelta(seconds=seconds))


@pytest.mark.django_db
def test_several_web_processes_send_one_mail_about_one_silence(sent: list[str]) -> None:
    silence(sweep=200, delivery=200)
    watches = [Watch(began=LONG_AGO) for _ in range(3)]

    for _ in range(3):
        for watch in watches:
            watch.tick()

    assert len(sent) == 1
    assert re.match(r"No sweep has gone round for 3 min [2-5]\d s", sent[0])
    assert Problem.objects.get().kind == "sweep-late"


@pytest.mark.django_db
def test_its_end_is_told_and_a_later_silence_again(sent: list[str]) -> None:
    silence(sweep=200, delivery=200)
    watch = Watch(began=LONG_AGO)
    watch.tick()
    silence(sweep=0, delivery=0)
    watch.tick()
    state = Problem.objects.get().state
    silence(sweep=300, delivery=300)

    watch.tick()

    assert state == "resolved"
    assert sum(title.startswith("No sweep") for title in sent) == 2


@pytest.mark.django_db
def test_redis_and_a_broker_that_are_away_are_found_and_told_by_web_once_since_no_sweep_is_made_without_them(
    sent: list[str], settings: Any, redis_server: str
) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    silence(sweep=200, delivery=200)
    watches = [Watch(began=LONG_AGO) for _ in range(2)]

    for _ in range(2):
        for watch in watches:
            watch.tick()

    assert set(Problem.objects.filter(state="open").values_list("kind", flat=True)) == {
        "sweep-late",
        "redis-away",
        "broker-away",
    }
    for words in (
        "No sweep has gone round",
        "Redis (REDIS_URL) does not answer",
        "The broker (CELERY_BROKER_URL) does",
    ):
        assert sum(words in title for title in sent) == 1, sent

    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_server
    LookTaken.objects.update(taken_at=Now() - timedelta(minutes=1))
    watches[0].tick()

    assert set(Problem.objects.filter(state="open").values_list("kind", flat=True)) == {"sweep-late"}


@pytest.mark.django_db
def test_while_sweeps_are_made_web_leaves_it_to_them_to_tell(sent: list[str], settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    silence(sweep=0, delivery=0)

    Watch(began=LONG_AGO).tick()

    assert sent == []
    assert Problem.objects.filter(kind="redis-away", state="open").exists()


@pytest.mark.django_db
def test_who_has_only_begun_to_watch_tells_nothing(sent: list[str]) -> None:
    silence(sweep=100_000, delivery=100_000)

    Watch().tick()

    assert sent == []


@pytest.mark.django_db
def test_a_mail_that_does_not_go_out_is_sent_later_and_once(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    silence(sweep=200)
    watch = Watch(began=LONG_AGO)
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise OSError("nobody answers")

        broken.setattr(outbox, "send", fail)
        watch.tick()
    Delivery.objects.update(due_at=Now())
    ChannelState.objects.update(retry_at=None)

    watch.tick()
    watch.tick()

    assert len(sent) == 1


@pytest.mark.django_db
def test_without_a_database_each_host_says_so_once_and_that_it_is_back(
    sent: list[str], monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    settings.VAR_DIR = tmp_path
    silence(sweep=0, delivery=0)
    watches = [Watch(began=LONG_AGO) for _ in range(2)]
    for watch in watches:
        watch.tick()
    with monkeypatch.context() as gone:

        def fail(**_: Any) -> None:
            raise OperationalError("connection refused")

        gone.setattr(watching, "late", fail)
        gone.setattr(watching, "AWAY_SECONDS", 0.0)
        for _ in range(3):
            for watch in watches:
                watch.tick()
    away_titles = list(sent)

    for watch in watches:
        watch.tick()

    assert [title[:20] for title in away_titles] == ["The database is away"]
    assert [title[:20] for title in sent[1:]] == ["The database is back"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[str]:
    settings.HEARTBEAT_URL = "https://watch.example.com/secret"
    urls: list[str] = []

    monkeypatch.setattr(pulse, "in_background", urls.append)
    return urls


@pytest.mark.django_db
def test_the_outside_hears_nothing_unless_both_sweeps_and_rounds_go_well(asked: list[str], settings: Any) -> None:
    silence(sweep=0, delivery=200)
    pulse.beat()
    without = list(asked)
    silence(delivery=0)

    pulse.beat()
    pulse.beat()

    assert (without, asked) == ([], [settings.HEARTBEAT_URL])


@pytest.mark.django_db
def test_a_sweep_in_which_something_failed_gives_no_sign_of_life(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(delivery=0)

    def fail() -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(sweep, "_sweepers", [fail])
    sweep.sweep()
    after_a_bad_one = list(asked)
    monkeypatch.setattr(sweep, "_sweepers", [])

    sweep.sweep()

    assert (after_a_bad_one, len(asked)) == ([], 1)


def test_the_outside_that_cannot_be_reached_raises_nothing() -> None:
    assert not pulse.ask("http://127.0.0.1:9/secret")


@pytest.mark.django_db
def test_every_page_of_the_admin_says_what_is_away_since_when_and_what_to_do(admin_client: Client) -> None:
    silence(sweep=200)
    away.forget()

    html = admin_client.get("/admin/alerts/event/").content.decode()

    assert "No sweep goes round" in html
    assert "Since <time" in html
    assert "worker-io" in html
    away.forget()
