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
        """Register the description of the key's header, and the checks of the gate and of the keys that seal."""
        from diamondhub.access import documentation, gate, sealed  # noqa: F401
