"""Who calls the API: the client behind an `X-API-Key` header. The gate asks at every request, and DRF asks the gate.

A request may be signed with a key instead: `signatures` finds that key, which is then as good as one that was sent.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Any

import structlog
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, Subquery
from django.db.models.functions import Now
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from diamondhub.access import keys, misuse, networks, origins, peppers, rfc9421
from diamondhub.access.clients import USABLE
from diamondhub.access.failures import count_failure, too_many
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.api.parsers import is_sent
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


class PresentedKeys(Step):
    """Finds the key behind the `X-API-Key` header and proves its secret (401, 429 for an address that failed too often)."""

    place = Place.KEY

    def check(self, visit: Visit) -> None:
        text = visit.request.headers.get(HEADER)
        if text is None:
            if visit.scope is not None and not rfc9421.is_signed(visit.request.META):
                _take_token(visit)
            return
        if not visit.is_api or (visit.endpoint is not None and (visit.scope or visit.endpoint.scope) is None):
            # What anybody may have, probes above all, hangs on no database.
            return
        presented = keys.parse(text)
        key = find(presented) if presented else None
        if key is None:
            raise refused(visit, key_id=presented.key_id if presented else None)
        visit.key = key


def _take_token(visit: Visit) -> None:
    """Sign in by a token where those are taken; a credential in a body is left to the endpoint, which reads it."""
    from diamondhub.access import tokens

    if visit.endpoint is None or not visit.endpoint.takes_tokens:
        raise not_signed_in()
    bearer = tokens.bearer_of(visit)
    if bearer is not None:
        tokens.prove_token(visit, bearer)
    elif not is_sent(visit.request.META):
        raise not_signed_in()


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


def find(presented: keys.PresentedKey) -> ApiKey | None:
    """The key that was presented, if its secret is right, whatever its state."""
    # One query and the same work whatever the reason to refuse: if there is no such key another one is looked at, whose hash
    # no other key has. Nothing is kept of it from one request to the next: it is a look-up by unique indexes, and what is
    # revoked is refused by every process from the next request on.
    key: Any = _looked_up(presented.key_id)
    if key is None:
        return None
    made = presented.hashed(key.pepper_version)
    is_right = made is not None and hmac.compare_digest(bytes(key.secret_hash), made)
    if key.key_id != presented.key_id:
        return None
    if made is None:
        log.error("api_key_pepper_missing", key_id=presented.key_id, version=key.pepper_version)
    if not is_right:
        return None
    if key.usable and key.pepper_version != peppers.newest():
        _rehash(key, presented)
    found: ApiKey = key
    return found


#: Stands for the id of the key in the statement that is made once.
_ASKED = "the id that is asked for"


@cache
def _statement() -> tuple[str, tuple[Any, ...]]:
    """The look-up of a key with its client. It is made once: making it takes longer than asking it."""
    is_it = ExpressionWrapper(Q(key_id=_ASKED), output_field=BooleanField())
    candidates = ApiKey.objects.annotate(now=Now(), usable=USABLE).filter(Q(key_id=_ASKED) | Q(pk=_OLDEST))
    names = [*_names(ApiKey), *(f"client__{name}" for name in _names(ApiClient))]
    statement, values = (
        candidates.order_by(is_it.desc()).values_list(*names, "now", "usable")[:1].query.sql_with_params()
    )
    return statement, tuple(values)


def _looked_up(key_id: str) -> Any:
    """The key of this id, or else another one; None if there is none at all."""
    statement, values = _statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [key_id if value == _ASKED else value for value in values])
        row = cursor.fetchone()
    if row is None:
        return None
    *columns, now, usable = row
    of_key = len(_names(ApiKey))
    key: Any = _instance(ApiKey, columns[:of_key])
    key.client = _instance(ApiClient, columns[of_key:])
    key.now, key.usable = now, usable
    return key


def _instance(model: type[Model], columns: list[Any]) -> Any:
    for place, field, converters in _converted(model):
        for convert in converters:
            columns[place] = convert(columns[place], field, connection)
    return model.from_db(connection.alias, _names(model), columns)


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _converted(model: type[Model]) -> list[tuple[int, Any, list[Any]]]:
    """The places of the columns that are read otherwise than the database gives them, with how."""
    fields = enumerate(model._meta.concrete_fields)
    return [(place, field, made) for place, field in fields if (made := field.get_db_converters(connection))]


def _rehash(key: ApiKey, presented: keys.PresentedKey) -> None:
    """Hash a key under the newest pepper: only its holder's request has the secret that this takes."""
    newest = peppers.newest()
    ApiKey.objects.filter(pk=key.pk, pepper_version=key.pepper_version).update(
        secret_hash=presented.hashed(newest), pepper_version=newest, pepper_fingerprint=peppers.fingerprint(newest)
    )


def _record_use(key: ApiKey, now: datetime) -> None:
    if key.last_used_at is not None and key.last_used_at > now - LAST_USE_PRECISION:
        return
    # Guarded by what was read, so that of many requests at once one writes.
    ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=Now())
