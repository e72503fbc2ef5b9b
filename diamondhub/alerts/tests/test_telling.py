"""Problems are told by rules: grouped, repeated, escalated, held in quiet hours, and ended; with a clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import permutations
from typing import Any

import pytest

from diamondhub.alerts import configuring, gathering, outbox
from diamondhub.alerts.channels import ChannelError
from diamondhub.alerts.messages import Message
from diamondhub.alerts.models import Channel, Delivery, Event, Notice, Rule
from diamondhub.alerts.outbox import deliver_due
from diamondhub.alerts.quiet import QuietHours
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, tracking
from diamondhub.operations.problems.kinds import Kind, Severity

pytestmark = pytest.mark.django_db

CRITICAL = Kind("test-critical", "A test fails", Severity.CRITICAL, "by a test", "by a test", "alerts.view_event")
WARNING = Kind("test-warning", "A test warns", Severity.WARNING, "by a test", "by a test", "alerts.view_event")


class World:
    """A clock, and what was sent to whom; channels in `down` take nothing."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.sent: list[tuple[str, str, str]] = []
        self.keys: list[tuple[str, str]] = []
        self.down: set[str] = set()

    def send(self, channel: Channel, message: Message) -> None:
        if channel.name in self.down:
            raise ChannelError("nobody answers")
        self.sent.append((channel.name, message.what, message.subject))
        self.keys.append((channel.name, message.key))

    def passes(self, seconds: float, *, step: float = 150) -> None:
        """Let time pass with a delivery round every `step` seconds."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(end, self.now + timedelta(seconds=step))
            tracking.end_acknowledgements()
            gathering.gather(self.now)
            deliver_due(self.now)

    def told(self, channel: str) -> list[str]:
        return [what for name, what, _subject in self.sent if name == channel]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any) -> World:
    made = World()
    monkeypatch.setattr(kinds, "_kinds", {**kinds._kinds, CRITICAL.name: CRITICAL, WARNING.name: WARNING})
    monkeypatch.setattr(outbox, "send", made.send)
    for module in (tracking, outbox, gathering):
        monkeypatch.setattr(module, "clock", lambda: made.now)
    settings.ALERT_CHANNELS = []
    for name in ("mail", "boss"):
        Channel.objects.create(name=name, kind="email", addresses=[f"{name}@example.com"])
    return made


def rule(**values: Any) -> Rule:
    # The boss is told what is escalated, and else nothing.
    Rule.objects.create(name="boss", channel="boss", kinds=["nothing"])
    return Rule.objects.create(name="all", channel="mail", **values)


def opened(kind: Kind = CRITICAL, about: str = "thing:1") -> Problem:
    return tracking.occurred(kind.name, about, subject=f"{about} fails")


def test_a_thousand_equal_errors_are_one_message_and_one_digest(world: World) -> None:
    rule(repeat_seconds=0)
    for number in range(1_000):
        opened(WARNING)
        if number == 500:
            world.passes(60)

    world.passes(360)

    assert world.told("mail") == ["opened", "recurred"]
    assert Event.objects.get(what="recurred").items[0]["since_told"] == 499


def test_a_thousand_things_that_fail_alike_are_one_message(world: World) -> None:
    rule()
    for number in range(1_000):
        opened(WARNING, f"thing:{number}")

    world.passes(60)

    assert world.told("mail") == ["opened"]
    event = Event.objects.get()
    assert (len(event.items), event.more) == (20, 980)


def test_critical_is_repeated_until_somebody_takes_care_of_it(world: World) -> None:
    rule(repeat_seconds=600)
    problem = opened()
    world.passes(1_300, step=50)
    before = world.told("mail")
    tracking.acknowledge(problem.pk, by="eve", until=world.now + timedelta(hours=1))

    world.passes(3_000)
    during = world.told("mail")
    world.passes(3_000)

    assert before == ["opened", "reminder", "reminder"]
    assert during == before
    assert len(world.told("mail")) > len(before)


def test_what_nobody_takes_care_of_is_escalated_once(world: World) -> None:
    rule(repeat_seconds=0, escalate_to="boss", escalate_after_seconds=900)
    opened()

    world.passes(7_200)

    assert world.told("boss") == ["escalation"]


def test_the_end_is_told_to_all_who_were_told_and_says_how_long_it_was(world: World) -> None:
    rule(repeat_seconds=0, escalate_to="boss", escalate_after_seconds=60)
    opened()
    world.passes(120)

    tracking.resolve(CRITICAL.name, "thing:1", why="mended")
    world.passes(120)

    assert (world.told("mail"), world.told("boss")) == (["opened", "resolved"], ["escalation", "resolved"])
    assert Event.objects.filter(what="resolved").first().items[0]["lasted"] == "2 min 00 s"  # type: ignore[union-attr]


def test_what_opens_and_ends_before_it_is_told_is_told_once(world: World) -> None:
    rule()
    opened()
    tracking.resolve(CRITICAL.name, "thing:1", why="mended")

    world.passes(120)

    assert world.told("mail") == ["opened"]
    assert Event.objects.get().items[0]["state"] == "resolved"


@pytest.mark.parametrize(
    "deeds", [order for size in (1, 2, 3) for order in permutations(["acknowledge", "resolve", "recur", "wait"], size)]
)
def test_no_interleaving_escalates_what_is_taken_care_of_or_over(world: World, deeds: tuple[str, ...]) -> None:
    rule(repeat_seconds=600, escalate_to="boss", escalate_after_seconds=900)
    problem = opened()
    for deed in deeds:
        match deed:
            case "acknowledge":
                if Problem.objects.get().state != "resolved":
                    tracking.acknowledge(problem.pk, by="eve", until=world.now + timedelta(days=3))
            case "resolve":
                tracking.resolve(CRITICAL.name, "thing:1", why="mended")
            case "recur":
                opened()
            case "wait":
                world.passes(300)
    state = Problem.objects.get().state
    waiting = set(Notice.objects.filter(state="waiting").values_list("what", flat=True))

    world.passes(7_200)

    assert world.told("boss") == (["escalation"] if state == "open" else [])
    assert waiting & {"reminder", "escalation", "recurred"} == set() or state == "open"
    assert world.told("mail").count("opened") >= 1
    assert "reminder" in world.told("mail") or state != "open"


def test_a_channel_dead_for_an_hour_loses_nothing_and_doubles_nothing(world: World) -> None:
    rule(repeat_seconds=600, escalate_to="boss", escalate_after_seconds=900)
    world.down = {"mail", "boss"}
    for number in range(5):
        opened(CRITICAL, f"thing:{number}")
        world.passes(300)
    world.passes(2_100)

    world.down = set()
    world.passes(1_200)

    assert len(set(world.keys)) == len(world.keys)
    said = {item["problem"] for event in Event.objects.filter(what="opened") for item in event.items}
    assert said == set(Problem.objects.filter(kind=CRITICAL.name).values_list("pk", flat=True))
    assert not Delivery.objects.exclude(state="delivered").filter(event__what__in=["opened", "escalation"]).exists()
    escalated = [item["problem"] for event in Event.objects.filter(what="escalation") for item in event.items]
    assert sorted(escalated) == sorted(said)
    # One reminder at most waited for the channel, and not one for each that was due.
    assert world.told("mail").count("reminder") <= 10


def test_quiet_hours_hold_all_but_what_is_critical_and_end_with_one_digest(world: World) -> None:
    rule(quiet_from=time(11), quiet_to=time(14), repeat_seconds=0)
    opened(WARNING)
    opened(CRITICAL)
    outbox.announce(dedupe_key="news", kind="news", severity="info", subject="News")
    world.passes(600)
    during = world.told("mail")

    world.passes(7_200)

    assert during == ["opened"]
    assert world.told("mail") == ["opened", "digest"]
    assert {item["subject"] for item in Event.objects.get(what="digest").items} == {"thing:1 fails", "News"}


def test_a_channel_that_is_refused_ends_dead_at_once_with_its_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_channel: Channel, _message: Message) -> None:
        raise ChannelError("it answered 404", permanent=True)

    monkeypatch.setattr(outbox, "send", refuse)
    rule()
    opened()

    world.passes(60)

    assert list(Delivery.objects.values_list("state", "last_error")) == [("dead", "it answered 404")]


def test_a_new_channel_is_told_what_is_open(world: World) -> None:
    rule()
    opened()
    opened(WARNING)
    world.passes(60)

    configuring.save(Channel(name="new", kind="email", addresses=["new@example.com"]))
    world.now += timedelta(seconds=1)
    Notice.objects.filter(channel="new").update(due_at=world.now)
    world.passes(30)

    assert world.told("new") == ["digest"]


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        # The night in which clocks in Berlin go forward, and the one in which they go back.
        ("2026-03-28T22:30:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("2026-10-24T21:30:00+00:00", "2026-10-25T06:00:00+00:00"),
        ("2026-10-25T06:00:00+00:00", None),
        ("2026-06-01T12:00:00+00:00", None),
    ],
)
def test_quiet_hours_follow_the_clocks_of_their_zone(now: str, ends: str | None) -> None:
    hours = QuietHours(time(22), time(7), "Europe/Berlin")

    over = hours.ends(datetime.fromisoformat(now))

    assert over == (datetime.fromisoformat(ends) if ends else None)
