"""The audit: what people and programs change in audited tables, kept by triggers of the database."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit."""

    name = "diamondhub.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have every connection say who acts."""
        from django.db.backends.signals import connection_created

        from diamondhub.audit import acting

        connection_created.connect(acting.listen, dispatch_uid="diamondhub.audit")
