"""`Idempotency-Key`: a client that does not know whether its request arrived repeats it, and what it asked is done once.

The key's row is written in the transaction of the action, with its answer. So an action that fails, or a process that is
killed, leaves neither, and the same key is as good as new; and whoever finds the row can have the answer. While an action
is under way its key is locked for the length of that transaction, which needs no session (PgBouncer).

What is done elsewhere has no transaction with us (`once_elsewhere`): there the row comes first. Whoever finds it without an
answer is told that the outcome is unknown, and nothing is asked for again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import Problem

if TYPE_CHECKING:
    from diamondhub.api.endpoint import Endpoint
    from diamondhub.api.models import IdempotentRequest

log = structlog.get_logger(__name__)

HEADER = "Idempotency-Key"
#: Says that an answer is the one that was given before.
REPLAYED = "Idempotency-Replayed"
#: How long an answer is kept; after that the key may be used anew.
KEPT_FOR = timedelta(hours=24)
#: How long it is kept that an outcome is unknown, so that nobody's late repetition acts again.
UNKNOWN_KEPT_FOR = timedelta(days=30)
#: Longer than anything takes that is done elsewhere while its client waits: what has no answer by then gets none.
ELSEWHERE_SECONDS = 60
#: When to ask again while a request with the same key is under way (seconds).
RETRY_SECONDS = 2

_FORM = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"


class WrongKey(Problem):
    """The header cannot be a key."""

    by_name = True

    def __init__(self) -> None:
        message = "must be 1 to 255 visible ASCII characters, such as a UUID"
        super().__init__(
            HTTPStatus.BAD_REQUEST,
            "invalid-idempotency-key",
            f"{HEADER} {message}",
            errors=[FieldError(HEADER, message)],
        )


def forgotten() -> Q:
    """Which requests are too old for their answers to be given again."""
    return Q(status__isnull=False, created_at__lt=Now() - KEPT_FOR) | Q(created_at__lt=Now() - UNKNOWN_KEPT_FOR)


def once(view: Endpoint, act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """What `act` answers, or answered when the client sent the same request with the same key before.

    Without the header, `act` is just called. Raises problems 400, 409 and 422.
    """
    key = key_of(view.request)
    if key is None:
        return act()
    # Before any transaction: a body that cannot be read is no use of its key.
    fingerprint = _fingerprint(view)
    client, operation = _asker(view)
    with transaction.atomic():
        kept = _kept(client, key, fingerprint)
        if kept is not None:
            return _again(kept)
        response = _plain(act())
        _keep(client, key, operation, fingerprint, response)
    return response


def once_elsewhere(
    view: Endpoint, asked: Any, act: Callable[[], HttpResponseBase], *, not_done: tuple[type[Exception], ...]
) -> HttpResponseBase:
    """As `once`, for what is done elsewhere, outside of any transaction of ours; `asked` is what makes it the same request.

    After errors in `not_done` it is certain that nothing was done, and the key is as good as new. After any other error, and
    if this process dies, nobody knows, and the same key is refused from then on (409 `outcome-unknown`).
    """
    key = key_of(view.request)
    if key is None:
        return act()
    fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()
    client, operation = _asker(view)
    with transaction.atomic():
        kept = _kept(client, key, fingerprint)
        if kept is not None:
            return _again(kept)
        row = _begin(client, key, operation, fingerprint)
    try:
        response = _plain(act())
    except not_done:
        row.delete()
        raise
    except BaseException:
        with suppress(DatabaseError, InterfaceError):
            _rows(row).update(begun_until=Now())
        raise
    try:
        _rows(row).update(
            status=response.status_code, headers=_headers_of(response), body=response.content, begun_until=None
        )
    except (DatabaseError, InterfaceError) as error:
        # It was done, and this client is told; only a repetition will not be.
        log.error("answer_not_kept", operation=operation, error=str(error).strip())
    return response


def _asker(view: Endpoint) -> tuple[ApiClient, str]:
    """Who asks, and the name of what is asked for."""
    auth = view.request.auth
    assert isinstance(auth, ApiKey)
    declared = view.operation
    assert declared is not None
    return auth.client, declared.name


def _rows(row: IdempotentRequest) -> QuerySet[IdempotentRequest]:
    return type(row).objects.filter(pk=row.pk)


def key_of(request: Request) -> str | None:
    """The key that a request brings; quotes around it, as the draft of the standard has them, are no part of it."""
    text = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if text is None:
        return None
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    if not _FORM.fullmatch(text) or "," in text or '"' in text:
        # A comma is what servers put between two headers of one name.
        raise WrongKey
    return str(text)


def _fingerprint(view: Endpoint) -> bytes:
    declared = view.operation
    assert declared is not None
    body = view.body if declared.body is not None else None
    # As it was read: blanks and the order of names make no other request.
    sent = view.request.data if body is not None and view.has_body else {}
    asked = [view.request.method, view.request.path, view.request.META.get("QUERY_STRING", ""), sent]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()


def _kept(client: ApiClient, key: str, fingerprint: bytes) -> IdempotentRequest | None:
    """The kept request of this key, which nobody else is at as long as the transaction lasts.

    Raises problems 409 and 422.
    """
    from diamondhub.api.models import IdempotentRequest

    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [f"idempotency:{client.pk}:{key}"])
        (is_ours,) = cursor.fetchone() or (False,)
    if not is_ours:
        raise _in_use()
    mine = IdempotentRequest.objects.filter(client=client, key=key)
    mine.filter(forgotten()).delete()
    is_under_way = ExpressionWrapper(Q(begun_until__gt=Now()), output_field=BooleanField())
    kept: Any = mine.annotate(is_under_way=is_under_way).first()
    if kept is None:
        return None
    if bytes(kept.fingerprint) != fingerprint:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            f"This {HEADER} came before with another request ({kept.operation}). Use a new key for a new request.",
        )
    if kept.status is None:
        raise _in_use() if kept.is_under_way else _unknown()
    same: IdempotentRequest = kept
    return same


def _in_use() -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "idempotency-key-in-use",
        f"A request with this {HEADER} is being answered. Ask again for its answer.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _unknown() -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "outcome-unknown",
        f"A request with this {HEADER} was begun and its answer was lost: whether it was done is not known, and it is not "
        "repeated. Look there first; if it was not done, ask with a new key.",
    )


def _begin(client: ApiClient, key: str, operation: str, fingerprint: bytes) -> IdempotentRequest:
    from diamondhub.api.models import IdempotentRequest

    return IdempotentRequest.objects.create(
        client=client,
        key=key,
        operation=operation,
        fingerprint=fingerprint,
        begun_until=Now() + timedelta(seconds=ELSEWHERE_SECONDS),
    )


def _keep(client: ApiClient, key: str, operation: str, fingerprint: bytes, response: HttpResponse) -> None:
    from diamondhub.api.models import IdempotentRequest

    IdempotentRequest.objects.create(
        client=client,
        key=key,
        operation=operation,
        fingerprint=fingerprint,
        status=response.status_code,
        headers=_headers_of(response),
        body=response.content,
    )


def _headers_of(response: HttpResponse) -> dict[str, str]:
    return {name: response[name] for name in ("Content-Type", "Location", "ETag") if name in response}


def _again(kept: IdempotentRequest) -> HttpResponse:
    response = HttpResponse(bytes(kept.body), status=kept.status)
    if "Content-Type" not in kept.headers:
        del response["Content-Type"]
    for name, value in kept.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _plain(response: HttpResponseBase) -> HttpResponse:
    """The answer with its bytes, which are kept: DRF's own gets them only later."""
    if isinstance(response, Response):
        headers: Any = {name: value for name, value in response.items() if name.lower() != "content-type"}
        if response.data is None:
            plain = HttpResponse(status=response.status_code, headers=headers)
            del plain["Content-Type"]
            return plain
        content = JSONRenderer().render(response.data)
        return HttpResponse(content, status=response.status_code, content_type="application/json", headers=headers)
    assert isinstance(response, HttpResponse)
    return response
