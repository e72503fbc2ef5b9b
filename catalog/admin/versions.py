"""The versions of the catalogue in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from catalog.models import DatasetVersion
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import moment


@admin.register(DatasetVersion)
class DatasetVersionAdmin(ReadOnlyAdmin[DatasetVersion]):
    """The admin of data set versions, newest first, each with its cause."""

    list_display = ("version", "cause", "created", "told")
    ordering = ("-version",)
    search_fields = ("=version", "cause")

    @admin.display(description="created")
    def created(self, version: DatasetVersion) -> str | SafeString:
        return moment(version.created_at)

    @admin.display(description="subscribers told")
    def told(self, version: DatasetVersion) -> str | SafeString:
        return moment(version.told_at)
