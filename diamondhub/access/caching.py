"""What caches are told of every answer of the API, and that an answer to HEAD has no body."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from diamondhub.access.authentication import HEADER
from diamondhub.access.gate import Place, Step, Visit

#: Where a view says nothing: it is for this client alone, and nobody gives it out again without asking us.
DEFAULT = "private, no-cache"
#: Headers by which the same address answers otherwise; what is accepted and from where adds its own.
VARIES_BY = (HEADER, "Authorization", "Signature-Input")


class Caching(Step):
    """Says `Cache-Control` and `Vary` with every answer, refusals too."""

    place = Place.CACHING

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        if not visit.is_api:
            return
        response.headers.setdefault("Cache-Control", DEFAULT)
        if visit.scope is not None or visit.endpoint is None:
            patch_vary_headers(response, VARIES_BY)
        if visit.request.method == "HEAD" and isinstance(response, HttpResponse):
            # Not every server leaves away what must not be sent.
            length = len(response.content)
            response.content = b""
            response.headers.setdefault("Content-Length", str(length))
