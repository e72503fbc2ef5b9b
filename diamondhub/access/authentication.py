"""Who calls the API: the client behind an `X-API-Key` header. The gate asks at every request, and DRF asks the gate."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q
from django.db.models.functions import Now
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from diamondhub.access import keys
from diamondhub.access.failures import count_failure, too_many
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.audit.acting import known_as

log = structlog.get_logger(__name__)

HEADER = "X-API-Key"
CHALLENGE = f'ApiKey header="{HEADER}"'
#: One answer for a mistyped, unknown, wrong, revoked and expired key and an inactive client: strangers learn nothing.
REFUSED = "The API key is not valid."
#: How exactly the last use of a key is known.
LAST_USE_PRECISION = timedelta(minutes=1)


def named(client: ApiClient) -> str:
    """Who a client is to the audit, and wherever else it is kept who did something."""
    return f"{client.name} (API client)"


class PresentedKeys(Step):
    """Finds the key behind the `X-API-Key` header and proves its secret (401, 429 for an address that failed too often)."""

    place = Place.KEY

    def check(self, visit: Visit) -> None:
        text = visit.request.headers.get(HEADER)
        if text is None:
            if visit.scope is not None:
                raise not_signed_in()
            return
        if visit.endpoint is None or (visit.scope or visit.endpoint.scope) is None:
            # What anybody may have, probes above all, hangs on no database.
            return
        presented = keys.parse(text)
        key = _find(presented) if presented else None
        if key is None:
            raise refused(visit, key_id=presented.key_id if presented else None)
        visit.key = key


class KeyState(Step):
    """Refuses keys that are revoked or expired, and clients that are switched off: as unknown keys are."""

    place = Place.STATE

    def check(self, visit: Visit) -> None:
        key: Any = visit.key
        if key is None:
            return
        if not (key.usable and key.client.active):
            visit.key = None
            raise refused(visit, key_id=key.key_id)
        _record_use(key, key.now)
        structlog.contextvars.bind_contextvars(api_client=key.client.name)


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


def _find(presented: keys.PresentedKey) -> ApiKey | None:
    # One query whatever the reason to refuse, and the hash is compared even when there is no such key.
    key = (
        ApiKey.objects.select_related("client")
        .annotate(now=Now(), usable=Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now())))
        .filter(key_id=presented.key_id)
        .first()
    )
    expected = bytes(key.secret_hash) if key else bytes(32)
    right = hmac.compare_digest(expected, presented.secret_hash)
    return key if right else None


def _record_use(key: ApiKey, now: datetime) -> None:
    if key.last_used_at is not None and key.last_used_at > now - LAST_USE_PRECISION:
        return
    # Guarded by what was read, so that of many requests at once one writes.
    ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=Now())
