"""What the server takes for a request, and what it answers when it is none: problems, as the API's own errors are.

The parser is waitress's. Added are bounds of its parts, and that a body needs a length: what comes in chunks could not be
refused by its size before it is read.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from waitress.parser import HTTPRequestParser
from waitress.utilities import Error

from diamondhub.api.problems import Problem, respond
from diamondhub.serving import bounds


class Refusal(Error):  # type: ignore[misc]  # waitress has no types
    """An error of the server's own, as waitress wants to have it: it makes the answer."""

    def __init__(self, status: HTTPStatus, kind: str, detail: str, *, path: str = "") -> None:
        super().__init__(detail)
        self.problem = Problem(status, kind, detail)
        self.path = path

    def to_response(self, _ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status line, headers and body."""
        request = HttpRequest()
        request.path = request.path_info = self.path
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = respond(request, self.problem)
        headers = [*response.items(), ("X-Request-Id", request.request_id)]  # type: ignore[attr-defined]
        return f"{self.problem.status.value} {self.problem.status.phrase}", headers, response.content


def too_long_line() -> Refusal:
    """The answer to a first line beyond `MAX_REQUEST_LINE`."""
    return Refusal(
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "uri-too-long",
        f"The address is too long: the first line of a request may have {bounds.MAX_REQUEST_LINE:,} bytes.",
    )


def too_large_head() -> Refusal:
    """The answer to a head beyond `MAX_HEAD` or `MAX_FIELDS`."""
    return Refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "header-fields-too-large",
        f"The head is too large: it may have {bounds.MAX_FIELDS} fields and {bounds.MAX_HEAD:,} bytes.",
    )


def too_long_body(path: str) -> Refusal:
    """The answer to a body that announces more than `MAX_BODY`."""
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"The body is too long: no address takes more than {bounds.MAX_BODY:,} bytes.",
        path=path,
    )


def without_length(path: str) -> Refusal:
    """The answer to a body in chunks."""
    return Refusal(
        HTTPStatus.LENGTH_REQUIRED,
        "length-required",
        "A body needs a Content-Length; Transfer-Encoding is not taken.",
        path=path,
    )


def too_slow(path: str) -> Refusal:
    """The answer to a head or a body that did not come in time."""
    return Refusal(
        HTTPStatus.REQUEST_TIMEOUT,
        "request-timeout",
        f"The request did not come in time: its head may take {bounds.HEAD_SECONDS:g} s, its body "
        f"{bounds.BODY_SECONDS:g} s more.",
        path=path,
    )


def _malformed(error: Error, path: str) -> Refusal:
    detail = f"The request is malformed: {error.body}."
    if error.code == HTTPStatus.NOT_IMPLEMENTED:
        return without_length(path)
    return Refusal(HTTPStatus.BAD_REQUEST, "bad-request", detail, path=path)


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """One request on its way in."""

    #: A `Refusal` once the request is none.
    error: Any = None
    completed: bool = False
    headers_finished: bool = False
    has_too_many_fields = False
    has_encoding = False

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        # Of a request that cannot be read as one.
        self.command = self.path = self.query = self.request_uri = ""

    def received(self, data: bytes) -> int:
        """Take what belongs to this request of `data`; returns how many bytes that were."""
        if self._is_whole():
            return 0
        if self.body_rcv is None and self._line_is_too_long(data):
            self.error = too_long_line()
            self.completed = self.headers_finished = True
            return len(data)
        was_finished = self.headers_finished
        consumed: int = super().received(data)
        if self.headers_finished and not was_finished and not self.empty:
            self._check_head()
        if self.error is not None and not isinstance(self.error, Refusal):
            self.error = _malformed(self.error, self.path) if self.error.code != 431 else too_large_head()
        # A client that waits for leave to send what is refused must not get it.
        if self._is_whole():
            self.expect_continue = False
        return consumed

    def _is_whole(self) -> bool:
        return self.completed

    def parse_header(self, header_plus: bytes) -> None:
        # Counted here: what follows makes an object of every line.
        self.has_too_many_fields = header_plus.count(b"\n") > bounds.MAX_FIELDS + 2
        super().parse_header(header_plus)
        # HTTP/1.0 knows no chunks, and waitress leaves the header alone there.
        self.has_encoding = self.chunked or "TRANSFER_ENCODING" in self.headers

    def refuse(self, refusal: Refusal) -> None:
        """End this request here: whatever else comes of it is of no interest."""
        self.error = refusal
        self.completed = True
        self.expect_continue = False

    def _line_is_too_long(self, data: bytes) -> bool:
        # Blank lines may come before a request.
        begun = (self.header_plus + data[: bounds.MAX_REQUEST_LINE + 2]).lstrip()
        return b"\n" not in begun[: bounds.MAX_REQUEST_LINE + 2] and len(begun) > bounds.MAX_REQUEST_LINE

    def _check_head(self) -> None:
        if self.error is not None and self.error.code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return
        if self.has_too_many_fields:
            self.refuse(too_large_head())
        elif self.has_encoding:
            self.refuse(without_length(self.path))
        elif self.content_length > bounds.MAX_BODY:
            self.refuse(too_long_body(self.path))
