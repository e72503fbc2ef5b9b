"""The supplier proxy: `POST /api/v1/suppliers/<feed>/graphql`, by which other programs of the house share the one limit.

What is asked, and how it is put to the supplier, is the adapter's; here are the client's rights, the answer and the record.
"""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from time import monotonic
from typing import Any

import msgspec
import structlog
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.views import APIView

from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.api.bodies import InvalidBody, read_object
from diamondhub.api.documentation import problems
from diamondhub.api.problems import FieldError, Problem, Unavailable
from diamondhub.database import release_connection
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest.errors import (
    AnswerTooLong,
    IngestError,
    OrderingRefused,
    QueryRefused,
    SupplierError,
    SupplierTooSlow,
    ThrottledBySupplier,
)
from ingest.feeds.adapter import RelayedAnswer, Relaying
from ingest.feeds.registry import adapter_for
from ingest.models import Feed

log = structlog.get_logger(__name__)

#: Longest body of a request (bytes).
BODY_LIMIT = 64_000
#: When a client may ask again where nobody says when (seconds).
ASK_AGAIN_SECONDS = 5

_question = inline_serializer(
    "SupplierQuestion",
    {
        "query": serializers.CharField(
            max_length=20_000,
            help_text="One GraphQL operation, as if the account were its root: signing in is done for you.",
        ),
        "variables": serializers.DictField(
            required=False, help_text="Values of the variables that the query declares."
        ),
    },
)
_answer = inline_serializer(
    "SupplierAnswer",
    {
        "data": serializers.DictField(allow_null=True, help_text="What the supplier answered, word for word."),
        "errors": inline_serializer(
            "SupplierQueryError",
            {
                "message": serializers.CharField(),
                "path": serializers.ListField(required=False),
                "code": serializers.CharField(required=False),
            },
            many=True,
            help_text="What the supplier says is wrong with the query; empty if nothing is.",
        ),
    },
)


class SupplierProxy(APIView):
    """Asking a supplier within the house's limit."""

    required_scope = Scope.SUPPLIERS_PROXY

    @extend_schema(
        operation_id="ask_supplier",
        summary="Ask a supplier",
        tags=["suppliers"],
        request=_question,
        responses={
            200: _answer,
            **problems(
                HTTPStatus.BAD_REQUEST,
                HTTPStatus.NOT_FOUND,
                HTTPStatus.LENGTH_REQUIRED,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                HTTPStatus.BAD_GATEWAY,
                HTTPStatus.GATEWAY_TIMEOUT,
            ),
        },
    )
    def post(self, request: Request, feed: str) -> HttpResponse:
        """Put a GraphQL query to the supplier of a feed, on our account and within its limit of requests.

        Mutations (holds, orders) need the scope `suppliers:order` as well, and are never repeated by us: after a 502 or a
        504 look at the supplier's before you repeat one. A 429 says that the limit is used up, `Retry-After` until when.
        """
        adapter = _relaying(feed)
        query, variables = _read(request)
        assert isinstance(request.auth, ApiKey)
        may_order = Scope.SUPPLIERS_ORDER in request.auth.client.scopes
        release_connection()
        started = monotonic()
        answered: RelayedAnswer | None = None
        outcome = "failed"
        try:
            answered = adapter.proxy(query, variables, may_order=may_order)
            outcome = "errors" if answered.errors else "answered"
        except OrderingRefused as error:
            outcome = "forbidden"
            raise PermissionDenied(f"This needs the scope {Scope.SUPPLIERS_ORDER}: {error}.") from error
        except (IngestError, LimiterUnavailable, WaitTooLong) as error:
            problem = _problem_of(error)
            outcome = problem.kind
            raise problem from error
        finally:
            log.info(
                "supplier_asked_for_client",
                feed=feed,
                client=request.auth.client.name,
                outcome=outcome,
                seconds=round(monotonic() - started, 3),
                received=len(answered.data or b"") if answered else 0,
            )
        data = msgspec.Raw(answered.data) if answered.data else None
        body = msgspec.json.encode({"data": data, "errors": answered.errors})
        return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})


def _relaying(slug: str) -> Relaying:
    feed = Feed.objects.filter(slug=slug, enabled=True).first()
    if feed is None:
        raise Http404
    try:
        adapter = adapter_for(feed.adapter, feed.parameters)
    except IngestError as error:
        log.error("supplier_not_configured", feed=slug, error=str(error))
        raise Unavailable("supplier-not-configured", "The supplier's account is not set up here.") from error
    if not isinstance(adapter, Relaying):
        raise Http404
    return adapter


def _read(request: Request) -> tuple[str, dict[str, Any]]:
    body = read_object(request, limit=BODY_LIMIT)
    query, variables = body.pop("query", None), body.pop("variables", None)
    errors = [FieldError(ascii(name[:60])[1:-1], "is not a field of this request") for name in body]
    if not isinstance(query, str) or not query.strip():
        errors.append(FieldError("query", "must be a GraphQL text"))
    if variables is not None and not isinstance(variables, dict):
        errors.append(FieldError("variables", "must be an object"))
    if errors:
        raise InvalidBody("; ".join(f"{error.field} {error.message}" for error in errors[:3]), errors=errors)
    assert isinstance(query, str)
    return query, variables or {}


def _problem_of(error: Exception) -> Problem:
    """What the client is told; a supplier's own words stay in our logs, they may speak of our account."""
    if isinstance(error, QueryRefused):
        return InvalidBody(f"{error}."[:1].upper() + f"{error}."[1:], errors=[FieldError("query", str(error))])
    log.warning("supplier_proxy_failed", error=str(error), error_kind=getattr(error, "kind", type(error).__name__))
    if isinstance(error, WaitTooLong):
        return Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "supplier-limit",
            "The limit of requests to the supplier is used up, or the supplier does not answer at present.",
            headers={"Retry-After": str(max(1, ceil(error.wait)))},
        )
    if isinstance(error, LimiterUnavailable):
        return Unavailable("supplier-limit-away", "The limit of requests cannot be kept now, so nothing is asked.")
    if isinstance(error, ThrottledBySupplier):
        wait = max(1, ceil(error.retry_after or ASK_AGAIN_SECONDS))
        return Unavailable("supplier-throttles", "The supplier is asked too often.", retry_after=wait)
    if isinstance(error, SupplierTooSlow):
        return Problem(HTTPStatus.GATEWAY_TIMEOUT, "supplier-too-slow", "The supplier did not answer in time.")
    if isinstance(error, AnswerTooLong):
        return Problem(HTTPStatus.BAD_GATEWAY, "answer-too-large", "The answer is too long to relay; ask for less.")
    detail = (
        "The supplier refused our request." if isinstance(error, SupplierError) else "The supplier cannot be asked."
    )
    if getattr(error, "kind", "") == "transient":
        detail = "The supplier failed; its answer was none."
    return Problem(HTTPStatus.BAD_GATEWAY, "supplier-failed", detail)
