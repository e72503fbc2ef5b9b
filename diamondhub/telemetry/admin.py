"""Heartbeats in the admin: which part was last seen alive when. Only shown."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import ago, moment
from diamondhub.telemetry.models import Heartbeat


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin[Heartbeat]):
    """One row per part."""

    list_display = ("name", "seen", "age")
    ordering = ("name",)

    @admin.display(description="last seen")
    def seen(self, heartbeat: Heartbeat) -> str | SafeString:
        """When it was last seen."""
        return moment(heartbeat.seen_at)

    @admin.display(description="age")
    def age(self, heartbeat: Heartbeat) -> str:
        """How long ago it was seen."""
        return ago(heartbeat.seen_at)
