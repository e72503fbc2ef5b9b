"""The alerts app: an outbox of events and their deliveries, channels and rules, and the watch over those who send."""

from __future__ import annotations

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Alerts."""

    name = "diamondhub.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have problems told, the outbox looked at by the sweep, and the outside given signs of life."""
        from diamondhub import sweep
        from diamondhub.alerts import listening, outbox, pulse
        from diamondhub.operations.problems import tracking

        tracking.on_change(listening.hear)
        sweep.register(outbox.ring_due)
        sweep.when_good(pulse.beat)
