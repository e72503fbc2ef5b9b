"""Who calls the API: the client behind an `X-API-Key` header. The gate asks at every request, and DRF asks the gate.

A request may be signed with a key instead: `signatures` finds that key, which is then as good as one that was sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import structlog
from django.db.models import Subquery
from django.db.models.functions import Now
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from diamondhub.access import misuse, networks, origins
from diamondhub.access.failures import count_failure, too_many
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.api.problems import Problem
from diamondhub.audit.acting import known_as

log = structlog.get_logger(__name__)

HEADER = "X-API-Key"
CHALLENGE = f'ApiKey header="{HEADER}"'
#: One answer for a mistyped, unknown, wrong, revoked and expired key, an inactive client and a wrong signature: strangers
#: learn nothing.
REFUSED = "The API key or the signature is not valid."
_OLDEST = Subquery(ApiKey.objects.order_by("pk").values("pk")[:1])
#: How exactly the last use of a key is known.
LAST_USE_PRECISION = timedelta(minutes=1)


def named(client: ApiClient) -> str:
    """Who a client is to the audit, and wherever else it is kept who did something."""
    return f"{client.name} (API client)"


class KeyState(Step):
    """Refuses, as unknown ones, keys that are over, clients that are off, and addresses outside of the client's networks.

    Then it asks where the request comes from: a secret key in a page, and a publishable one in another's page, are told so,
    since who sends them holds the key anyway (403).
    """

    place = Place.STATE

    def check(self, visit: Visit) -> None:
        key: Any = visit.key
        if key is None:
            return
        # Until all is well nobody has signed in.
        visit.key = None
        if not (key.usable and key.client.active and key.kind == key.client.kind):
            raise refused(visit, key_id=key.key_id)
        address = visit.address or visit.request.META.get("REMOTE_ADDR", "")
        if not networks.admits(key.client, address):
            misuse.tell_of_foreign_network(visit, key, address)
            raise refused(visit, key_id=key.key_id)
        _check_origin(visit, key)
        visit.key = key
        _record_use(key, key.now)
        structlog.contextvars.bind_contextvars(api_client=key.client.name)


def _check_origin(visit: Visit, key: Any) -> None:
    if not key.client.is_publishable:
        if origins.is_from_a_foreign_page(visit.request):
            misuse.tell_of_secret_in_page(visit, key)
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "secret-key-in-browser",
                "This is a secret key, and a page in a browser sent it: everybody who opens that page can read the key. "
                "Use a publishable key (dhp_…) in pages, and have this one replaced.",
            )
        return
    origin = origins.origin_of(visit.request)
    if origin is None or origin not in origins.origins_of(key.client):
        log.info("publishable_key_from_foreign_page", key_id=key.key_id, origin=origin)
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "origin-not-allowed",
            "This is a publishable key: it works only in pages of the origins that its client was given, and the request's "
            "Origin (or, without one, Referer) names none of them. Have the origin added, or use a secret key on a server.",
        )


def not_signed_in() -> NotAuthenticated:
    """What becomes of a request without a key where one is needed."""
    error = NotAuthenticated()
    error.auth_header = CHALLENGE  # type: ignore[attr-defined]  # as DRF's views set it
    return error


def refused(visit: Visit, *, key_id: str | None) -> APIException:
    """Count and log a failed sign-in; the error to raise, which tells nothing about the reason."""
    log.info("sign_in_failed", key_id=key_id)
    wait = count_failure(visit.request)
    if wait is not None:
        return too_many(wait)
    error = AuthenticationFailed(REFUSED)
    error.auth_header = CHALLENGE  # type: ignore[attr-defined]
    return error


class ApiKeyAuthentication(BaseAuthentication):
    """Tells DRF whom the gate has let in, as `(ApiClient, ApiKey)`."""

    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        visit: Visit = request._request.visit  # type: ignore[attr-defined]  # noqa: SLF001 - DRF offers no other way to Django's request
        if visit.key is None:
            return None
        known_as(named(visit.key.client))
        return visit.key.client, visit.key

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        return CHALLENGE


def _record_use(key: ApiKey, now: datetime) -> None:
    if key.last_used_at is not None and key.last_used_at > now - LAST_USE_PRECISION:
        return
    # Guarded by what was read, so that of many requests at once one writes.
    ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=Now())
