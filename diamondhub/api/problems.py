"""Errors of the API as problem details (RFC 9457), whoever raised them: a view, DRF, or Django before any view.

DRF calls `exception_handler` (settings); `diamondhub.urls` names the handlers of Django's own errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views import defaults
from psycopg.errors import QueryCanceled
from rest_framework import exceptions

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
#: Addresses below this answer errors as problems, everything else as pages.
API_PREFIX = "/api/"
#: When a client may ask again while the database is away (seconds).
RETRY_SECONDS = 5


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one parameter or field, and what is accepted."""

    field: str
    message: str


class Problem(Exception):
    """An error with its answer: `kind` ends the problem's type, `detail` speaks to the client's programmer."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class InvalidParameters(Problem):
    """Parameters that are unknown, malformed, out of range or contradict each other; all of them are told at once."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        told = tuple(errors)
        super().__init__(
            HTTPStatus.BAD_REQUEST,
            "invalid-parameters",
            "; ".join(f"{error.field} {error.message}" for error in told[:3]) + ("; …" if len(told) > 3 else ""),
            errors=told,
        )


class Unavailable(Problem):
    """The answer cannot be had now, through no fault of the client."""

    def __init__(self, kind: str, detail: str, *, retry_after: int = RETRY_SECONDS) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, kind, detail, headers={"Retry-After": str(retry_after)})


#: Faults of those whom we ask ourselves.
_OF_OTHERS = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The answer to a request that ended in `problem`."""
    body = {
        "type": f"urn:diamondhub:problem:{problem.kind}",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "instance": request.path,
        "request_id": getattr(request, "request_id", None),
        "errors": [{"field": error.field, "message": error.message} for error in problem.errors],
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


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's hook. None lets an unexpected error through to Django, which logs it and calls `server_error`."""
    problem = _problem_of(error)
    if problem is None:
        return None
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("answered_unavailable", problem=problem.kind, error=str(error).strip())
    return respond(context["request"]._request, problem)  # noqa: SLF001 - DRF offers no other way to Django's request


def _problem_of(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.APIException):
        return _of_drf(error)
    if isinstance(error, Http404):
        return _not_found()
    if isinstance(error, PermissionDenied):
        return Problem(HTTPStatus.FORBIDDEN, "forbidden", "This is not allowed.")
    if isinstance(error, SuspiciousOperation | BadRequest):
        return _bad_request()
    if isinstance(error, OperationalError | InterfaceError):
        if isinstance(error.__cause__, QueryCanceled):
            return Unavailable("too-slow", "The answer took too long to find; ask for less, or again in a while.")
        return Unavailable("database-away", "The database cannot be reached; ask again in a while.")
    return None


def _of_drf(error: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    status = HTTPStatus(error.status_code)
    detail = str(error.detail) if isinstance(error.detail, str) else status.description
    errors = list(_field_errors(error.detail)) if isinstance(error, exceptions.ValidationError) else []
    return Problem(status, _KINDS.get(status, "error"), detail, errors=errors, headers=headers)


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


def _field_errors(detail: Any, path: str = "") -> Iterable[FieldError]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _field_errors(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _field_errors(inner, path)
    else:
        yield FieldError(path, str(detail))


def _not_found() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing at this address.")


def _bad_request() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "bad-request", "The request is malformed.")


# --- Django's own errors, which happen outside of any API view -------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler400`."""
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return respond(request, _bad_request())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler403`."""
    if not _of_api(request):
        return defaults.permission_denied(request, exception)
    return respond(request, Problem(HTTPStatus.FORBIDDEN, "forbidden", "This is not allowed."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler404`."""
    if not _of_api(request):
        return defaults.page_not_found(request, exception)
    return respond(request, _not_found())


def server_error(request: HttpRequest) -> HttpResponseBase:
    """`handler500`."""
    if not _of_api(request):
        return defaults.server_error(request)
    detail = "This is our fault. Tell us the request_id if it goes on."
    return respond(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail))


def _of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)
