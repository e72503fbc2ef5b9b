"""The files of exports by REST: whole or in parts, so that a download that broke off is gone on with.

A packed file is sent as what it is, `application/gzip`, and never unpacked on its way: so lengths, ranges, `ETag` and digest
are all of the same bytes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import IO, Any

import structlog
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import http_date, parse_etags, quote_etag
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from catalog.api.exports import LOOK_AGAIN, ExportEndpoint, used_up
from catalog.exports import asking, files
from catalog.exports.models import Export
from diamondhub.access.throttles.rows import RowsUsedUp, limit_of, require_rows
from diamondhub.api.documentation import FileAnswer
from diamondhub.api.endpoint import operation
from diamondhub.api.problems import Problem
from diamondhub.api.ranges import NotSatisfiable, Part, part_asked_for

log = structlog.get_logger(__name__)

#: A file of another host is handed on in pieces of so many bytes.
PIECE = 65_536
MEDIA_TYPES = ("application/gzip", "application/x-ndjson", "text/csv")


class AnyForm(BaseContentNegotiation):
    """The file is what it is, whatever `Accept` says; refusals are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The only one."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The only one."""
        return renderers[0], renderers[0].media_type


class ExportFile(ExportEndpoint):
    """The file of an export."""

    content_negotiation_class = AnyForm

    @operation(
        "get_export_file",
        "The file of an export",
        answer=FileAnswer(MEDIA_TYPES),
        problems=(
            *("export-not-finished", "export-gone", "range-not-satisfiable", "other-file", "rows-used-up"),
            HTTPStatus.NOT_FOUND,
        ),
    )
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """The file, or by `Range` the part of it that you do not have yet (one range of bytes; with several, all is sent).

        `ETag` is the file's SHA-256: with `If-Range` you get the rest of the same file, or the whole of another one.
        """
        export = self.mine(number)
        self._check(export)
        assert export.finished_at is not None
        length, etag = int(export.bytes or 0), quote_etag(export.sha256)
        meta = request.META
        if not _is_meant(meta.get("HTTP_IF_MATCH"), etag):
            raise Problem(
                HTTPStatus.PRECONDITION_FAILED, "other-file", "If-Match names another file than the one that is here."
            )
        if {etag, "*"} & _tags(meta.get("HTTP_IF_NONE_MATCH", "")):
            response: HttpResponseBase = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
            del response["Content-Type"]
            return _described(response, export, etag)
        try:
            part = part_asked_for(meta, length=length, etag=etag, modified=export.finished_at)
        except NotSatisfiable:
            raise Problem(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                "range-not-satisfiable",
                f"The file has {length:,} bytes, and none in this range.",
                headers={"Content-Range": f"bytes */{length}"},
            ) from None
        response = _sent(export, part)
        if part is not None:
            response.status_code = HTTPStatus.PARTIAL_CONTENT
            response["Content-Range"] = part.content_range
        response["Content-Length"] = str(length if part is None else part.length)
        response["Content-Type"] = export.media_type
        response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
        log.info("export_fetched", export_id=export.pk, client=self.client.name, first=part.first if part else 0)
        return _described(response, export, etag)

    def _check(self, export: Export) -> None:
        """Raise the problem of an export without a file that this client may have."""
        if export.state == Export.State.PENDING:
            raise Problem(
                HTTPStatus.CONFLICT,
                "export-not-finished",
                f"Export {export.pk} is {export.shown_state}: there is no file yet.",
                headers={"Retry-After": str(LOOK_AGAIN)},
            )
        if export.state != Export.State.FINISHED or export.expires_at is None or export.expires_at <= datetime.now(UTC):
            is_over = export.state in (Export.State.FINISHED, Export.State.EXPIRED)
            state = "has expired" if is_over else f"{export.state}: {export.reason}"
            raise _gone(f"Export {export.pk} {state}; there is no file")
        if export.seen_as != asking.seen_by_now(export, self.client):
            raise _gone(f"Export {export.pk} shows what your client may not see any more, or not all that it may")
        if export.client_id is None and limit_of(self.client) < (export.rows or 0):
            try:
                require_rows(self.client, export.rows or 0)
            except RowsUsedUp as error:
                raise used_up(error) from None


class FilePart(io.RawIOBase):
    """A part of an open file, which reads, and can be wound, as if it were a file of its own."""

    def __init__(self, file: IO[bytes], first: int, length: int) -> None:
        self._file, self._first, self._length = file, first, length
        file.seek(first)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell() - self._first

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._length}[whence]
        return self._file.seek(self._first + max(0, start + offset)) - self._first

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._length - self.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def close(self) -> None:
        self._file.close()
        super().close()


def _sent(export: Export, part: Part | None) -> HttpResponseBase:
    """The answer that reads the file: one of this host is sent by the server without a thread, another one is a stream."""
    try:
        file, is_here = files.open_file(export.file)
    except FileNotFoundError:
        log.error("export_file_lost", export_id=export.pk, file=export.file)
        raise _gone(f"The file of export {export.pk} was lost, through our fault") from None
    first, length = (0, int(export.bytes or 0)) if part is None else (part.first, part.length)
    whole = FilePart(file, first, length)
    if is_here:
        return FileResponse(whole)
    response = StreamingHttpResponse(_pieces(whole))
    response._resource_closers.append(whole.close)  # type: ignore[attr-defined]  # noqa: SLF001 - as Django's own
    return response


def _pieces(file: FilePart) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _described(response: HttpResponseBase, export: Export, etag: str) -> HttpResponseBase:
    assert export.finished_at is not None
    response["ETag"] = etag
    response["Last-Modified"] = http_date(int(export.finished_at.timestamp()))
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-cache"
    # Of the whole file, also with a part of it (RFC 9530).
    response["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(export.sha256)).decode()}:"
    return response


def _is_meant(if_match: str | None, etag: str) -> bool:
    # `W/` never fits: the tags are compared strongly.
    return if_match is None or bool({etag, "*"} & set(parse_etags(if_match)))


def _tags(header: str) -> set[str]:
    return {tag.removeprefix("W/") for tag in parse_etags(header)}


def _gone(words: str) -> Problem:
    return Problem(HTTPStatus.GONE, "export-gone", f"{words}. Start a new export: POST /api/v1/exports.")
