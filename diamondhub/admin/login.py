"""The admin's sign-in with a throttle: after too many failures, an address or a name is refused for the rest of a minute.

`diamondhub.urls` serves `login` in front of the admin's own page. Every try is counted before the password is looked at,
in Redis by django-ratelimit, and given back if it succeeds: of many tries at once no more are let through than of as many
one after another. A browser that the person signed in with before is counted by itself, so that strangers lock nobody out.
While Redis is away nothing is counted and nobody is refused: passwords are still checked.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from http import HTTPStatus

import structlog
from django.conf import settings
from django.contrib import admin
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django_ratelimit.core import ALL, _get_window, _make_cache_key, get_usage
from redis.exceptions import RedisError

from diamondhub.access import addresses
from diamondhub.access.people import SignIn
from diamondhub.admin import known_browsers
from diamondhub.audit.acting import acting

log = structlog.get_logger(__name__)

#: Failures in a minute after which an address, a name, or a browser that is known has to wait.
FAILURES, PERIOD = 10, 60
RATE = f"{FAILURES}/m"
MAX_NAME = 150


def login(request: HttpRequest) -> HttpResponseBase:
    """Sign in to the admin; 429 with `Retry-After` after too many failures in the current minute."""
    if request.method != "POST":
        return admin.site.login(request)
    typed = request.POST.get("username", "")
    name, address = normalised(typed), addresses.of(request.META)
    device = known_browsers.device_of(request, name)
    counters = (
        [Counter("admin-login-browser", f"{name} {device}")]
        if device
        else [Counter("admin-login-name", name), Counter("admin-login-address", addresses.counted(address))]
    )
    wait = _count(request, counters)
    told = {"name": shown(typed), "address": address, "known_browser": bool(device)}
    if wait is not None:
        log.warning("admin_sign_in_throttled", **told, retry_after=wait)
        response: HttpResponse = render(request, "admin/too_many_logins.html", {"seconds": wait}, status=429)
        response["Retry-After"] = str(wait)
        return response
    with acting(via=f"{request.method} {request.path} from {address}"):
        answer = admin.site.login(request)
    # Who is signed in already may try to be somebody else: the answer says whether that went well, not the session.
    has_signed_in = answer.status_code == HTTPStatus.FOUND
    if has_signed_in:
        _give_back(counters)
        known_browsers.remember(request, answer, name)
        log.info("admin_signed_in", **told)
    else:
        log.warning("admin_sign_in_failed", **told)
    SignIn.objects.create(
        **told,
        outcome=SignIn.Outcome.SIGNED_IN if has_signed_in else SignIn.Outcome.REFUSED,
        request_id=getattr(request, "request_id", ""),
    )
    return answer


def normalised(name: str) -> str:
    """One text for every spelling of a name by which the same person could be meant."""
    folded = unicodedata.normalize("NFKC", name.strip()).casefold()
    return unicodedata.normalize("NFKC", folded).encode("utf-8", "replace").decode()[:MAX_NAME]


def shown(name: str) -> str:
    """A name that somebody typed, in a form that can be kept and shown."""
    return "".join(letter if letter.isprintable() else "�" for letter in name[:MAX_NAME])


class Counter:
    """Counts by one value in one group, in the current minute of django-ratelimit's clock."""

    def __init__(self, group: str, value: str) -> None:
        self.group, self.value = group, value

    def count(self, request: HttpRequest) -> int | None:
        """Count one; the seconds to wait if that is too many."""
        usage = get_usage(
            request, group=self.group, key=lambda _group, _request: self.value, rate=RATE, method=ALL, increment=True
        )
        return max(1, int(usage["time_left"])) if usage and usage["should_limit"] else None

    def give_back(self) -> None:
        """Count one less, as if it had not been tried."""
        key = _make_cache_key(self.group, _get_window(self.value, PERIOD), RATE, self.value, ALL)
        # The minute may have ended meanwhile, and its count with it.
        with suppress(ValueError):
            caches[settings.RATELIMIT_USE_CACHE].decr(key)


def _count(request: HttpRequest, counters: list[Counter]) -> int | None:
    """The seconds to wait, None if there is no need to; what is refused is not counted."""
    try:
        waits = [wait for counter in counters if (wait := counter.count(request)) is not None]
    except RedisError as error:
        log.warning("admin_sign_in_not_counted", error=type(error).__name__)
        return None
    if not waits:
        return None
    _give_back(counters)
    return max(waits)


def _give_back(counters: list[Counter]) -> None:
    try:
        for counter in counters:
            counter.give_back()
    except RedisError as error:
        log.warning("admin_sign_in_not_counted", error=type(error).__name__)
