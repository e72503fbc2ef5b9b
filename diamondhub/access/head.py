"""What the gate sees first of a request: the id that its log lines, its errors and its answer carry; then its whole head.

A head that two readers could understand in two ways is refused here, so that nothing behind has to think of it: what stands
in front (a proxy, a cache) and what stands behind always mean the same request.
"""

from __future__ import annotations

import re
import uuid
from http import HTTPMethod, HTTPStatus
from urllib.parse import unquote_to_bytes

import structlog
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase

from diamondhub.access import addresses, in_clear
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.api.problems import Problem
from diamondhub.telemetry.views import PROBES

log = structlog.get_logger(__name__)

#: Longest target, the path with its query (bytes), and longest value of a header.
MAX_TARGET, MAX_HEADER = 8_000, 8_190
#: The methods that are served anywhere.
METHODS = tuple(
    method.value
    for method in (
        *(HTTPMethod.GET, HTTPMethod.HEAD, HTTPMethod.OPTIONS),
        *(HTTPMethod.POST, HTTPMethod.PUT, HTTPMethod.PATCH, HTTPMethod.DELETE),
    )
)
#: Headers that mean one thing and come once; servers join those that come twice by commas.
SINGLE = (
    *("HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING"),
    *("HTTP_X_API_KEY", "HTTP_IDEMPOTENCY_KEY", "HTTP_ORIGIN"),
)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]*", re.ASCII)
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]+", re.ASCII)


class RequestId(Step):
    """Binds `request_id` and `address` for the logs and answers with `X-Request-Id`; a well-formed one is kept."""

    place = Place.REQUEST_ID

    def check(self, visit: Visit) -> None:
        given = visit.request.headers.get("X-Request-Id", "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        visit.request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, address=visit.address)

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        response["X-Request-Id"] = visit.request.request_id  # type: ignore[attr-defined]


class Head(Step):
    """Refuses heads that are malformed, ambiguous or too long (400, 405, 414, 431), hosts that are not ours (400), and
    credentials that come without TLS in production (403).

    What stays is made plain: only a trusted proxy's `X-Forwarded-Proto`, and an empty `Accept` accepts everything.
    """

    place = Place.HEAD

    def check(self, visit: Visit) -> None:
        request = visit.request
        _check_method(visit)
        _check_target(request, strict_query=visit.is_api)
        _check_headers(request)
        _check_framing(request)
        _check_host(request)
        addresses.believe_trusted_proxies_only(request.META)
        if request.path_info not in PROBES:
            in_clear.refuse(visit)
        if not request.META.get("HTTP_ACCEPT", "*/*").strip():
            del request.META["HTTP_ACCEPT"]


def raw_target(request: HttpRequest) -> str | None:
    """The target as it was sent, percent signs and all; None from a server that does not tell it."""
    raw = request.META.get("RAW_URI") or request.META.get("REQUEST_URI")
    return str(raw) if raw else None


def _check_method(visit: Visit) -> None:
    # As it was sent: Django takes `get` for GET, and who stands in front may not.
    if visit.request.META.get("REQUEST_METHOD", visit.request.method) in METHODS:
        return
    served = METHODS
    if visit.endpoint is not None:
        served = tuple(method for method in METHODS if hasattr(visit.endpoint, method.lower()))
    raise Problem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "method-not-allowed",
        f"This method is not known here; known are {', '.join(served)}.",
        headers={"Allow": ", ".join(served)},
    )


def _check_target(request: HttpRequest, *, strict_query: bool) -> None:
    raw = raw_target(request)
    path, query = request.META.get("PATH_INFO", ""), request.META.get("QUERY_STRING", "")
    if len(raw or f"{path}?{query}") > MAX_TARGET:
        raise Problem(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            "uri-too-long",
            f"The address must not be longer than {MAX_TARGET:,} bytes with its query.",
        )
    if raw is not None:
        if not raw.startswith("/"):
            raise _malformed("The request must name a path, which begins with a slash.")
        if not _VISIBLE.fullmatch(raw):
            raise _malformed(
                "The address holds what must be percent-encoded: a blank, a control character, or no ASCII."
            )
        if _BROKEN_PERCENT.search(raw.partition("?")[0]):
            raise _malformed("The path has a % that two hexadecimal digits do not follow.")
    try:
        # Django has decoded its own, and has written bytes that are no UTF-8 as if they had been sent percent-encoded.
        decoded = unquote_to_bytes(raw.partition("?")[0]).decode() if raw is not None else path
    except UnicodeDecodeError:
        raise _malformed("The path is not UTF-8, percent-encoded.") from None
    if _CONTROL.search(decoded):
        raise _malformed("The path holds a NUL or another control character.")
    if strict_query and _BROKEN_PERCENT.search(query):
        raise _malformed("The query has a % that two hexadecimal digits do not follow; write %25 for the sign itself.")


def _check_headers(request: HttpRequest) -> None:
    for name, value in request.META.items():
        if not (name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}) or not isinstance(value, str):
            continue
        if len(value) > MAX_HEADER:
            raise Problem(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "header-fields-too-large",
                f"The header {_named(name)} must not be longer than {MAX_HEADER:,} bytes.",
            )
        if _CONTROL_IN_HEADER.search(value):
            raise _malformed(f"The header {_named(name)} holds a control character.")
        if name in SINGLE and "," in value:
            raise _malformed(f"The header {_named(name)} must be sent once.")


def _check_framing(request: HttpRequest) -> None:
    length, coding = request.META.get("CONTENT_LENGTH") or "", request.META.get("HTTP_TRANSFER_ENCODING")
    if length and not _LENGTH.fullmatch(length):
        raise _malformed("Content-Length must be a whole number of bytes, in digits.")
    if coding is None:
        return
    if length:
        raise _malformed("A request has a Content-Length or a Transfer-Encoding, not both.")
    if coding.strip().lower() != "chunked":
        raise _malformed("Transfer-Encoding can only be chunked.")


def _check_host(request: HttpRequest) -> None:
    if request.path_info in PROBES:
        # They are asked by addresses that are nobody's name.
        return
    try:
        request.get_host()
    except DisallowedHost:
        log.warning("wrong_host", host=request.META.get("HTTP_HOST", "")[:100])
        raise _malformed("The Host header must be a name that this server is known by.") from None


def _named(name: str) -> str:
    return name.removeprefix("HTTP_").replace("_", "-").title()[:60]


def _malformed(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "bad-request", detail)
