"""The kinds of problems that exports are answered with, besides those that any operation has."""

from __future__ import annotations

from http import HTTPStatus

from diamondhub.api.kinds import Kind, declare

declare(
    Kind(
        "export-running",
        HTTPStatus.CONFLICT,
        "Another export of yours is under way",
        "A client has one export written at a time. `export` of the answer is the number of the one that is under way.",
        "Wait until it is finished (`GET /api/v1/exports/<number>`), or cancel it by `DELETE`, and ask again.",
    ),
    Kind(
        "export-not-finished",
        HTTPStatus.CONFLICT,
        "The file is not there yet",
        "The export waits for a worker, or is being written.",
        "Ask for the export's state until it is `finished`, then for the file; `Retry-After` says when.",
    ),
    Kind(
        "export-gone",
        HTTPStatus.GONE,
        "There is no file any more",
        "The export has expired, failed or was cancelled, or your client may not see any more what is in it.",
        "Start a new export with the same body: `POST /api/v1/exports`.",
    ),
    Kind(
        "rows-used-up",
        HTTPStatus.TOO_MANY_REQUESTS,
        "The rows of the day are used up",
        "The export has more stones than are left of the rows that your client may take a day (UTC): `left` of `limit`.",
        "Narrow the filters, or ask again when `Retry-After` is over: the day begins anew at midnight UTC.",
    ),
    Kind(
        "range-not-satisfiable",
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "The file has no such part",
        "The first byte that `Range` asks for is behind the file's end; `Content-Range` says how long the file is.",
        "The file is complete if you have as many bytes; otherwise ask for it without `Range`.",
    ),
    Kind(
        "other-file",
        HTTPStatus.PRECONDITION_FAILED,
        "The file is not the one that you mean",
        "`If-Match` names another file than the one that is here.",
        "Fetch the whole file without `If-Match`.",
    ),
)
