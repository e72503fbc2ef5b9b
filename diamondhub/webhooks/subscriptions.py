"""Subscriptions: made, changed, given new secrets, switched off. The API and the admin call this.

A secret's text is in what its maker gets, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.access import sealed
from diamondhub.access.models import ApiClient
from diamondhub.database import clock
from diamondhub.operations.problems import tracking
from diamondhub.webhooks import signing
from diamondhub.webhooks.events import NEEDED
from diamondhub.webhooks.models import Delivery, Subscription

log = structlog.get_logger(__name__)

#: Subscriptions of one client at most.
MAX_SUBSCRIPTIONS = 10
#: How long a replaced secret goes on signing by default, and at most (hours).
OVERLAP_HOURS, MAX_OVERLAP_HOURS = 24, 168


class TooMany(Exception):
    """The client has as many webhooks as it can have."""


class SwitchedOff(Exception):
    """The webhook is switched off."""


class ScopeMissing(Exception):
    """The client may not read what it wants to be told."""


@dataclass(frozen=True)
class Issued:
    """A subscription with its new secret: the only time that anybody sees it."""

    subscription: Subscription
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.subscription})"


@transaction.atomic
def create(client: ApiClient, *, url: str, events: Iterable[str]) -> Issued:
    """Subscribe an address to events. Raises `ScopeMissing` and `TooMany`."""
    locked = ApiClient.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.webhooks.count() >= MAX_SUBSCRIPTIONS:
        raise TooMany(f"a client can have {MAX_SUBSCRIPTIONS} webhooks: delete one first")
    now = clock()
    subscription = Subscription.objects.create(
        client=locked,
        url=url,
        host=urlsplit(url).hostname or "",
        url_set_at=now,
        events=_permitted(locked, events),
        secret_set_at=now,
    )
    secret = signing.new_secret()
    sealed.put(subscription, "secret", secret.encode())
    Subscription.objects.filter(pk=subscription.pk).update(secret=subscription.secret)
    return Issued(subscription, secret)


@transaction.atomic
def change(
    subscription: Subscription,
    *,
    url: str | None = None,
    events: Iterable[str] | None = None,
    active: bool | None = None,
    reason: str = "",
) -> Subscription:
    """Change what is given; the rest stays. Switching on forgets what was wrong. Raises `ScopeMissing`."""
    now = _locked(subscription)
    changed: dict[str, Any] = {}
    if url is not None and url != now.url:
        changed |= {"url": url, "host": urlsplit(url).hostname or "", "url_set_at": clock()}
    if events is not None:
        changed["events"] = _permitted(now.client, events)
    if active is True and not now.active:
        changed |= {"active": True, "disabled_at": None, "disabled_reason": ""}
        changed |= {"failing_since": None, "last_failure": "", "quiet_until": None}
    elif active is False and now.active:
        changed |= {"active": False, "disabled_at": clock(), "disabled_reason": reason}
        _drop_waiting(now)
    Subscription.objects.filter(pk=now.pk).update(**changed) if changed else None
    if active is True:
        tracking.resolve("webhook-switched-off", about(now), why="the webhook is switched on again")
    now.refresh_from_db()
    return now


@transaction.atomic
def rotate_secret(subscription: Subscription, *, overlap_hours: int = OVERLAP_HOURS) -> Issued:
    """Give it a new secret; the one before signs as well until the overlap is over. One from before that ends at once."""
    now = _locked(subscription)
    before = sealed.get(now, "secret")
    at = clock()
    secret = signing.new_secret()
    now.previous_secret, now.previous_secret_until = None, None
    if before is not None and overlap_hours:
        sealed.put(now, "previous_secret", before)
        now.previous_secret_until = at + timedelta(hours=overlap_hours)
    sealed.put(now, "secret", secret.encode())
    now.secret_set_at = at
    now.save(update_fields=["secret", "secret_set_at", "previous_secret", "previous_secret_until"])
    return Issued(now, secret)


def secrets_of(subscription: Subscription, *, at: datetime) -> list[str]:
    """The secrets that sign at a moment, the newest first. Raises `SecretError`."""
    texts = [sealed.get(subscription, "secret")]
    until = subscription.previous_secret_until
    if until is not None and until > at:
        texts.append(sealed.get(subscription, "previous_secret"))
    return [text.decode() for text in texts if text is not None]


def forget_previous_secrets() -> None:
    """The sweep's look at secrets that sign no more."""
    Subscription.objects.filter(previous_secret_until__lte=Now()).update(
        previous_secret=None, previous_secret_until=None
    )


def give_up(subscription: Subscription, reason: str) -> None:
    """Switch off a subscription whose receiver takes nothing, and tell staff. Part of the caller's transaction."""
    at = clock()
    switched = Subscription.objects.filter(pk=subscription.pk, active=True).update(
        active=False, disabled_at=at, disabled_reason=f"switched off: {reason}"
    )
    if not switched:
        return
    _drop_waiting(subscription)
    log.error("webhook_switched_off", subscription=subscription.pk, client=subscription.client.name, reason=reason)
    tracking.occurred(
        "webhook-switched-off",
        about(subscription),
        subject=f"Webhook {subscription.pk} of {subscription.client.name} is switched off: {reason}",
        details={
            "webhook": subscription.pk,
            "client": subscription.client.name,
            "host": subscription.host,
            "reason": reason,
        },
    )


def tell_of_overflow(subscription: Subscription, dropped: int) -> None:
    """Tell client and staff that events were dropped because too many waited."""
    reason = f"too many events wait for it: the oldest are dropped, {dropped:,} just now"
    Subscription.objects.filter(pk=subscription.pk).update(last_failure=reason)
    log.warning("webhook_events_dropped", subscription=subscription.pk, client=subscription.client.name, events=dropped)
    tracking.occurred(
        "webhook-events-dropped",
        about(subscription),
        subject=f"Webhook {subscription.pk} of {subscription.client.name} takes too little: {reason}",
        details={"webhook": subscription.pk, "client": subscription.client.name, "host": subscription.host},
        times=max(1, dropped),
    )


def about(subscription: Subscription) -> str:
    """What problems of a subscription are about."""
    return f"webhook:{subscription.pk}"


def require_active(subscription: Subscription) -> None:
    """Raise `SwitchedOff` for one that is told nothing."""
    if not subscription.active:
        raise SwitchedOff("the webhook is switched off: set `active` to true first")


def _drop_waiting(subscription: Subscription) -> None:
    # What is being sent ends by itself.
    waiting: QuerySet[Delivery] = subscription.deliveries.filter(
        state=Delivery.State.PENDING, lease_expires_at__isnull=True
    )
    waiting.update(
        state=Delivery.State.DROPPED, due_at=None, finished_at=Now(), last_error="the webhook was switched off"
    )


def _locked(subscription: Subscription) -> Subscription:
    return (
        Subscription.objects.select_for_update(of=("self",), no_key=True)
        .select_related("client")
        .get(pk=subscription.pk)
    )


def _permitted(client: ApiClient, events: Iterable[str]) -> list[str]:
    wanted = sorted(set(events))
    for event in wanted:
        if NEEDED[event] not in client.scopes:
            raise ScopeMissing(f"to be told of {event} the client needs the scope {NEEDED[event]}")
    return wanted
