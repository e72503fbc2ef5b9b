"""Keys that end soon and that no other one replaces: a problem before their clients are refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.access.clients import USABLE
from diamondhub.access.models import ApiKey
from diamondhub.database import clock
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.looking import Wrong

#: Keys that end within this time are a problem, and a critical one when less is left.
SOON, VERY_SOON = timedelta(days=14), timedelta(days=3)


def ending_keys(within: timedelta) -> QuerySet[ApiKey]:
    """Live keys that end within this time and leave their clients without one in their place."""
    return ApiKey.objects.filter(
        USABLE, client__active=True, replaced_by=None, expires_at__isnull=False, expires_at__lte=Now() + within
    )


def look() -> Iterator[Wrong]:
    """The keys that end soon."""
    now = clock()
    ending: Any = ending_keys(SOON).select_related("client").order_by("expires_at")
    for key in ending:
        yield Wrong(
            "api-key-ending",
            f"key:{key.key_id}",
            f"The API key {key} of {key.client} ends on {key.expires_at:%Y-%m-%d %H:%M} UTC and none replaces "
            f"it: rotate_api_key dh_{key.key_id}, or change_api_key if it is to go on.",
            {
                "client": key.client.name,
                "client_id": key.client_id,
                "key_id": key.key_id,
                "expires_at": key.expires_at.isoformat(),
            },
            Severity.CRITICAL if key.expires_at - now <= VERY_SOON else None,
        )
