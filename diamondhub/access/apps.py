"""The access app: API clients and their keys."""

from __future__ import annotations

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Access."""

    name = "diamondhub.access"
    label = "access"
    verbose_name = "API access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the description of the key's header, the checks of gate and peppers, and what the sweep forgets."""
        from diamondhub import sweep
        from diamondhub.access import checks, documentation, gate, nonces  # noqa: F401
        from diamondhub.telemetry import health

        health.register("api_keys", checks.peppers_are_there)
        sweep.register(nonces.forget)
