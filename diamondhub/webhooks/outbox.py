"""Writing events for their subscribers, and sending them.

`emit` is called inside the transaction that makes the news true. Workers claim deliveries, send outside any transaction, and
record the outcome under their lease. What fails is tried again with growing pauses for three days; a receiver that has taken
nothing for five is switched off, and staff are told.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Coalesce, Now
from psycopg import sql

from diamondhub import leases
from diamondhub.access.secrets import SecretError
from diamondhub.database import clock, release_connection
from diamondhub.doorbells import ring
from diamondhub.telemetry import process_metrics
from diamondhub.webhooks import sending, signing, subscriptions
from diamondhub.webhooks.events import NEEDED, REPLACING, TEST, EventKind
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.sending import NotSent

log = structlog.get_logger(__name__)

#: Longer than any try takes, looking its host up included (seconds).
LEASE_SECONDS = 90.0
#: A worker looks for other work after this long (seconds).
SLICE_SECONDS = 15.0
#: Receivers that are spoken to at once, over all workers: those that hang must not take every thread.
MAX_AT_ONCE = 4
#: Deliveries that wait for one subscription at most: of more, the oldest are dropped and everybody is told.
MAX_WAITING = 1_000
#: The pause after the first failure, and the longest (seconds): 13 tries in three days.
FIRST_PAUSE, MAX_PAUSE = 10.0, 12 * 3600.0
#: A delivery that failed for this long is dead; a receiver that failed for this long is switched off.
GIVE_UP_AFTER, SWITCH_OFF_AFTER = timedelta(days=3), timedelta(days=5)

_FREE = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())


def emit(kind: EventKind, data: Mapping[str, Any]) -> None:
    """Write a delivery for each subscriber who may know. Part of the transaction that makes it true.

    Of a kind in `REPLACING`, `data` has a `version`, and what is still waiting to be sent is replaced.
    """
    subscribers = Subscription.objects.filter(
        active=True, events__contains=[kind], client__active=True, client__scopes__contains=[NEEDED[kind]]
    )
    numbers = list(subscribers.order_by("pk").values_list("pk", flat=True))
    if not numbers:
        return
    with transaction.atomic():
        waiting = _replaced(kind, numbers) if kind in REPLACING else {}
        deliveries = []
        for number in numbers:
            before = waiting.get(number, [])
            told = dict(data)
            if kind in REPLACING:
                # Whoever has the higher version may have committed first; what is told last must be the highest.
                told["version"] = max([told["version"], *(older.version for older in before)])
            delivery = _written(number, kind, told)
            # A receiver that is down is not asked more often because there is more to tell.
            tried = [older for older in before if older.tries]
            if tried:
                delivery.tries = max(older.tries for older in tried)
                delivery.trying_since = min(older.trying_since for older in tried)
                delivery.due_at = max(older.due_at for older in tried)
            deliveries.append(delivery)
        _make_room(numbers)
        Delivery.objects.bulk_create(deliveries)
        ring("diamondhub.webhooks.tasks.deliver", deliveries[0].pk)


def emit_test(subscription: Subscription) -> Delivery:
    """Write a delivery that tests a subscription."""
    with transaction.atomic():
        delivery = _written(subscription.pk, TEST, {"webhook": subscription.pk})
        _make_room([subscription.pk])
        delivery.save()
        ring("diamondhub.webhooks.tasks.deliver", delivery.pk)
    return delivery


def _written(subscription: int, kind: str, data: Mapping[str, Any]) -> Delivery:
    at = clock()
    body = {"type": kind, "timestamp": at.isoformat(), "data": data}
    return Delivery(
        subscription_id=subscription,
        message_id=f"msg_{uuid4().hex}",
        kind=kind,
        body=json.dumps(body, separators=(",", ":")),
        version=data.get("version") if kind in REPLACING else None,
        due_at=at,
    )


def _replaced(kind: str, subscribers: list[int]) -> dict[int, list[Any]]:
    """What was waiting and nobody is sending, by subscription; it is replaced."""
    rows: dict[int, list[Any]] = {}
    waiting = Delivery.objects.select_for_update(skip_locked=True).filter(
        _FREE, subscription__in=subscribers, kind=kind, state=Delivery.State.PENDING
    )
    for delivery in waiting.order_by("pk"):
        rows.setdefault(delivery.subscription_id, []).append(delivery)
    replaced = [delivery.pk for deliveries in rows.values() for delivery in deliveries]
    Delivery.objects.filter(pk__in=replaced).update(state=Delivery.State.REPLACED, finished_at=Now(), due_at=None)
    return rows


def _make_room(numbers: list[int]) -> None:
    """Drop the oldest of what waits for subscriptions that have no room for one more; what is being sent stays."""
    waiting = Delivery.objects.filter(subscription__in=numbers, state=Delivery.State.PENDING)
    full = waiting.values("subscription").annotate(rows=Count("pk")).filter(rows__gte=MAX_WAITING).order_by()
    for number, rows in full.values_list("subscription", "rows"):
        oldest = (
            waiting.select_for_update(skip_locked=True)
            .filter(_FREE, subscription=number)
            .order_by("pk")
            .values_list("pk", flat=True)[: rows - MAX_WAITING + 1]
        )
        dropped = Delivery.objects.filter(pk__in=list(oldest)).update(
            state=Delivery.State.DROPPED,
            due_at=None,
            finished_at=Now(),
            last_error=f"more than {MAX_WAITING:,} events waited, and this was the oldest",
        )
        subscriptions.tell_of_overflow(Subscription.objects.select_related("client").get(pk=number), dropped)


def deliver_due(*, seconds: float = SLICE_SECONDS) -> int:
    """Send what is due, for a time slice; returns how many deliveries were claimed."""
    claimed = 0
    end = monotonic() + seconds
    while monotonic() < end and (lease := _claim()):
        claimed += 1
        try:
            _deliver(lease)
        except leases.LeaseLost:
            log.warning("webhook_taken_over", delivery_id=lease.pk)
    return claimed


def _claim() -> leases.Lease | None:
    # A receiver is told one thing at a time and nothing while it asks for quiet, and few are spoken to at once.
    where = sql.SQL(
        """
        t.state = 'pending'
        AND NOT EXISTS (
            SELECT FROM webhooks_delivery AS busy
            WHERE busy.state = 'pending' AND busy.subscription_id = t.subscription_id
                AND busy.lease_expires_at > clock_timestamp()
        )
        AND NOT EXISTS (
            SELECT FROM webhooks_subscription AS quiet
            WHERE quiet.id = t.subscription_id AND quiet.quiet_until > clock_timestamp()
        )
        AND (
            SELECT count(*) FROM webhooks_delivery AS busy
            WHERE busy.state = 'pending' AND busy.lease_expires_at > clock_timestamp()
        ) < %(most)s
        """
    )
    return leases.claim(
        Delivery, where=where, parameters={"most": MAX_AT_ONCE}, order_by=sql.SQL("t.due_at"), seconds=LEASE_SECONDS
    )


def _deliver(lease: leases.Lease) -> None:
    delivery = Delivery.objects.select_related("subscription__client").get(pk=lease.pk)
    subscription = delivery.subscription
    if not _may_be_told(subscription, delivery.kind):
        leases.finish(lease, state=Delivery.State.DROPPED, finished_at=Now(), last_error="the webhook is switched off")
        return
    newer = Delivery.objects.filter(
        subscription=subscription, kind=delivery.kind, state=Delivery.State.PENDING, pk__gt=delivery.pk
    )
    if delivery.kind in REPLACING and newer.exists():
        leases.finish(lease, state=Delivery.State.REPLACED, finished_at=Now())
        return
    pause = _begin(delivery, lease)
    try:
        secrets = subscriptions.secrets_of(subscription, at=lease.granted_at)
    except SecretError as error:
        log.error("webhook_secret_does_not_open", subscription=subscription.pk, error=str(error))
        _failed(delivery, lease, NotSent("its secret cannot be opened here; this is our fault"), pause)
        return
    body = delivery.body.encode()
    headers = signing.headers(delivery.message_id, int(time.time()), body, secrets)
    release_connection()
    try:
        status = sending.post(subscription.url, body, headers)
    except NotSent as error:
        _failed(delivery, lease, error, pause)
    else:
        _succeeded(delivery, lease, status)


def _may_be_told(subscription: Subscription, kind: str) -> bool:
    needed = NEEDED.get(kind)
    client = subscription.client
    return subscription.active and client.active and (needed is None or needed in client.scopes)


def _begin(delivery: Delivery, lease: leases.Lease) -> float:
    """Count the try before it is made, so that one whose worker dies counts, too; returns the pause after it (seconds)."""
    delivery.tries += 1
    delivery.trying_since = delivery.trying_since or lease.granted_at
    pause: float = random.uniform(0.8, 1.0) * min(MAX_PAUSE, FIRST_PAUSE * 3 ** min(delivery.tries - 1, 20))
    Delivery.objects.filter(pk=lease.pk, lease_token=lease.token).update(
        tries=delivery.tries,
        trying_since=delivery.trying_since,
        due_at=lease.granted_at + timedelta(seconds=pause),
    )
    return pause


def _succeeded(delivery: Delivery, lease: leases.Lease, status: int) -> None:
    with transaction.atomic():
        leases.finish(lease, state=Delivery.State.DELIVERED, status=status, last_error="", finished_at=Now())
        Subscription.objects.filter(
            Q(failing_since__isnull=False) | ~Q(last_failure=""), pk=delivery.subscription_id
        ).update(failing_since=None, last_failure="", quiet_until=None)
    process_metrics.count("diamondhub_sends_total", "webhook", "delivered")
    log.info("webhook_delivered", delivery_id=delivery.pk, kind=delivery.kind, tries=delivery.tries)


def _failed(delivery: Delivery, lease: leases.Lease, error: NotSent, pause: float) -> None:
    reason = str(error)
    log.warning(
        "webhook_not_delivered", delivery_id=delivery.pk, kind=delivery.kind, error=reason, tries=delivery.tries
    )
    with transaction.atomic():
        assert delivery.trying_since is not None
        is_over = lease.granted_at - delivery.trying_since > GIVE_UP_AFTER
        process_metrics.count("diamondhub_sends_total", "webhook", "dead" if is_over or error.is_gone else "failed")
        if is_over or error.is_gone:
            leases.finish(lease, state=Delivery.State.DEAD, status=error.status, last_error=reason, finished_at=Now())
        else:
            # The row is this worker's alone while its lease is.
            mine = Delivery.objects.filter(pk=lease.pk, lease_token=lease.token)
            mine.update(status=error.status, last_error=reason)
            if not leases.give_back(lease, due_in=max(pause, error.wait)):
                raise leases.LeaseLost
        Subscription.objects.filter(pk=delivery.subscription_id).update(
            failing_since=Coalesce("failing_since", Now()),
            last_failure=reason,
            quiet_until=Now() + timedelta(seconds=error.wait) if error.wait else None,
        )
        failing_since = Subscription.objects.values_list("failing_since", flat=True).get(pk=delivery.subscription_id)
        if error.is_gone:
            subscriptions.give_up(delivery.subscription, "it answered 410: it wants no more events")
        elif failing_since is not None and lease.granted_at - failing_since > SWITCH_OFF_AFTER:
            days = SWITCH_OFF_AFTER.days
            subscriptions.give_up(delivery.subscription, f"nothing was delivered for {days} days; lastly {reason}")


def ring_due() -> None:
    """The sweep's look at the outbox."""
    quiet = Q(subscription__quiet_until__gt=Now())
    waiting = Delivery.objects.filter(_FREE, ~quiet, state=Delivery.State.PENDING, due_at__lte=Now())
    due = waiting.order_by("due_at").first()
    if due is not None:
        ring("diamondhub.webhooks.tasks.deliver", due.pk)
