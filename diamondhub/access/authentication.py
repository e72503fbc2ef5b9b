"""Who calls the API: the client behind an `X-API-Key` header. DRF asks at every request (`settings.REST_FRAMEWORK`)."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

import structlog
from django.db.models import Q
from django.db.models.functions import Now
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from diamondhub.access import keys
from diamondhub.access.failures import count_failure
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.audit.acting import known_as

log = structlog.get_logger(__name__)

HEADER = "X-API-Key"
#: One answer for a mistyped, unknown, wrong, revoked and expired key and an inactive client: strangers learn nothing.
REFUSED = "The API key is not valid."
#: How exactly the last use of a key is known.
LAST_USE_PRECISION = timedelta(minutes=1)


def named(client: ApiClient) -> str:
    """Who a client is to the audit, and wherever else it is kept who did something."""
    return f"{client.name} (API client)"


class ApiKeyAuthentication(BaseAuthentication):
    """Signs the request in as `(ApiClient, ApiKey)`; a request without the header stays anonymous."""

    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        """Raises `AuthenticationFailed`, or `Throttled` for an address that failed too often."""
        text = request.headers.get(HEADER)
        if text is None:
            return None
        presented = keys.parse(text)
        key = _find(presented) if presented else None
        if key is None:
            log.info("sign_in_failed", key_id=presented.key_id if presented else None)
            wait = count_failure(request._request)  # noqa: SLF001 - DRF offers no other way to Django's request
            if wait is not None:
                raise Throttled(wait=wait, detail="Too many failed sign-ins.")
            raise AuthenticationFailed(REFUSED)
        structlog.contextvars.bind_contextvars(api_client=key.client.name)
        known_as(named(key.client))
        return key.client, key

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        return f'ApiKey header="{HEADER}"'


def _find(presented: keys.PresentedKey) -> ApiKey | None:
    # One query whatever the reason to refuse, and the hash is made even when there is no such key.
    key = (
        ApiKey.objects.select_related("client")
        .annotate(now=Now(), usable=Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now())))
        .filter(key_id=presented.key_id)
        .first()
    )
    expected = bytes(key.secret_hash) if key else bytes(32)
    right = hmac.compare_digest(expected, presented.secret_hash)
    if key is None or not (right and key.usable and key.client.active):
        return None
    _record_use(key, key.now)
    return key


def _record_use(key: ApiKey, now: datetime) -> None:
    if key.last_used_at is not None and key.last_used_at > now - LAST_USE_PRECISION:
        return
    # Guarded by what was read, so that of many requests at once one writes.
    ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=Now())
