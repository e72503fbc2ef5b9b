"""Cross-origin requests: which pages of a browser may read what the API answers, refusals included.

A page may read the answers to its own client's key. Where no client is known, as with preflights and failed sign-ins, any
client's origin will do. Cookies play no part here, so neither do credentials, and no page may read what is not its client's.
"""

from __future__ import annotations

from http import HTTPStatus

from django.db import DatabaseError
from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from diamondhub.access import origins
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.api.problems import Problem

#: How long a browser may go by the answer to a preflight (seconds): no longer than an origin may live that was taken away.
PREFLIGHT_SECONDS = 600
#: What a page may send.
REQUEST_HEADERS = (
    "Accept",
    "Authorization",
    "Content-Digest",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
    "Signature",
    "Signature-Input",
    "X-API-Key",
    "X-Request-Id",
)
#: What a page may read of an answer, beside what it always may.
EXPOSED_HEADERS = (
    "Accept-Ranges",
    "Age",
    "Allow",
    "Cache-Status",
    "Content-Disposition",
    "Content-Range",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Repr-Digest",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    "X-Request-Id",
    "X-Search",
)

#: The union of origins as it was last known: while the database is away errors must still be readable.
_last_known: frozenset[str] = frozenset()


class CrossOrigin(Step):
    """Lets pages of the client's origins read the answer, whatever it is. Begins before anything may be refused."""

    place = Place.CROSS_ORIGIN

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        if not visit.is_api:
            return
        patch_vary_headers(response, ("Origin",))
        origin = visit.request.headers.get("Origin")
        if origin is None:
            return
        if visit.client is not None:
            allowed = origins.origins_of(visit.client)
        else:
            allowed = _union(ask=response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR)
        if origin in allowed:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Expose-Headers"] = ", ".join(EXPOSED_HEADERS)


class Preflights(Step):
    """Answers a browser that asks whether a page may send a request: it brings no key, so none is asked for."""

    place = Place.PREFLIGHT

    def check(self, visit: Visit) -> None:
        headers = visit.request.headers
        origin = headers.get("Origin")
        is_preflight = visit.request.method == "OPTIONS" and "Access-Control-Request-Method" in headers
        if origin is None or not is_preflight or visit.endpoint is None:
            return
        if origin not in _union():
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "origin-not-allowed",
                "Pages of this origin may not call the API: no client has it.",
            )
        methods = [name.upper() for name in visit.endpoint.http_method_names if hasattr(visit.endpoint, name)]
        answer = HttpResponse(status=HTTPStatus.NO_CONTENT)
        del answer["Content-Type"]
        answer["Allow"] = answer["Access-Control-Allow-Methods"] = ", ".join([*methods, *_head(methods)])
        answer["Access-Control-Allow-Headers"] = ", ".join(REQUEST_HEADERS)
        answer["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        patch_vary_headers(answer, ("Access-Control-Request-Method", "Access-Control-Request-Headers"))
        visit.answer = answer


def _head(methods: list[str]) -> list[str]:
    return ["HEAD"] if "GET" in methods and "HEAD" not in methods else []


def _union(*, ask: bool = True) -> frozenset[str]:
    global _last_known
    if ask:
        try:
            _last_known = origins.all_origins()
        except DatabaseError:
            # Then those of before will do: nothing is let in by them.
            pass
    return _last_known
