"""Exports by REST: a client has a search written to a file, looks how far it is, and cancels it.

The file itself is at `catalog.api.export_files`, the whole stock at `catalog.api.stock`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api import presenting
from catalog.api.asking import FilterBody
from catalog.currencies.fields import Currency
from catalog.exports import asking, jobs, kinds  # noqa: F401 - kinds declares what is answered with
from catalog.exports.models import Export, Format
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.access.throttles.rows import RowsUsedUp
from diamondhub.api import fields
from diamondhub.api.answers import Answer, page_of, shown_as
from diamondhub.api.endpoint import Endpoint, PageQuery, operation
from diamondhub.api.problems import Problem, sentence

#: Longest body: 500 ids and certificate numbers of some 40 letters (bytes).
BODY_LIMIT = 128_000
#: When to look again at an export that is under way (seconds).
LOOK_AGAIN = 2
STATES = ("pending", "running", "finished", "failed", "cancelled", "expired")

_SHOWN = fields.ListOf(
    fields.OneOf(presenting.NAMES),
    required=False,
    max_length=len(presenting.NAMES),
    help_text="What is written of each stone, beside its `id`; without it all that your client may see.",
)


class NewExport(FilterBody):
    """Every filter of the search by `POST`, and how the stones are written."""

    format = fields.OneOf(
        Format.values, help_text="`ndjson`: a JSON object a line, as searches show it; `csv`: a table."
    )
    gzip = fields.YesNo(default=True, help_text="The file is packed: a `.gz` of a seventh of the size.")
    currency = Currency()

    class Meta(FilterBody.Meta):
        example: Mapping[str, Any] = {
            "format": "csv",
            "gzip": True,
            "fields": ["shape", "carats", "color", "clarity"],
            "shape": ["ROUND", "OVAL"],
            "carats_min": 1,
        }

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        own = {name: declared.pop(name) for name in ("format", "gzip", "currency")}
        return {**own, "fields": deepcopy(_SHOWN), **declared}


_EXAMPLE: dict[str, Any] = {
    "export": 12,
    "state": "finished",
    "format": "ndjson",
    "gzip": True,
    "fields": ["id", "currency", "price", "shape", "carats"],
    "filters": {"shape": ["ROUND"], "carats_min": 1},
    "created_at": "2026-11-28T08:00:00Z",
    "started_at": "2026-11-28T08:00:01Z",
    "finished_at": "2026-11-28T08:00:09Z",
    "expires_at": "2026-11-29T08:00:09Z",
    "progress": {"rows": 154_798, "of": 154_798},
    "rows": 154_798,
    "bytes": 13_107_442,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "dataset_version": 4711,
    "reason": None,
    "links": {"self": "/api/v1/exports/12", "file": "/api/v1/exports/12/file"},
}


class ExportProgressAnswer(Answer):
    """How far the writing is."""

    rows = fields.Whole(0, help_text="Stones that are written.")
    of = fields.Whole(0, allow_null=True, help_text="Stones of the whole export; null until they are counted.")


@shown_as(_EXAMPLE)
class ExportAnswer(Answer):
    """An export."""

    export = fields.Whole(1)
    state = fields.OneOf(STATES, help_text="`expired`: there was a file. `failed`: `reason` says why there is none.")
    format = fields.OneOf(Format.values)
    gzip = fields.YesNo()
    filters = fields.Anything(help_text="The filters, and the currency if one was asked for, as they were sent.")
    created_at = fields.Moment()
    started_at = fields.Moment(allow_null=True)
    finished_at = fields.Moment(allow_null=True)
    expires_at = fields.Moment(allow_null=True, help_text="Until then the file can be fetched.")
    progress = ExportProgressAnswer()
    rows = fields.Whole(0, allow_null=True, help_text="Stones in the file.")
    bytes = fields.Whole(0, allow_null=True, help_text="Length of the file, as it is sent.")
    sha256 = fields.Text(
        allow_null=True, help_text="SHA-256 of the file in hexadecimal; it is the file's `ETag` as well."
    )
    dataset_version = fields.Whole(
        0, allow_null=True, help_text="The version of the catalogue that the file shows, all of it."
    )
    reason = fields.Text(allow_null=True, help_text="Why there is no file.")
    links = type("ExportLinks", (Answer,), {"self": fields.Text(), "file": fields.Text(allow_null=True)})()

    def get_fields(self) -> dict[str, Any]:
        declared = super().get_fields()
        # The name is one of the serializer's own.
        names = fields.ListOf(fields.Text(), help_text="What is written of each stone.")
        names.required = True
        return {**declared, "fields": names}


class ExportEndpoint(Endpoint):
    """A view of the client's own exports."""

    scope = Scope.CATALOG_EXPORT
    tag = "exports"
    cache_control = "private, no-store"

    @property
    def client(self) -> ApiClient:
        """Who asks."""
        assert isinstance(self.request.auth, ApiKey)
        return self.request.auth.client

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Exports are of what the client may read."""
        super().initial(request, *args, **kwargs)
        if not self.may(Scope.CATALOG_READ):
            raise PermissionDenied(f"Exports need the scope {Scope.CATALOG_READ} as well, which your client lacks.")

    def of_client(self) -> QuerySet[Export]:
        """The exports that are the client's, and the whole stocks of all who see what it sees."""
        return Export.objects.filter(Q(client=self.client) | Q(client=None, seen_as=asking.seen_as(self.client)))

    def mine(self, number: int) -> Export:
        """The client's export of this number; 404 for everybody else's."""
        # Numbers beyond the database's name nothing.
        export = self.of_client().filter(pk=number).first() if number < 2**63 else None
        if export is None:
            raise Http404
        return export


class Exports(ExportEndpoint):
    """All exports of the client."""

    problems_of = {
        jobs.ExportRunning: lambda error: _running(error),
        RowsUsedUp: lambda error: used_up(error),
    }

    @operation("list_exports", "Your exports", query=PageQuery, answer=page_of(ExportAnswer))
    def get(self, request: Request) -> Response:
        """The exports of your client, the newest first; those that ended are forgotten after 30 days."""
        return self.page(Export.objects.filter(client=self.client), shown, by="id")

    @operation(
        "start_export",
        "Have a search written to a file",
        body=NewExport,
        body_limit=BODY_LIMIT,
        answer=ExportAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=("export-running", "rows-used-up"),
        idempotent=True,
        limit=LimitClass.EXPORTS,
    )
    def post(self, request: Request) -> Response:
        """Start to write the stones that pass every filter to a file, all as of one moment.

        Ask for `links.self` until the state is `finished`, then for `links.file`. A search that finds nothing gives a file
        with no stones. A client has one export written at a time; the stones count for its rows of the day.
        """
        wanted = self.body
        export = jobs.start(
            self.client,
            format=wanted["format"],
            gzip=wanted["gzip"],
            fields=asking.fields_of(self.client, wanted.get("fields")),
            asked=asking.filters_in(dict(request.data)),
        )
        export.refresh_from_db()
        answer = Response(shown(export), status=HTTPStatus.ACCEPTED)
        answer["Location"] = reverse("export", args=[export.pk])
        return answer


class OneExport(ExportEndpoint):
    """One export."""

    @operation("get_export", "One export", answer=ExportAnswer)
    def get(self, request: Request, number: int) -> Response:
        """How far it is, and what came of it."""
        return Response(shown(self.mine(number)))

    @operation("end_export", "Cancel an export", answer=None, status=HTTPStatus.NO_CONTENT)
    def delete(self, request: Request, number: int) -> Response:
        """Cancel it if it is under way, or remove its file; the rows of one that is cancelled are given back.

        Whole stocks belong to several clients and stay.
        """
        export = self.mine(number)
        if export.client_id is not None:
            jobs.end(export.pk)
        return Response(status=HTTPStatus.NO_CONTENT)


def shown(export: Export) -> dict[str, Any]:
    """An export as answers have it."""
    is_there = export.state == Export.State.FINISHED
    return {
        "export": export.pk,
        "state": export.shown_state,
        "format": export.format,
        "gzip": export.gzip,
        "filters": export.asked,
        "created_at": export.created_at,
        "started_at": export.started_at,
        "finished_at": export.finished_at,
        "expires_at": export.expires_at,
        "progress": {"rows": export.rows_written, "of": export.rows_expected},
        "rows": export.rows,
        "bytes": export.bytes,
        "sha256": export.sha256 or None,
        "dataset_version": export.dataset_version,
        "reason": export.reason or None,
        "links": {
            "self": reverse("export", args=[export.pk]),
            "file": reverse("export_file", args=[export.pk]) if is_there else None,
        },
        "fields": export.fields,
    }


def _running(error: jobs.ExportRunning) -> Problem:
    address = reverse("export", args=[error.number])
    return Problem(
        HTTPStatus.CONFLICT,
        "export-running",
        f"Export {error.number} of yours is under way ({address}); wait until it is finished, or cancel it by DELETE.",
        headers={"Retry-After": str(LOOK_AGAIN)},
        members={"export": error.number},
    )


def used_up(error: RowsUsedUp) -> Problem:
    """What a client is told that has taken its rows of the day."""
    if not error.limit:
        return Problem(HTTPStatus.FORBIDDEN, "forbidden", "Your client may export no rows.")
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rows-used-up",
        sentence(str(error)),
        headers={"Retry-After": str(error.retry_after)},
        members={"limit": error.limit, "left": error.left},
    )
