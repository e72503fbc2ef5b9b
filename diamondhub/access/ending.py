"""Tells the owner of a key that ends soon, and that no other one replaces, before its client is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.access.clients import USABLE
from diamondhub.access.models import ApiKey
from diamondhub.alerts.outbox import announce

#: The start page shows keys that end within this time, and their owners are told when less is left.
SOON, VERY_SOON = timedelta(days=14), timedelta(days=3)

_told: set[str] = set()


def ending_keys(within: timedelta) -> QuerySet[ApiKey]:
    """Live keys that end within this time and leave their clients without one in their place."""
    return ApiKey.objects.filter(
        USABLE, client__active=True, replaced_by=None, expires_at__isnull=False, expires_at__lte=Now() + within
    )


def tell_of_ending() -> None:
    """The sweep's look at keys: one alert for each end of a key."""
    ending: Any = ending_keys(VERY_SOON).select_related("client").order_by("expires_at")
    for key in ending:
        once = f"api_key_ending:{key.key_id}:{key.expires_at:%Y-%m-%dT%H:%M}"
        if once in _told:
            continue
        with transaction.atomic():
            announce(
                dedupe_key=once,
                kind="api_key_ending",
                severity="warning",
                subject=f"The API key {key} of {key.client} ends on {key.expires_at:%Y-%m-%d %H:%M} UTC and none replaces "
                f"it: rotate_api_key dh_{key.key_id}, or change_api_key if it is to go on.",
                details={"client": key.client.name, "key_id": key.key_id, "expires_at": key.expires_at.isoformat()},
            )
        _told.add(once)
