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
        """Register how keys are described, the checks of gate, peppers and keys, and what the sweep looks at."""
        from diamondhub import sweep
        from diamondhub.access import checks, documentation, ending, gate, nonces, sealed  # noqa: F401
        from diamondhub.telemetry import health

        sweep.register(ending.tell_of_ending)
        health.register("api_keys", checks.peppers_are_there)
        health.register("encryption_keys", checks.encryption_keys_are_there)
        sweep.register(nonces.forget)
