"""Limits that nobody has used, in a Redis that nobody has flushed, for each test and for those after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from redis import Redis

from diamondhub.access.throttles import addresses, taking
from diamondhub.access.throttles.shared import PREFIX


def forget() -> None:
    """Forget all limits in Redis, and in this process that there were any."""
    server = Redis.from_url(settings.REDIS_URL)
    for key in server.scan_iter(f"{PREFIX}:*"):
        server.delete(key)
    if taking._limits is not None:
        # A place that a test never gave back would be said by its thread for minutes, by one that knows of an older epoch.
        taking._limits._local._held.clear()
        taking._limits._left.clear()
    taking._limits = None
    addresses._proven.clear()


@pytest.fixture(autouse=True)
def unused_limits() -> Iterator[None]:
    forget()
    yield
    forget()
