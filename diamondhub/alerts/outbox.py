"""Writing events into the outbox and sending them from it.

`announce` is called inside the transaction that makes the news true. Workers claim deliveries, send outside any
transaction, and record the outcome under their lease; a failure, of whatever kind, is tried again with growing pauses for
three days, or ends at once if the receiver refuses it. A channel is spoken to by one worker at a time, so one that hangs
holds up nobody else, and while it fails it is asked after growing pauses, however much waits for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Now
from psycopg import sql

from diamondhub import leases
from diamondhub.alerts import gathering, messages, pulse
from diamondhub.alerts import terms as rules
from diamondhub.alerts.channels import PACE_SECONDS, ChannelError, send
from diamondhub.alerts.listening import DIGEST
from diamondhub.alerts.models import Channel, ChannelState, Delivery, Event, Notice
from diamondhub.database import clock, release_connection
from diamondhub.doorbells import ring
from diamondhub.operations.problems.kinds import Severity
from diamondhub.telemetry import process_metrics, scrub
from diamondhub.telemetry.models import Heartbeat

log = structlog.get_logger(__name__)

#: Renewed while a message is sent; what a dead worker was sending is taken up after it (seconds).
LEASE_SECONDS = 60.0
#: A worker looks for other work after this long (seconds).
SLICE_SECONDS = 15.0
#: Channels that are spoken to at once, over all workers: those that hang must not take every thread.
MAX_AT_ONCE = 8
#: The pause after the first failure, doubled with each, and the longest (seconds).
FIRST_PAUSE, MAX_PAUSE = 10.0, 900.0
#: A delivery that failed for this long is dead: Friday's evening to Monday's morning, and more.
GIVE_UP_AFTER = timedelta(days=3)
#: Longest pause that a receiver's `Retry-After` is believed for (seconds).
MAX_WAIT = 12 * 3600.0
#: Longest reason that is kept of a failure (characters).
MAX_REASON = 1000
#: Stands on a delivery while it is being sent, and stays if its worker dies of that.
UNTOLD = "no worker has said how it went: it is being sent, or its worker died while sending it"
#: What a delivery that ended begins with if it is ever made pending again.
UNTRIED: dict[str, Any] = {"tries": 0, "trying_since": None}

DELIVER = "diamondhub.alerts.tasks.deliver"
_FREE = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())


# --- writing -----------------------------------------------------------------------------------------------------------


def announce(
    *,
    dedupe_key: str,
    kind: str,
    severity: str,
    subject: str,
    details: dict[str, Any] | None = None,
    trace_id: str = "",
) -> Event:
    """Write an event and one delivery per channel that is to be told of it, once per `dedupe_key`; returns the event.

    The subject is kept on one line, and both it and the details without secrets: channels make headers of the one, send
    both to other people's servers, and they may hold a supplier's words. What quiet hours hold waits for their end.
    """
    event, created = Event.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "severity": severity,
            "subject": scrub.reason(" ".join(subject.split()), 300),
            "details": scrub.nested(details or {}),
            "trace_id": trace_id,
        },
    )
    if created:
        _tell(event)
    return event


def _tell(event: Event) -> None:
    at = clock()
    told: dict[str, Delivery] = {}
    held: dict[str, Notice] = {}
    for terms in rules.in_force():
        name = terms.channel.name
        if not terms.apply_to_news(event.kind, event.severity, event.details):
            continue
        until = terms.held_until(event.severity, at)
        if until is None:
            told[name] = Delivery(event=event, channel=name, due_at=at)
        else:
            group = f"news:{event.pk}" if terms.channel.individually else DIGEST
            held[name] = Notice(
                news=event,
                rule=terms.key,
                channel=name,
                what=Notice.What.NEWS,
                group=group,
                due_at=until,
                created_at=at,
            )
    Delivery.objects.bulk_create(told.values())
    Notice.objects.bulk_create(notice for name, notice in held.items() if name not in told)
    ring(DELIVER, event.pk)


def announce_test(channels: Collection[Channel], *, by: str) -> list[Delivery]:
    """Write a test message to each of these channels, due at once; returns its deliveries, in the channels' order."""
    with transaction.atomic():
        event = Event.objects.create(
            dedupe_key=f"test:{uuid4()}",
            kind="test",
            severity=Severity.INFO,
            what=Event.What.TEST,
            subject="Test of an alert: nothing is wrong",
            details={"asked_for_by": by},
        )
        names = [channel.name for channel in channels]
        # Somebody waits for it; a receiver that asked for quiet is left in quiet.
        ChannelState.objects.bulk_create([ChannelState(name=name) for name in names], ignore_conflicts=True)
        ChannelState.objects.filter(name__in=names).update(retry_at=None)
        deliveries = Delivery.objects.bulk_create(
            [Delivery(event=event, channel=name, key=uuid4(), due_at=Now()) for name in names]
        )
        ring(DELIVER, event.pk)
    return deliveries


def resend(delivery: Delivery) -> bool:
    """Have a delivery that ended sent again, now; False if it is on its way.

    One that was delivered gets a new key, or its receiver would take it for the one that it has.
    """
    changes: dict[str, Any] = {"due_at": Now(), "finished_at": None, "last_error": "", **UNTRIED}
    if delivery.state == Delivery.State.DELIVERED:
        changes["key"] = uuid4()
    with transaction.atomic():
        again = Delivery.objects.filter(pk=delivery.pk, state=delivery.state).exclude(state=Delivery.State.PENDING)
        if again.update(state=Delivery.State.PENDING, **changes) != 1:
            return False
        ChannelState.objects.filter(name=delivery.channel).update(retry_at=None)
        ring(DELIVER, delivery.event_id)
    return True


# --- sending -----------------------------------------------------------------------------------------------------------


def round_trip(now: datetime | None = None) -> int:
    """One delivery round: make messages of what is due, send what is due, and say that the round was made."""
    gathering.gather(now)
    tried = deliver_due(now)
    Heartbeat.beat("delivery")
    if not everybody_is_deaf():
        pulse.beat()
    return tried


def deliver_due(
    now: datetime | None = None, *, seconds: float = SLICE_SECONDS, events: Collection[int] | None = None
) -> int:
    """Send every delivery that is due, for a time slice, or of these events alone; returns how many were tried."""
    tried = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lease = _claim(now, events)
        if lease is None:
            pause = _pause_of_pace(end) if now is None and events is None else 0.0
            if not pause:
                break
            release_connection()
            time.sleep(pause)
            continue
        tried += 1
        try:
            _deliver(lease, now)
        except leases.LeaseLost:
            log.warning("alert_taken_over", delivery_id=lease.pk)
    return tried


def _claim(now: datetime | None, events: Collection[int] | None) -> leases.Lease | None:
    where = sql.SQL(
        """
        t.state = 'pending'
        AND (%(events)s::bigint[] IS NULL OR t.event_id = ANY (%(events)s))
        AND NOT EXISTS (
            SELECT FROM alerts_delivery AS busy
            WHERE busy.state = 'pending' AND busy.channel = t.channel
                AND busy.lease_expires_at > coalesce(%(now)s, clock_timestamp())
        )
        AND NOT EXISTS (
            SELECT FROM alerts_channelstate AS c
            WHERE c.name = t.channel
                AND greatest(c.quiet_until, c.retry_at) > coalesce(%(now)s, clock_timestamp())
        )
        AND (
            SELECT count(*) FROM alerts_delivery AS busy
            WHERE busy.state = 'pending' AND busy.lease_expires_at > coalesce(%(now)s, clock_timestamp())
        ) < %(most)s
        """
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # One after another, or two would find the same channel free.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('alerts: claim of a delivery', 0))")
        return leases.claim(
            Delivery,
            where=where,
            parameters={"events": None if events is None else list(events), "most": MAX_AT_ONCE},
            order_by=sql.SQL("t.due_at, t.id"),
            seconds=LEASE_SECONDS,
            now=now,
        )


def _pause_of_pace(end: float) -> float:
    """How long to wait for a channel that takes a message a second, if anything is due for it; 0 if nothing is (seconds)."""
    at = clock()
    soon = at + timedelta(seconds=min(max(PACE_SECONDS.values()), max(0.0, end - time.monotonic())))
    paced = ChannelState.objects.filter(
        Exists(Delivery.objects.filter(_FREE, channel=OuterRef("name"), state=Delivery.State.PENDING, due_at__lte=at)),
        Q(retry_at__isnull=True) | Q(retry_at__lte=at),
        quiet_until__gt=at,
        quiet_until__lte=soon,
    )
    until = paced.order_by("quiet_until").values_list("quiet_until", flat=True).first()
    return max(0.01, (until - at).total_seconds()) if until else 0.0


def _deliver(lease: leases.Lease, now: datetime | None) -> None:
    delivery = Delivery.objects.select_related("event").get(pk=lease.pk)
    if delivery.last_error == UNTOLD and _is_over(delivery, lease):
        return _bury(delivery, lease, UNTOLD)
    channel = rules.channel(delivery.channel)
    if channel is None:
        return _bury(delivery, lease, f"no such channel, or it is switched off: {delivery.channel}")
    pause = _begin(delivery, lease)
    try:
        message = messages.message_of(delivery)
        with leases.heartbeat(lease, seconds=LEASE_SECONDS):
            release_connection()
            send(channel, message)
    except Exception as error:  # noqa: BLE001 - whatever a channel raises is this try's outcome, and has to be counted
        _failed(delivery, lease, error, pause)
    else:
        _succeeded(delivery, lease, pace=PACE_SECONDS.get(channel.kind, 0.0), at=now or clock())
    return None


def _begin(delivery: Delivery, lease: leases.Lease) -> float:
    """Count the try before it is made, so that one whose worker dies counts, too; returns the pause after it (seconds)."""
    delivery.tries += 1
    delivery.trying_since = delivery.trying_since or lease.granted_at
    pause: float = random.uniform(0.5, 1.0) * min(MAX_PAUSE, FIRST_PAUSE * 2 ** min(delivery.tries - 1, 12))
    Delivery.objects.filter(pk=lease.pk, lease_token=lease.token).update(
        tries=delivery.tries,
        trying_since=delivery.trying_since,
        last_error=UNTOLD,
        due_at=lease.granted_at + timedelta(seconds=pause),
    )
    return pause


def _succeeded(delivery: Delivery, lease: leases.Lease, *, pace: float, at: datetime) -> None:
    with transaction.atomic():
        leases.finish(lease, state=Delivery.State.DELIVERED, last_error="", finished_at=at, **UNTRIED)
        before = ChannelState.objects.filter(name=delivery.channel).first()
        ChannelState.objects.update_or_create(
            name=delivery.channel,
            defaults={
                "failing_since": None,
                "failures": 0,
                "last_failure": "",
                "retry_at": None,
                "delivered_at": at,
                "quiet_until": at + timedelta(seconds=pace) if pace else None,
            },
        )
        if before is not None and before.failures:
            # The channel is back: what waited for it waits no longer.
            waiting = Delivery.objects.filter(
                channel=delivery.channel, state=Delivery.State.PENDING, tries__gt=0, due_at__gt=at
            )
            waiting.filter(lease_expires_at__isnull=True).update(due_at=at)
    process_metrics.count("diamondhub_sends_total", delivery.channel, "delivered")


def _failed(delivery: Delivery, lease: leases.Lease, error: Exception, pause: float) -> None:
    known = isinstance(error, ChannelError)
    reason = scrub.reason(str(error) if known else f"{type(error).__name__}: {error}", MAX_REASON)
    wait = min(MAX_WAIT, error.wait) if isinstance(error, ChannelError) else 0.0
    refused = isinstance(error, ChannelError) and error.permanent
    if refused or _is_over(delivery, lease):
        return _bury(delivery, lease, reason)
    with transaction.atomic():
        Delivery.objects.filter(pk=lease.pk, lease_token=lease.token).update(last_error=reason)
        if not leases.give_back(lease, due_in=max(pause, wait), now=lease.granted_at):
            raise leases.LeaseLost
        # A fault of ours in one message must not keep the others.
        _note_failure(delivery.channel, reason, lease.granted_at, wait=wait, rest=known)
    process_metrics.count("diamondhub_sends_total", delivery.channel, "failed")
    log.warning("alert_not_delivered", channel=delivery.channel, error=reason, tries=delivery.tries)
    return None


def _note_failure(channel: str, reason: str, at: datetime, *, wait: float, rest: bool) -> None:
    state, _ = ChannelState.objects.select_for_update().get_or_create(name=channel)
    failures = state.failures + 1
    pause = random.uniform(0.5, 1.0) * min(MAX_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 12))
    ChannelState.objects.filter(pk=channel).update(
        failures=failures,
        failing_since=Coalesce("failing_since", at),
        last_failure=reason[:500],
        quiet_until=at + timedelta(seconds=wait) if wait else state.quiet_until,
        retry_at=at + timedelta(seconds=pause) if rest else state.retry_at,
    )


def _is_over(delivery: Delivery, lease: leases.Lease) -> bool:
    return delivery.trying_since is not None and lease.granted_at - delivery.trying_since > GIVE_UP_AFTER


def _bury(delivery: Delivery, lease: leases.Lease, reason: str) -> None:
    """End a delivery without its message; a look tells of it on another channel."""
    with transaction.atomic():
        leases.finish(lease, state=Delivery.State.DEAD, last_error=reason, finished_at=lease.granted_at, **UNTRIED)
        ChannelState.objects.get_or_create(name=delivery.channel)
        ChannelState.objects.filter(pk=delivery.channel).update(last_failure=reason[:500])
    process_metrics.count("diamondhub_sends_total", delivery.channel, "dead")
    log.error("alert_dead", channel=delivery.channel, subject=delivery.event.subject, error=reason)


# --- looking -----------------------------------------------------------------------------------------------------------


def everybody_is_deaf() -> bool:
    """Whether every channel that reaches people has failed for long: then only the outside can tell."""
    names = [name for name, channel in rules.channels().items() if channel.kind != "log"]
    if not names:
        return False
    long = Now() - timedelta(minutes=15)
    return ChannelState.objects.filter(name__in=names, failing_since__lte=long).count() == len(names)


def ring_due() -> None:
    """The sweep's look at the outbox; where nothing is due, a round is made now and then all the same, as a sign of life."""
    at = clock()
    due = (
        Delivery.objects.filter(_FREE, state=Delivery.State.PENDING, due_at__lte=at).exists()
        or Notice.objects.filter(state=Notice.State.WAITING, due_at__lte=at).exists()
    )
    if due or not Heartbeat.objects.filter(name="delivery", seen_at__gt=at - timedelta(seconds=10)).exists():
        ring(DELIVER, 0)
