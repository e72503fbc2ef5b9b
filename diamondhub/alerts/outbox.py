"""Writing events into the outbox and sending them from it.

`announce` is called inside the transaction that makes the news true. Workers claim deliveries, send outside any
transaction, and record the outcome under their lease; a failure, of whatever kind, is tried again with growing pauses for
a day.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from psycopg import sql

from diamondhub import leases
from diamondhub.alerts.channels import ChannelError, send
from diamondhub.alerts.models import Delivery, Event
from diamondhub.database import release_connection
from diamondhub.doorbells import ring
from diamondhub.telemetry import scrub

log = structlog.get_logger(__name__)

#: Long enough for a channel's own time-outs (seconds).
LEASE_SECONDS = 60.0
#: A delivery that failed for this long is dead.
GIVE_UP_AFTER = timedelta(days=1)
#: Longest reason that is kept of a failure (characters).
MAX_REASON = 1000
#: Stands on a delivery while it is being sent, and stays if its worker dies of that.
UNTOLD = "no worker has said how it went: it is being sent, or its worker died while sending it"
#: What a delivery that ended begins with if it is ever made pending again.
UNTRIED: dict[str, Any] = {"tries": 0, "trying_since": None}


def announce(
    *,
    dedupe_key: str,
    kind: str,
    severity: str,
    subject: str,
    details: dict[str, Any] | None = None,
    trace_id: str = "",
) -> Event:
    """Write an event and one delivery per configured channel, once per `dedupe_key`; returns the event.

    The subject is kept on one line, and both it and the details without secrets: channels make headers of the one, send
    both to other people's servers, and they may hold a supplier's words.
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
        Delivery.objects.bulk_create(
            [Delivery(event=event, channel=channel, due_at=Now()) for channel in settings.ALERT_CHANNELS]
        )
        ring("diamondhub.alerts.tasks.deliver", event.pk)
    return event


def deliver_due() -> int:
    """Send every delivery that is due; returns how many were tried."""
    tried = 0
    while lease := leases.claim(
        Delivery,
        where=sql.SQL("t.state = 'pending'"),
        parameters={},
        order_by=sql.SQL("t.due_at"),
        seconds=LEASE_SECONDS,
    ):
        tried += 1
        try:
            _deliver(lease)
        except leases.LeaseLost:
            log.warning("alert_taken_over", delivery_id=lease.pk)
    return tried


def _deliver(lease: leases.Lease) -> None:
    delivery = Delivery.objects.select_related("event").get(pk=lease.pk)
    if delivery.last_error == UNTOLD and _is_over(delivery, lease):
        return _bury(delivery, lease, UNTOLD)
    pause = _begin(delivery, lease)
    release_connection()
    try:
        send(delivery.channel, delivery.event)
    except Exception as error:  # noqa: BLE001 - whatever a channel raises is this try's outcome, and has to be counted
        reason = str(error) if isinstance(error, ChannelError) else f"{type(error).__name__}: {error}"
        reason = scrub.reason(reason, MAX_REASON)
        if _is_over(delivery, lease):
            return _bury(delivery, lease, reason)
        Delivery.objects.filter(pk=lease.pk, lease_token=lease.token).update(last_error=reason)
        leases.give_back(lease, due_in=pause)
        log.warning("alert_not_delivered", channel=delivery.channel, error=reason, tries=delivery.tries)
    else:
        leases.finish(lease, state=Delivery.State.DELIVERED, last_error="", finished_at=Now(), **UNTRIED)
    return None


def _begin(delivery: Delivery, lease: leases.Lease) -> float:
    """Count the try before it is made, so that one whose worker dies counts, too; returns the pause after it (seconds)."""
    delivery.tries += 1
    delivery.trying_since = delivery.trying_since or lease.granted_at
    pause: float = random.uniform(0.5, 1.0) * min(3600.0, 5.0 * 2 ** min(delivery.tries, 12))
    Delivery.objects.filter(pk=lease.pk, lease_token=lease.token).update(
        tries=delivery.tries,
        trying_since=delivery.trying_since,
        last_error=UNTOLD,
        due_at=lease.granted_at + timedelta(seconds=pause),
    )
    return pause


def _is_over(delivery: Delivery, lease: leases.Lease) -> bool:
    return delivery.trying_since is not None and lease.granted_at - delivery.trying_since > GIVE_UP_AFTER


def _bury(delivery: Delivery, lease: leases.Lease, reason: str) -> None:
    leases.finish(lease, state=Delivery.State.DEAD, last_error=reason, finished_at=Now(), **UNTRIED)
    log.error("alert_dead", channel=delivery.channel, subject=delivery.event.subject, error=reason)


def ring_due() -> None:
    """The sweep's look at the outbox."""
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    due = Delivery.objects.filter(free, state=Delivery.State.PENDING, due_at__lte=Now()).first()
    if due is not None:
        ring("diamondhub.alerts.tasks.deliver", due.event_id)
