"""The base of every view of the API. What a method takes and gives is declared once, by `operation`, and this does the rest.

A view reads `self.query` and `self.body`, calls a function of its app, and answers. Scopes, strict reading, errors as
problems, pages, conditional requests and OpenAPI come from here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.functional import cached_property
from django.utils.http import http_date, parse_etags, parse_http_date_safe, quote_etag
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diamondhub.access.authentication import named
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import cursors, fields, idempotency, links, serializers
from diamondhub.api.parsers import StrictJsonParser, check_announced, is_sent
from diamondhub.api.problems import Becomes, InvalidBody, Problem

#: Transactions that change what is shown are over by then (seconds).
LONGEST_WRITE_SECONDS = 300
#: What is accepted where nothing is said.
_ANYTHING = "*/*"
#: Longest body where an operation says nothing else (bytes).
BODY_LIMIT = 64_000

Method = TypeVar("Method", bound=Callable[..., HttpResponseBase])
Row = TypeVar("Row", bound=Model)


class NoParameters(serializers.Query):
    """What most addresses take: nothing, and they say so."""


class PageQuery(serializers.Query):
    """The parameters of a list in pages."""

    limit = fields.Limit()
    cursor = fields.Cursor()


@dataclass(frozen=True)
class Operation:
    """What one method of an address takes and gives. `answer` is a serializer, its class, or None for no content."""

    name: str
    summary: str
    answer: Any
    status: HTTPStatus
    scope: Scope | None
    query: type[serializers.Query]
    body: type[serializers.Body] | None
    body_limit: int
    body_is_optional: bool
    problems: tuple[HTTPStatus | str, ...]
    idempotent: bool
    acts_elsewhere: bool
    deprecated: date | None
    sunset: date | None
    successor: str | None
    limit: LimitClass | None


def operation(
    name: str,
    summary: str,
    *,
    answer: Any,
    status: HTTPStatus = HTTPStatus.OK,
    scope: Scope | None = None,
    query: type[serializers.Query] = NoParameters,
    body: type[serializers.Body] | None = None,
    body_limit: int = BODY_LIMIT,
    body_is_optional: bool = False,
    problems: tuple[HTTPStatus | str, ...] = (),
    idempotent: bool = False,
    acts_elsewhere: bool = False,
    deprecated: date | None = None,
    sunset: date | None = None,
    successor: str | None = None,
    limit: LimitClass | None = None,
) -> Callable[[Method], Method]:
    """Declare a method of an `Endpoint`. `name` is its operationId, `scope` the one it needs if it is not the view's,
    `limit` the class of limits that it counts for if that is not the view's.

    `problems` are the errors besides those that any such method has: 400, 401, 403, 429, 503, with a body 411, 413 and 415,
    and 404 where the address names something. A status stands for all kinds of problems that the view has of it, a kind's
    name for that one alone.

    `idempotent`: an `Idempotency-Key` is taken, so that the same request sent twice acts once (see `idempotency`). With
    `acts_elsewhere` the method sees to it by `idempotency.once_elsewhere`.
    `deprecated` is the day from which nobody should use it any more, `sunset` the one on which it may go (both UTC), and
    `successor` the address of what to use instead: all are told in headers and in the OpenAPI document.
    """
    declared = Operation(
        name,
        summary,
        answer,
        status,
        scope,
        query,
        body,
        body_limit,
        body_is_optional,
        problems,
        idempotent,
        acts_elsewhere,
        deprecated,
        sunset,
        successor,
        limit,
    )

    def with_declaration(method: Method) -> Method:
        if idempotent and not acts_elsewhere:
            method = _once(method)
        method.operation = declared  # type: ignore[attr-defined]
        return method

    return with_declaration


def _once(method: Method) -> Method:
    @wraps(method)
    def once(view: Endpoint, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return idempotency.once(view, lambda: method(view, *args, **kwargs))

    return once  # type: ignore[return-value]


def actor(request: Request) -> str:
    """The name of the client who asks, for the audit."""
    assert isinstance(request.auth, ApiKey)
    return named(request.auth.client)


def version_of(*values: Any) -> str:
    """The version that these values make: the same as long as they are."""
    return blake2b(msgspec.json.encode(values, order="sorted", enc_hook=str), digest_size=16).hexdigest()


def _unchanged(changed_at: datetime, since: str) -> bool:
    """Whether a client that asks by `If-Modified-Since` has what is there now.

    A later date than `Last-Modified` is one of the client's own. What is committed after it may have begun before it, so it
    says nothing until no transaction can have been under way.
    """
    asked, changed = parse_http_date_safe(since), int(changed_at.timestamp())
    return asked is not None and (asked == changed or asked >= changed + LONGEST_WRITE_SECONDS)


class Endpoint(APIView):
    """A view of the API."""

    #: What a method needs for which `operation` names no other; None only where `permission_classes` let everybody in.
    scope: Scope | None = None
    #: The class of limits that its requests count for, where `operation` names no other.
    limit: LimitClass = LimitClass.OTHER
    #: Whether clients may sign in here by a token of `diamondhub.access.tokens`, and by name and key in a body.
    takes_tokens = False
    #: The group in the OpenAPI document.
    tag: str = ""
    #: What errors of the app become; the common ones are in `diamondhub.api.problems`.
    problems_of: Mapping[type[Exception], Becomes] = {}
    #: Said with every answer that says nothing else itself.
    cache_control: str | None = None
    parser_classes = [StrictJsonParser]

    #: The values of the query's parameters.
    query: dict[str, Any]

    @property
    def operation(self) -> Operation | None:
        """The declaration of the method that is asked for."""
        method = (self.request.method or "").lower()
        # Anybody may send any word for a method, also the name of something else that is here.
        handler = getattr(self, method, None) if method in self.http_method_names else None
        declared: Operation | None = getattr(handler, "operation", None)
        return declared

    @property
    def required_scope(self) -> Scope | None:
        """What `HasScope` asks for."""
        return (self.operation and self.operation.scope) or self.scope

    @classmethod
    def told(cls, visit: Visit, problem: Problem) -> HttpResponse | None:  # noqa: ARG003 - for endpoints that have their own
        """A refusal in the words of whom the endpoint speaks to; None for a problem as everywhere."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As DRF does it; then the query is read, so that no method can forget it."""
        super().initial(request, *args, **kwargs)
        self.query = self.operation.query.read(request) if self.operation else {}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """As DRF does it; who accepts anything, as most do, is given the first without being asked about the others."""
        if request.META.get("HTTP_ACCEPT", _ANYTHING) == _ANYTHING and self.settings.URL_FORMAT_OVERRIDE is None:
            first = self.get_renderers()[0]
            return first, str(first.media_type)
        negotiated: tuple[Any, str] = super().perform_content_negotiation(request, force)
        return negotiated

    def may(self, scope: Scope) -> bool:
        """Whether the client holds a scope besides the one that it needs to come here."""
        return isinstance(self.request.auth, ApiKey) and scope in self.request.auth.client.scopes

    @cached_property
    def body(self) -> dict[str, Any]:
        """The values of the body, read at the first look. Raises `InvalidBody`, and problems 411, 413 and 415."""
        declared = self.operation
        assert declared is not None
        assert declared.body is not None
        if declared.body_is_optional and not self.has_body:
            return declared.body.read({})
        if not check_announced(self.request.META, declared.body_limit):
            raise InvalidBody("The body is not JSON: it is empty.")
        return declared.body.read(self.request.data)

    @property
    def has_body(self) -> bool:
        """Whether the request brings a body."""
        return is_sent(self.request.META)

    def page(self, rows: QuerySet[Row], present: Callable[[Row], Any], *, by: str) -> Response:
        """One page of a list by the values of a `PageQuery`: rows from the highest `by` on down, a unique column."""
        found, after = cursors.page_of(
            rows, self.normal_form, by=by, limit=self.query["limit"], cursor=self.query.get("cursor")
        )
        return Response({"results": [present(row) for row in found], "next": after})

    @property
    def normal_form(self) -> str:
        """The same text for the same question of the same client, whichever page of it: what a cursor is good for."""
        asked = {name: value for name, value in self.query.items() if name not in {"limit", "cursor"}}
        client = self.request.auth.client_id if isinstance(self.request.auth, ApiKey) else ""
        return json.dumps([self.request.path, str(client), asked], sort_keys=True, default=str)

    def unless_known(
        self, version: str, answer: Callable[[], HttpResponseBase], *, changed_at: datetime | None = None
    ) -> HttpResponseBase:
        """The answer with its `ETag`, which `version` makes; 304 without making one for a client who has that version.

        With `changed_at`, which is when a transaction began that changed it, there is a `Last-Modified` as well, and clients
        that send no tags may ask by it.
        """
        etag = quote_etag(version)
        tags = self.request.META.get("HTTP_IF_NONE_MATCH")
        if tags is not None:
            # Tags come first, and who sends them is asked for no date (RFC 9110, 13.2.2).
            is_known = bool({tag.removeprefix("W/") for tag in parse_etags(tags)} & {etag, "*"})
        else:
            is_known = changed_at is not None and _unchanged(
                changed_at, self.request.META.get("HTTP_IF_MODIFIED_SINCE", "")
            )
        if is_known:
            response: HttpResponseBase = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
            del response["Content-Type"]
        else:
            response = answer()
        response["ETag"] = etag
        if changed_at is not None:
            response["Last-Modified"] = http_date(int(changed_at.timestamp()))
        return response

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """As DRF does it, but always as JSON: not every renderer can show it."""
        return JsonResponse(SimpleMetadata().determine_metadata(self.request, self))

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        finished: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        if self.cache_control and "Cache-Control" not in finished:
            finished["Cache-Control"] = self.cache_control
        links.add(self, finished)
        return finished
