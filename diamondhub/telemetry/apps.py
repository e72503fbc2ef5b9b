"""The telemetry app: logs, heartbeats, health."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Telemetry."""

    name = "diamondhub.telemetry"
    label = "telemetry"
    default_auto_field = "django.db.models.BigAutoField"
