"""Who is told of what, where and how: the rules in force with their channels, of the admin and of the environment.

`ALERT_CHANNELS` names channels of the environment. A channel that no rule names is told everything, on a new rule's
terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from diamondhub.alerts.models import Channel, ChannelKind, Notice, Rule
from diamondhub.alerts.quiet import QuietHours
from diamondhub.operations.models import Problem
from diamondhub.operations.problems.kinds import Severity

#: What a problem of telling is about: it is told on other channels.
ABOUT_CHANNEL = "channel:"
#: A critical problem waits no longer than this for others of its kind (seconds).
CRITICAL_WAIT = 60


@dataclass(frozen=True, slots=True)
class Terms:
    """A rule in force for one channel. `key` names it in notices: `rule:<id>`, or `channel:<name>` without a rule."""

    key: str
    channel: Channel
    severities: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    feeds: frozenset[str] = frozenset()
    wait: timedelta = timedelta(seconds=15)
    interval: timedelta = timedelta(seconds=300)
    repeat: timedelta = timedelta(seconds=3600)
    escalate_to: str = ""
    escalate_after: timedelta = timedelta(seconds=1800)
    tell_resolved: bool = True
    quiet: QuietHours | None = None

    def apply_to(self, problem: Problem) -> bool:
        """Whether a problem is told by these terms; a channel's own problem is not told on it."""
        return (
            self._takes(problem.severity, problem.kind)
            and (not self.feeds or bool(self.feeds & feeds_of(problem)))
            and problem.about != ABOUT_CHANNEL + self.channel.name
        )

    def apply_to_news(self, kind: str, severity: str, details: dict[str, Any]) -> bool:
        """Whether news are told by these terms."""
        return self._takes(severity, kind) and (not self.feeds or str(details.get("feed", "")) in self.feeds)

    def _takes(self, severity: str, kind: str) -> bool:
        return (not self.severities or severity in self.severities) and (not self.kinds or kind in self.kinds)

    def held_until(self, severity: str, now: datetime) -> datetime | None:
        """Until when quiet hours hold something of this severity; None if they do not."""
        if severity == Severity.CRITICAL or self.quiet is None:
            return None
        return self.quiet.ends(now)


def group_of(channel: Channel, what: str, problem: Problem) -> str:
    """What becomes one message on a channel: all of a kind, or one problem where each is told by itself."""
    return f"{what}:{problem.pk}" if channel.individually else f"{what}:{problem.kind}"


def feeds_of(problem: Problem) -> frozenset[str]:
    """The feeds that a problem concerns, by what it is about and by its details."""
    named = problem.details.get("feed") if isinstance(problem.details, dict) else None
    about = problem.about.partition("feed:")[2]
    return frozenset(str(slug) for slug in (named, about) if slug)


def channels_of_environment() -> list[Channel]:
    """The channels that `ALERT_CHANNELS` names, as rows that are not saved."""
    return [
        Channel(name=name, kind=name, addresses=list(settings.ALERT_EMAILS) if name == ChannelKind.EMAIL else [])
        for name in dict.fromkeys(settings.ALERT_CHANNELS)
    ]


def channels() -> dict[str, Channel]:
    """Every channel that is switched on, by its name. One of the environment hides a row of its name."""
    rows = {channel.name: channel for channel in Channel.objects.filter(active=True).order_by("name")}
    return rows | {channel.name: channel for channel in channels_of_environment()}


def channel(name: str) -> Channel | None:
    """The channel of that name, if it is switched on."""
    for of_environment in channels_of_environment():
        if of_environment.name == name:
            return of_environment
    return Channel.objects.filter(name=name, active=True).first()


def in_force() -> list[Terms]:
    """The terms of every channel that is switched on."""
    there = channels()
    rules = list(Rule.objects.filter(active=True).order_by("pk"))
    named = {rule.channel for rule in rules}
    return [
        *(_of_rule(rule, there[rule.channel]) for rule in rules if rule.channel in there),
        *(_of_channel(channel) for name, channel in there.items() if name not in named),
    ]


def by_key(key: str) -> Terms | None:
    """The terms in force of that key."""
    return next((terms for terms in in_force() if terms.key == key), None)


def of_notice(notice: Notice, known: list[Terms]) -> Terms | None:
    """The terms that a notice was written by, if they are in force."""
    return next((terms for terms in known if terms.key == notice.rule), None)


def _of_channel(channel: Channel) -> Terms:
    if channel.kind == ChannelKind.LOG:
        return Terms(f"channel:{channel.name}", channel, wait=timedelta(0), repeat=timedelta(0))
    return Terms(f"channel:{channel.name}", channel)


def _of_rule(rule: Rule, channel: Channel) -> Terms:
    quiet = None
    if rule.quiet_from is not None and rule.quiet_to is not None:
        quiet = QuietHours(rule.quiet_from, rule.quiet_to, rule.time_zone)
    return Terms(
        key=f"rule:{rule.pk}",
        channel=channel,
        severities=frozenset(rule.severities),
        kinds=frozenset(rule.kinds),
        feeds=frozenset(rule.feeds),
        wait=timedelta(seconds=rule.wait_seconds),
        interval=timedelta(seconds=rule.interval_seconds),
        repeat=timedelta(seconds=rule.repeat_seconds),
        escalate_to=rule.escalate_to,
        escalate_after=timedelta(seconds=rule.escalate_after_seconds),
        tell_resolved=rule.tell_resolved,
        quiet=quiet,
    )
