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
        """Register the checks of gate, peppers and keys, what the sweep looks at, and the groups."""
        from django.apps import apps
        from django.db.models.signals import post_migrate

        from diamondhub import sweep
        from diamondhub.access import checks, gate, nonces, roles, sealed  # noqa: F401
        from diamondhub.telemetry import health

        health.register("api_keys", checks.peppers_are_there)
        health.register("encryption_keys", checks.encryption_keys_are_there)
        sweep.register(nonces.forget)
        # The signal comes for every app when all are migrated; with the last one all have their permissions.
        *_, last = apps.get_app_configs()
        post_migrate.connect(roles.after_migrate, sender=last, dispatch_uid="diamondhub.access.roles")
