"""Answers of the API are sent compressed to whom takes that: JSON of a page becomes an eighth.

Pages of people stay as they are. BREACH needs a page that can make a victim's browser send its credentials along and that
sees the length of the answer; the API's are a header that no foreign page has, and Django's middleware hides the length
besides (a random file name in each answer).
"""

from __future__ import annotations

import gzip
import re
import secrets
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

from diamondhub.api.problems import API_PREFIX

#: Shorter answers fit a packet or two either way (bytes).
MIN_LENGTH = 1_000
#: A page of stones at Django's own level, 6, takes several times as long and becomes little shorter.
LEVEL = 1
#: Of the flags of gzip's head (RFC 1952, 2.3.1): a name of the file follows.
_HAS_NAME = 8
#: Answers that say what their very bytes are, or are parts of something.
_AS_THEY_ARE = ("Accept-Ranges", "Content-Range", "Content-Digest", "Repr-Digest")


class CompressedAnswers(GZipMiddleware):
    """Middleware just inside the gate. An `ETag` becomes weak, as it must where bytes differ; 304s say the same one."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path_info.startswith(API_PREFIX) or any(name in response for name in _AS_THEY_ARE):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        etag = response.get("ETag", "")
        if not _takes_gzip(request):
            return response
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            if etag.startswith('"'):
                response["ETag"] = f"W/{etag}"
            return response
        if not isinstance(response, HttpResponse):
            return super().process_response(request, response)
        if len(response.content) < MIN_LENGTH or response.has_header("Content-Encoding"):
            return response
        compressed = self._compressed(response.content)
        if len(compressed) >= len(response.content):
            return response
        response.content = compressed
        response["Content-Length"] = str(len(compressed))
        response["Content-Encoding"] = "gzip"
        if etag.startswith('"'):
            response["ETag"] = f"W/{etag}"
        return response

    def _compressed(self, content: bytes) -> bytes:
        plain = gzip.compress(content, compresslevel=LEVEL, mtime=0)
        name = b"a" * secrets.randbelow(self.max_random_bytes) + b"\0"
        # The flags are the fourth byte of the head, which a name may follow.
        return plain[:3] + bytes([_HAS_NAME]) + plain[4:10] + name + plain[10:]


#: A coding that is not acceptable (RFC 9110, 12.4.2).
_REFUSED = re.compile(r"q\s*=\s*0(\.0{0,3})?", re.IGNORECASE)


def _takes_gzip(request: HttpRequest) -> bool:
    """Whether gzip is named among the codings that a client takes, and not as one that it refuses."""
    for offer in request.META.get("HTTP_ACCEPT_ENCODING", "").split(","):
        coding, *weight = map(str.strip, offer.split(";"))
        if coding.lower() == "gzip":
            return not any(map(_REFUSED.fullmatch, weight))
    return False
