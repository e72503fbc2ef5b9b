"""The alerts app: an outbox of events and their deliveries."""

from __future__ import annotations

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Alerts."""

    name = "diamondhub.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the outbox looked at by the sweep."""
        from diamondhub import sweep
        from diamondhub.alerts import outbox

        sweep.register(outbox.ring_due)
