"""The telemetry app: logs, heartbeats, health."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Telemetry."""

    name = "diamondhub.telemetry"
    label = "telemetry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hide the settings' secrets, now that they are read, and those in tracebacks of errors that nobody catches."""
        from diamondhub.telemetry import scrub
        from diamondhub.telemetry.logs import tell_uncaught_errors_without_secrets

        scrub.forget()
        tell_uncaught_errors_without_secrets()
