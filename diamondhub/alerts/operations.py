"""What alerts show on the start page, what is wrong with telling, and which alerts are forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from diamondhub.admin.display import duration
from diamondhub.alerts import terms as rules
from diamondhub.alerts import watching
from diamondhub.alerts.models import ChannelKind, ChannelState, Delivery, Event, Notice
from diamondhub.alerts.problem_kinds import CHANNEL_FAILING, DELIVERY_LATE
from diamondhub.database import clock
from diamondhub.operations import away, home, retention, stages
from diamondhub.operations.away import Away
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.looking import Wrong
from diamondhub.telemetry import expected_metrics

#: A channel on which so many tries in a row failed is a problem, and one that has failed for so long a critical one.
FAILURES_TO_SHOW, FAILING_FOR = 2, timedelta(minutes=15)
#: What was due so long ago on a channel that is well is late.
OVERDUE_FOR = timedelta(minutes=5)


def undelivered() -> Iterator[home.Figure]:
    """Alerts that are on their way, and those that nobody could be told of."""
    url = reverse("admin:alerts_event_changelist")
    pending, pending_text = home.capped_count(Delivery.objects.filter(state=Delivery.State.PENDING))
    dead, dead_text = home.capped_count(Delivery.objects.filter(state=Delivery.State.DEAD))
    yield home.Figure(
        title="alerts on their way",
        value=pending_text,
        url=f"{url}?delivery=pending",
        tone="warn" if pending else "good",
    )
    yield home.Figure(
        title="alerts undeliverable",
        value=dead_text,
        url=f"{url}?delivery=dead",
        tone="bad" if dead else "good",
    )


def failing_channels() -> Iterator[Wrong]:
    """Channels on which nothing is delivered any more, though it is tried."""
    at = clock()
    there = rules.channels()
    for state in _failing(there).order_by("name"):
        if state.failing_since is not None:
            what = f"nothing was delivered for {duration(at - state.failing_since)}"
        else:
            what = "it refused a message for good"
        yield Wrong(
            CHANNEL_FAILING,
            f"channel:{state.name}",
            f"The channel {state.name} fails: {what}; {state.last_failure}",
            details={
                "channel": state.name,
                "kind": there[state.name].kind,
                "failing_since": state.failing_since.isoformat() if state.failing_since else None,
                "last_delivered_at": state.delivered_at.isoformat() if state.delivered_at else None,
                "waiting": Delivery.objects.filter(channel=state.name, state=Delivery.State.PENDING).count(),
            },
            severity=Severity.CRITICAL if _for_long(state, at) else Severity.WARNING,
        )


def _failing(names: Collection[str]) -> QuerySet[ChannelState]:
    """Those of these channels that fail."""
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    died = Delivery.objects.filter(
        channel=OuterRef("name"),
        state=Delivery.State.DEAD,
        finished_at__gt=Coalesce(OuterRef("delivered_at"), Value(long_ago)),
    )
    states = ChannelState.objects.filter(name__in=list(names)).annotate(has_dead=Exists(died))
    return states.filter(Q(failures__gte=FAILURES_TO_SHOW) | Q(has_dead=True))


def everybody_unreachable() -> Iterator[Away]:
    """No channel that reaches people works: only these pages, and the monitor outside, can still tell."""
    names = sorted(name for name, channel in rules.channels().items() if channel.kind != ChannelKind.LOG)
    failing = list(_failing(names)) if names else []
    if failing and len(failing) == len(names):
        named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Away(
            f"Nobody is told of problems: every channel of alerts fails ({named}).",
            "Mend one of them, or make another, and send a test on it: what waits goes out by itself then.",
            since=max((state.failing_since for state in failing if state.failing_since), default=None),
            url=reverse("admin:alerts_channelstate_changelist"),
        )


def _for_long(state: ChannelState, at: datetime) -> bool:
    """Whether a channel fails for so long, or so finally, that what it should tell is lost without somebody."""
    return state.failing_since is None or state.failing_since <= at - FAILING_FOR


def late_deliveries() -> Iterator[Wrong]:
    """Delivery rounds that are not made, and alerts that are due for long on channels that are well: nobody sends them."""
    at = clock()
    yield from (late for late in watching.late() if late.kind == DELIVERY_LATE)
    resting = ChannelState.objects.filter(
        Q(retry_at__isnull=False) | Q(quiet_until__gt=at) | Q(failures__gt=0), name=OuterRef("channel")
    )
    overdue = Delivery.objects.filter(~Exists(resting), state=Delivery.State.PENDING, due_at__lte=at - OVERDUE_FOR)
    oldest = overdue.order_by("due_at").first()
    if oldest is not None and oldest.due_at is not None:
        yield Wrong(
            DELIVERY_LATE,
            "outbox",
            f"Alerts are due for {duration(at - oldest.due_at)} and nobody sends them",
            details={"waiting": overdue[: home.MAX_COUNT].count(), "channel": oldest.channel},
        )


def old_events() -> QuerySet[Event]:
    """Alerts of long ago of which no delivery is under way."""
    pending = Delivery.objects.filter(event=OuterRef("pk"), state=Delivery.State.PENDING)
    held = Notice.objects.filter(news=OuterRef("pk"), state=Notice.State.WAITING)
    return Event.objects.filter(~Exists(pending), ~Exists(held), created_at__lt=retention.history_kept_from())


def old_notices() -> QuerySet[Notice]:
    """Notices that ended long ago."""
    over = Notice.objects.exclude(state=Notice.State.WAITING)
    return over.filter(finished_at__lt=retention.history_kept_from())


home.register(undelivered, permission="alerts.view_event", every=5)
stages.register(
    "telling (alerts)",
    lambda: Delivery.objects.filter(state=Delivery.State.PENDING),
    url=lambda: reverse("admin:alerts_event_changelist") + "?delivery=pending",
)
retention.register_rows("alerts", old_events)
retention.register_rows("alert_notices", old_notices)
away.register(everybody_unreachable)
looking.register(failing_channels, CHANNEL_FAILING)
looking.register(late_deliveries, DELIVERY_LATE)
retention.keep(
    "alerts.Event", "alerts.Delivery", how_long="HISTORY_RETENTION_DAYS days; one under way stays", by=("alerts",)
)
retention.keep("alerts.Notice", how_long="HISTORY_RETENTION_DAYS days; one that waits stays", by=("alert_notices",))
retention.keep("alerts.Channel", "alerts.ChannelState", "alerts.Rule", how_long="for ever: a row each")


def sends(cursor: psycopg.Cursor[Any]) -> Iterator[tuple[str, str]]:
    """Every outcome of every channel, for metrics."""
    cursor.execute("SELECT name FROM alerts_channel WHERE active")
    names = {name for (name,) in cursor.fetchall()} | {channel.name for channel in rules.channels_of_environment()}
    return product(sorted(names), ("delivered", "failed", "dead"))


expected_metrics.expect("diamondhub_sends_total", sends)
