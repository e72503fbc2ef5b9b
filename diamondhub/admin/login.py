"""The admin's sign-in with a throttle: after too many failures, an address or a name is refused for the rest of a minute.

`diamondhub.urls` serves `login` in front of the admin's own page. Only failures are counted, in Redis by django-ratelimit;
while Redis is away, no failure is counted and nobody is refused: passwords are still checked.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

#: Failures in a minute after which an address, or a name, has to wait.
FAILURES = "10/m"


def _name(_group: str, request: HttpRequest) -> str:
    return request.POST.get("username", "").strip().casefold()[:150]


#: The groups of counters, and what each counts failures by.
KEYS: dict[str, str | Callable[[str, HttpRequest], str]] = {"admin-login-address": "ip", "admin-login-name": _name}


def login(request: HttpRequest) -> HttpResponseBase:
    """Sign in to the admin; 429 with `Retry-After` after too many failures in the current minute."""
    if request.method != "POST":
        return admin.site.login(request)
    wait = _count(request, failed=False)
    if wait is not None:
        log.warning("admin_login_throttled", retry_after=wait)
        response: HttpResponse = render(request, "admin/too_many_logins.html", {"seconds": wait}, status=429)
        response["Retry-After"] = str(wait)
        return response
    answer = admin.site.login(request)
    if not request.user.is_authenticated:
        _count(request, failed=True)
    return answer


def _count(request: HttpRequest, *, failed: bool) -> int | None:
    """The seconds to wait, None if there is no need to; with `failed`, a failure is counted first."""
    wait = None
    try:
        for group, key in KEYS.items():
            usage = get_usage(request, group=group, key=key, rate=FAILURES, method="POST", increment=failed)
            if usage and usage["count"] >= usage["limit"]:
                wait = max(wait or 1, usage["time_left"])
    except RedisError as error:
        log.warning("admin_login_not_counted", error=type(error).__name__)
        return None
    return wait
