"""Counts failed sign-ins by address, in Redis, by django-ratelimit.

Only a failure is counted and only a failure is turned away: a good key is never locked because a stranger at the same
address guesses, and needs no Redis.
"""

from __future__ import annotations

import structlog
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

#: Failed sign-ins by one address (or one IPv6 /64) before it has to wait for the rest of the minute.
FAILURES = "30/m"


def count_failure(request: HttpRequest) -> int | None:
    """Count one failed sign-in; seconds to wait if there were too many, else None. With Redis away nobody is counted."""
    try:
        usage = get_usage(request, group="api-key", key="ip", rate=FAILURES, increment=True)
    except RedisError as error:
        log.warning("failed_sign_in_not_counted", error=type(error).__name__)
        return None
    if usage is None or not usage["should_limit"]:
        return None
    return max(1, int(usage["time_left"]))
