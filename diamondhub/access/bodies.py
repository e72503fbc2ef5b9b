"""The gate's check of a body, at every address: announced before a byte of it is read, and counted while it is read.

A body says how long it is, and is not longer than what is read there: `MAX_BODY` for forms, less for the API, whose
operations say how much they take and in which form.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from diamondhub.access.gate import Place, Step, Visit
from diamondhub.api.parsers import check_announced, is_sent
from diamondhub.api.problems import Problem

#: Longest body at any address (bytes): the form of the largest rule has some 300 kB.
MAX_BODY = 1_000_000
#: Digits of the longest number that is a length at all; more of them are too long a body, whatever the number.
MAX_DIGITS = 18


class Bodies(Step):
    """Refuses bodies that announce themselves as too long, compressed, or at the API as no JSON (411, 413, 415)."""

    place = Place.BODY

    def check(self, visit: Visit) -> None:
        request = visit.request
        declared = visit.operation
        takes_body = declared is not None and declared.body is not None
        limit = declared.body_limit if declared is not None and takes_body else MAX_BODY
        if is_sent(request.META):
            check_form(request, limit)
        if declared is not None and takes_body and (is_sent(request.META) or not declared.body_is_optional):
            check_announced(request.META, limit)
        # Django has no other place for what it reads the body from.
        wrapped: Any = request
        wrapped._stream = Bounded(getattr(request, "_stream", None), limit)  # noqa: SLF001


def check_form(request: HttpRequest, limit: int) -> None:
    """Raise what is wrong with any body: problems 411, 413 and 415."""
    meta = request.META
    length = meta.get("CONTENT_LENGTH") or ""
    if not length:
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "length-required", "Send a Content-Length; chunks are not taken.")
    if len(length.lstrip("0")) > MAX_DIGITS or int(length) > limit:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", f"The body must not be longer than {limit:,} bytes."
        )
    if meta.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Send the body uncompressed.")


class Bounded:
    """A stream that gives no more than `limit` bytes, whatever the server behind it hands over."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int | None = -1, /) -> bytes:
        """As the stream does; raises `RequestDataTooBig` for what is beyond the bound."""
        return self._counted(self._stream.read(self._asked(size)))

    def readline(self, size: int | None = -1, /) -> bytes:
        """As the stream does; raises `RequestDataTooBig` for what is beyond the bound."""
        return self._counted(self._stream.readline(self._asked(size)))

    def _asked(self, size: int | None) -> int:
        # One byte more than is left shows that there is more.
        return self._left + 1 if size is None or size < 0 else min(size, self._left + 1)

    def _counted(self, text: bytes) -> bytes:
        self._left -= len(text)
        if self._left < 0:
            raise RequestDataTooBig("The body is longer than it may be.")
        return text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
