"""Errors of the API as problem details (RFC 9457), whoever raised them: a view, DRF, or Django before any view.

DRF calls `exception_handler` (settings); what Django raises is answered by `diamondhub.api.handlers`. One table says what
becomes of which exception, and a view adds its app's own by `problems_of`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from psycopg.errors import QueryCanceled
from rest_framework import exceptions

from diamondhub.api import kinds
from diamondhub.api.mistakes import FieldError, errors_of

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
#: Addresses below this answer errors as problems, everything else as pages.
API_PREFIX = "/api/"
#: When a client may ask again while the database is away (seconds).
RETRY_SECONDS = 5


class Problem(Exception):
    """An error with its answer: `kind` is one of `diamondhub.api.kinds`, `detail` speaks to the client's programmer."""

    #: Whether `errors` name parameters or headers, and not places in a body.
    by_name = False

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        #: What programs may want to read of `detail` (RFC 9457's extension members).
        self.members = dict(members or {})


class InvalidParameters(Problem):
    """Parameters that are unknown, malformed, out of range or contradict each other; all of them are told at once."""

    by_name = True

    def __init__(self, errors: Iterable[FieldError]) -> None:
        told = tuple(errors)
        super().__init__(HTTPStatus.BAD_REQUEST, "invalid-parameters", _in_words(told), errors=told)


class InvalidBody(Problem):
    """A body that cannot be taken; the message says what is wrong with it and where."""

    def __init__(self, message: str, *, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, "invalid-body", message, errors=errors)

    @classmethod
    def of(cls, error: exceptions.ValidationError) -> InvalidBody:
        """The problem of fields that a serializer refused."""
        told = tuple(errors_of(error))
        return cls(_in_words(told), errors=told)


def _in_words(errors: tuple[FieldError, ...]) -> str:
    # A message ends a sentence about the field, or is one, as those of models are.
    words = "; ".join(
        f"{error.field}{':' if error.field and error.message[:1].isupper() else ''} {error.message}".strip()
        for error in errors[:3]
    )
    return words + ("; …" if len(errors) > 3 else "")


class Unavailable(Problem):
    """The answer cannot be had now, through no fault of the client."""

    def __init__(self, kind: str, detail: str, *, retry_after: int = RETRY_SECONDS) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, kind, detail, headers={"Retry-After": str(retry_after)})


#: Faults of those whom we ask ourselves.
_OF_OTHERS = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The answer to a request that ended in `problem`."""
    kind = kinds.named(problem.kind)
    body = {
        "type": f"{kinds.ADDRESS}{problem.kind}",
        "title": kind.title if kind else problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "instance": request.path,
        "request_id": getattr(request, "request_id", None),
        "errors": [
            {
                "field": error.field,
                "pointer": error.field if problem.by_name else error.pointer,
                "message": error.message,
            }
            for error in problem.errors
        ],
        **problem.members,
    }
    response = HttpResponse(
        json.dumps(body).encode(), status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )
    # What went wrong once may go right the next time.
    response["Cache-Control"] = "no-store"
    if problem.status in _OF_OTHERS:
        # Or Django would log as a fault of ours what was logged as what it is where it happened.
        response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way
    return response


#: What becomes of an exception: a problem of this status and kind in the exception's own words, or what a function makes.
Becomes = tuple[HTTPStatus, str] | Callable[[Any], Problem]


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's hook. None lets an unexpected error through to Django, which logs it and calls `server_error`."""
    problem = problem_of(error, getattr(context.get("view"), "problems_of", {}))
    if problem is None:
        return None
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("answered_unavailable", problem=problem.kind, error=str(error).strip())
    return respond(context["request"]._request, problem)  # noqa: SLF001 - DRF offers no other way to Django's request


def problem_of(error: Exception, problems_of: Mapping[type[Exception], Becomes] | None = None) -> Problem | None:
    """What a client is told of an error, by its nearest class in a view's table or the common one."""
    if isinstance(error, Problem):
        return error
    for kind in type(error).__mro__:
        becomes = (problems_of or {}).get(kind) or _COMMON.get(kind)
        if callable(becomes):
            return becomes(error)
        if becomes is not None:
            status, name = becomes
            return Problem(status, name, sentence(str(error)))
    return None


def sentence(words: str) -> str:
    """An error's words as a sentence."""
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _of_drf(error: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    status = HTTPStatus(error.status_code)
    detail = str(error.detail) if isinstance(error.detail, str) else status.description
    errors = errors_of(error) if isinstance(error, exceptions.ValidationError) else ()
    kind = _KINDS.get(status) or ("bad-request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal-error")
    return Problem(status, kind, detail, errors=errors, headers=headers)


_KINDS = {
    HTTPStatus.BAD_REQUEST: "bad-request",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not-acceptable",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
    HTTPStatus.TOO_MANY_REQUESTS: "too-many-requests",
}


def not_found(error: Exception | None = None) -> Problem:
    """What becomes of an address that names nothing."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing at this address.")


def forbidden(error: Exception | None = None) -> Problem:
    """What becomes of what is not allowed."""
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", "This is not allowed.")


def bad_request(error: Exception | None = None) -> Problem:
    """What becomes of a request that cannot be read."""
    return Problem(HTTPStatus.BAD_REQUEST, "bad-request", "The request is malformed.")


def _of_database(error: Exception) -> Problem:
    if isinstance(error.__cause__, QueryCanceled):
        return Unavailable("too-slow", "The answer took too long to find; ask for less, or again in a while.")
    return Unavailable("database-away", "The database cannot be reached; ask again in a while.")


_COMMON: Mapping[type[Exception], Becomes] = {
    exceptions.APIException: _of_drf,
    Http404: not_found,
    PermissionDenied: forbidden,
    SuspiciousOperation: bad_request,
    BadRequest: bad_request,
    # The client went away, or sent less than it said.
    UnreadablePostError: bad_request,
    OperationalError: _of_database,
    InterfaceError: _of_database,
}
