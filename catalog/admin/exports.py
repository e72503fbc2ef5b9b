"""Exports in the admin: who had what written, how far it is, and why there is no file."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from catalog.exports.models import Export
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, badge, moment, number


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin[Export]):
    """Exports, newest first."""

    list_display = ("named", "badge", "whose", "written_as", "stones", "size", "created", "expires")
    list_filter = ("state", "format")
    list_select_related = ("client",)
    search_help_text = "Number of the export"

    @admin.display(description="export")
    def named(self, export: Export) -> str:
        """The number; links to the page."""
        return str(export)

    @admin.display(description="state")
    def badge(self, export: Export) -> SafeString:
        """The state as a badge."""
        return badge(export.shown_state)

    @admin.display(description="client")
    def whose(self, export: Export) -> str:
        """Who asked for it."""
        return _whose(export)

    @admin.display(description="form")
    def written_as(self, export: Export) -> str:
        """How it is written."""
        return f"{export.format}{', gzip' if export.gzip else ''}"

    @admin.display(description="stones")
    def stones(self, export: Export) -> str:
        """The stones of the file; of one that is being written, how many there are so far."""
        if export.rows is not None:
            return number(export.rows)
        return NOTHING if export.rows_expected is None else f"{export.rows_written:,} of {export.rows_expected:,}"

    @admin.display(description="size")
    def size(self, export: Export) -> str:
        """The size of the file."""
        return NOTHING if export.bytes is None else filesizeformat(export.bytes)

    @admin.display(description="created")
    def created(self, export: Export) -> str | SafeString:
        """The moment in which it was asked for."""
        return moment(export.created_at)

    @admin.display(description="file until")
    def expires(self, export: Export) -> str | SafeString:
        """The moment up to which there is a file."""
        return moment(export.expires_at)

    def groups(self, request: HttpRequest, row: Export) -> list[Group]:
        """What was asked for, what came of it, and the work at it."""
        asked: list[tuple[str, Any]] = [
            ("client", _whose(row)),
            ("filters", json.dumps(row.asked, ensure_ascii=False) if row.asked else "none"),
            ("fields", ", ".join(row.fields)),
            ("form", self.written_as(row)),
            ("asked for", moment(row.created_at)),
        ]
        file: list[tuple[str, Any]] = [
            ("state", badge(row.shown_state)),
            ("why there is no file", row.reason or NOTHING),
            ("stones", self.stones(row)),
            ("catalogue's version", number(row.dataset_version)),
            ("size", self.size(row)),
            ("SHA-256", row.sha256 or NOTHING),
            ("file until", moment(row.expires_at)),
        ]
        work: list[tuple[str, Any]] = [
            ("begun", moment(row.started_at)),
            ("ended", moment(row.finished_at)),
            ("attempts", row.attempts),
            ("worker", row.lease_owner or NOTHING),
            ("rows of the day taken", number(row.rows_taken)),
            ("last error", row.last_error or NOTHING),
        ]
        return [Group("Asked for", asked), Group("File", file), Group("Work", work)]


def _whose(export: Export) -> str:
    return export.client.name if export.client else "the whole stock, for all who see the same"
