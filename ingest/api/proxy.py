"""The supplier proxy: `POST /api/v1/suppliers/<feed>/graphql`, by which other programs of the house share the one limit.

What is asked, and how it is put to the supplier, is the adapter's; here are the client's rights, the answer and the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from time import monotonic
from typing import Any

import msgspec
import structlog
from django.http import Http404, HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from diamondhub.access import signatures, tokens
from diamondhub.access.authentication import REFUSED, not_signed_in
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import fields, idempotency
from diamondhub.api.endpoint import Endpoint, operation
from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import Becomes, InvalidBody, Problem, Unavailable, problem_of, sentence
from diamondhub.api.serializers import Body
from diamondhub.database import release_connection
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest.api.supplier_clients import Asked, SignIn, read
from ingest.asking import AllAsking, place
from ingest.errors import (
    AnswerTooLong,
    IngestError,
    OrderingRefused,
    Paused,
    PermanentSupplierError,
    QueryRefused,
    SignInRefused,
    SupplierError,
    SupplierTooSlow,
    ThrottledBySupplier,
    TransientSupplierError,
)
from ingest.feeds.adapter import RelayedAnswer, Relaying
from ingest.feeds.adapters import adapter_of
from ingest.models import Feed

log = structlog.get_logger(__name__)

#: When a client may ask again where nobody says when (seconds).
ASK_AGAIN_SECONDS = 5
#: What a client is told of a token, in words by which the supplier's clients know that they have to sign in again.
_OUTDATED = "The token is invalid or has expired: unauthorized, sign in again."
_NO_QUERY = "must be a GraphQL text"


class SupplierQuestion(Body):
    """A query for a supplier."""

    query = fields.Text(
        accepted="a GraphQL text",
        lines=True,
        min_length=1,
        max_length=20_000,
        error_messages={"required": _NO_QUERY, "null": _NO_QUERY, "short": _NO_QUERY},
        help_text="One GraphQL operation, as if the account were its root: signing in is done for you.",
    )
    variables = fields.Anything(required=False, help_text="Values of the variables that the query declares.")
    operationName = fields.Text(  # noqa: N815 - GraphQL's name
        accepted="the name of the operation",
        required=False,
        allow_null=True,
        max_length=200,
        help_text="The name of the operation, which many clients send; there is one operation anyway.",
    )

    def validate_query(self, query: str) -> str:
        if not query.strip():
            raise serializers.ValidationError(_NO_QUERY)
        return query


class SupplierQueryError(serializers.Serializer[Any]):
    """What the supplier says of a query."""

    message = serializers.CharField()
    path = serializers.ListField(required=False)
    code = serializers.CharField(required=False)


class SupplierAnswer(serializers.Serializer[Any]):
    """What a supplier answered."""

    data = serializers.DictField(allow_null=True, help_text="What the supplier answered, word for word.")  # type: ignore[assignment]  # fields hide DRF's properties
    errors = SupplierQueryError(  # type: ignore[assignment]
        many=True, help_text="What the supplier says is wrong with the query; empty if nothing is."
    )


def _refused(error: QueryRefused) -> Problem:
    return InvalidBody(sentence(str(error)), errors=[FieldError("query", str(error))])


def _may_not_order(error: OrderingRefused) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", f"This needs the scope {Scope.SUPPLIERS_ORDER}: {error}.")


def _no_slot(error: WaitTooLong) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "supplier-limit",
        "The limit of requests to the supplier is used up, or the supplier does not answer at present.",
        headers={"Retry-After": str(max(1, ceil(error.wait)))},
    )


def _all_asking(error: AllAsking) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "supplier-limit",
        "As many questions as are put to the supplier at once wait for its answers; nothing was asked of yours.",
        headers={"Retry-After": str(ASK_AGAIN_SECONDS)},
    )


def _throttled(error: ThrottledBySupplier) -> Problem:
    wait = max(1, ceil(error.retry_after or ASK_AGAIN_SECONDS))
    return Unavailable("supplier-throttles", "The supplier is asked too often.", retry_after=wait)


def supplier_paused(error: Paused) -> Problem:
    """The answer where a supplier's account rests; who paused it and why stays in the house."""
    return Unavailable(
        "supplier-paused",
        "The supplier's account is paused: nothing is asked until that ends.",
        retry_after=max(1, ceil(error.seconds)),
    )


def _failed(detail: str, kind: str = "supplier-failed", status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> Becomes:
    return lambda _: Problem(status, kind, detail)


#: What the client is told; a supplier's own words stay in our logs, they may speak of our account.
PROBLEMS: Mapping[type[Exception], Becomes] = {
    QueryRefused: _refused,
    Paused: supplier_paused,
    OrderingRefused: _may_not_order,
    WaitTooLong: _no_slot,
    AllAsking: _all_asking,
    LimiterUnavailable: lambda _: Unavailable(
        "supplier-limit-away", "The limit of requests cannot be kept now, so nothing is asked."
    ),
    ThrottledBySupplier: _throttled,
    SupplierTooSlow: _failed("The supplier did not answer in time.", "supplier-too-slow", HTTPStatus.GATEWAY_TIMEOUT),
    AnswerTooLong: _failed("The answer is too long to relay; ask for less.", "answer-too-large"),
    TransientSupplierError: _failed("The supplier failed; its answer was none."),
    SupplierError: _failed("The supplier refused our request."),
    IngestError: _failed("The supplier cannot be asked."),
}


#: What goes wrong with a question, and after which of it nothing can have been done.
FAILURES = (IngestError, LimiterUnavailable, WaitTooLong, AllAsking)
NOT_DONE = (
    *(QueryRefused, Paused, WaitTooLong, LimiterUnavailable, AllAsking),
    *(ThrottledBySupplier, SignInRefused, PermanentSupplierError),
)


class SupplierProxy(Endpoint):
    """Asking a supplier within the house's limit."""

    scope = Scope.SUPPLIERS_PROXY
    limit = LimitClass.PROXY
    tag = "suppliers"
    cache_control = "no-store"
    takes_tokens = True

    def perform_authentication(self, request: Request) -> None:
        """Sign in by the body if the gate has let somebody come to here who shows no credential in the head."""
        visit = _visit(request)
        if visit.key is None:
            try:
                self._sign_in(visit)
            except InvalidBody:
                raise not_signed_in() from None
        super().perform_authentication(request)

    def _sign_in(self, visit: Visit) -> None:
        asked = read(self.body["query"], self.body.get("variables") or {})
        if isinstance(asked, SignIn):
            tokens.sign_in_by_password(visit, asked.username, asked.password)
        elif asked.token is not None:
            tokens.sign_in_by_token(visit, asked.token)
        else:
            raise not_signed_in()

    @classmethod
    def told(cls, visit: Visit, problem: Problem) -> HttpResponse | None:
        """A refused sign-in, and a token that is none any more, in the supplier's form: its clients look for no other."""
        credential = visit.notes.get(tokens.CREDENTIAL)
        if credential is None or problem.kind != "unauthorized":
            return None
        words = REFUSED if credential == tokens.PASSWORD else _OUTDATED
        error = {"message": words, "extensions": {"code": "UNAUTHENTICATED"}}
        return _json({"errors": [error], "data": None})

    def handle_exception(self, exc: Exception) -> Any:
        """As DRF does it, in the supplier's form where its clients look for that."""
        problem = problem_of(exc)
        told = self.told(_visit(self.request), problem) if problem is not None else None
        return told or super().handle_exception(exc)

    @operation(
        "ask_supplier",
        "Ask a supplier",
        body=SupplierQuestion,
        answer=SupplierAnswer,
        idempotent=True,
        acts_elsewhere=True,
        problems=(
            "supplier-limit",
            "supplier-failed",
            "answer-too-large",
            "supplier-limit-away",
            "supplier-not-configured",
            "supplier-paused",
            "supplier-throttles",
            "supplier-too-slow",
        ),
    )
    def post(self, request: Request, feed: str) -> HttpResponse:
        """Put a GraphQL query to the supplier of a feed, on our account and within its limit of requests.

        Mutations (holds, orders) need the scope `suppliers:order` as well, and are never repeated by us: after a 502 or a
        504 look at the supplier's before you repeat one. With an `Idempotency-Key` the same mutation is put to the supplier
        once, and answered as before when it is sent again; where its answer was lost that is a 409 (`outcome-unknown`).
        Queries pass the key over. A 429 says that the limit is used up, `Retry-After` until when.
        """
        assert isinstance(request.auth, ApiKey)
        visit = _visit(request)
        # One that is malformed is told also where it is passed over.
        idempotency.key_of(request)
        asked = read(self.body["query"], self.body.get("variables") or {})
        if isinstance(asked, SignIn):
            # Whoever signs in in the head is not asked twice, but what stands in the body is not let pass unproven.
            if visit.notes.get(tokens.CREDENTIAL) != tokens.PASSWORD:
                tokens.sign_in_by_password(visit, asked.username, asked.password)
            assert visit.key is not None
            log.info("supplier_client_signed_in", feed=feed, client=visit.key.client.name)
            return _json({"data": asked.answer(tokens.issue(visit.key))})
        if asked.token is not None and visit.key is not None:
            tokens.sign_in_by_token(visit, asked.token)
        adapter = _relaying(feed)
        # Whether it is signed as the scope needs it is told when something is ordered, not before.
        orders = Scope.SUPPLIERS_ORDER in request.auth.client.scopes
        unsigned = signatures.lacking(visit, Scope.SUPPLIERS_ORDER)
        may_order = orders and unsigned is None

        def problem_of_failure(error: Exception) -> Problem:
            problem = unsigned if orders and isinstance(error, OrderingRefused) else problem_of(error, PROBLEMS)
            assert problem is not None
            return problem

        def put() -> HttpResponse:
            with _recorded(feed, request.auth.client.name, problem_of_failure) as record:  # type: ignore[union-attr]
                release_connection()
                with place():
                    record.answer = adapter.proxy(asked.text, asked.variables, may_order=may_order)
            return self._relayed(record.answer, asked)

        try:
            if not _is_order(adapter, asked, may_order=may_order):
                return put()
            question = [feed, asked.text, asked.variables, asked.key]
            return idempotency.once_elsewhere(self, question, put, not_done=NOT_DONE)  # type: ignore[return-value]
        except FAILURES as error:
            raise problem_of_failure(error) from error

    def _relayed(self, answered: RelayedAnswer, asked: Asked) -> HttpResponse:
        """The supplier's answer in the form in which it was asked for."""
        data = msgspec.Raw(answered.data) if answered.data else None
        if tokens.CREDENTIAL not in _visit(self.request).notes and asked.key is None:
            return _json({"data": data, "errors": answered.errors})
        # The supplier's own clients take a list of errors for errors, even an empty one.
        errors = [_within(error, asked.key) for error in answered.errors]
        return _json(
            {
                "data": {asked.key: data} if asked.key and data is not None else data,
                **({"errors": errors} if errors else {}),
            }
        )


def _is_order(adapter: Relaying, asked: Asked, *, may_order: bool) -> bool:
    try:
        return adapter.is_order(asked.text, asked.variables, may_order=may_order)
    except QueryRefused:
        # It is refused, and recorded, when it is put.
        return False


@dataclass
class _Record:
    """The record of one question that was put to a supplier."""

    answer: RelayedAnswer = field(default_factory=lambda: RelayedAnswer(None, []))


@contextmanager
def _recorded(feed: str, client: str, problem_of_failure: Callable[[Exception], Problem]) -> Iterator[_Record]:
    """Log what became of a question: who asked, and how it ended."""
    started = monotonic()
    record, outcome = _Record(), "failed"
    try:
        yield record
        outcome = "errors" if record.answer.errors else "answered"
    except FAILURES as error:
        outcome = problem_of_failure(error).kind
        if not isinstance(error, QueryRefused):
            kind = getattr(error, "kind", type(error).__name__)
            log.warning("supplier_proxy_failed", error=str(error), error_kind=kind)
        raise
    finally:
        log.info(
            "supplier_asked_for_client",
            feed=feed,
            client=client,
            outcome=outcome,
            seconds=round(monotonic() - started, 3),
            received=len(record.answer.data or b""),
        )


def _visit(request: Request) -> Visit:
    visit: Visit = request._request.visit  # type: ignore[attr-defined]  # noqa: SLF001 - DRF offers no other way to Django's request
    return visit


def _within(error: dict[str, Any], key: str | None) -> dict[str, Any]:
    return {**error, "path": [key, *error["path"]]} if key and "path" in error else error


def _json(body: Any) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), content_type="application/json")


def _relaying(slug: str) -> Relaying:
    feed = Feed.objects.filter(slug=slug, enabled=True).first()
    if feed is None:
        raise Http404
    try:
        adapter = adapter_of(feed)
    except IngestError as error:
        log.error("supplier_not_configured", feed=slug, error=str(error))
        raise Unavailable("supplier-not-configured", "The supplier's account is not set up here.") from error
    if not isinstance(adapter, Relaying):
        raise Http404
    return adapter
