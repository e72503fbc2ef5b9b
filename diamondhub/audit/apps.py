"""The audit: what people and programs change in audited tables, kept by triggers of the database."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit."""

    name = "diamondhub.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have every connection say who acts, and what is audited protected and listed after each `migrate`."""
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate

        from diamondhub.audit import acting
        from diamondhub.audit.after_migrate import after_migrate

        connection_created.connect(acting.listen, dispatch_uid="diamondhub.audit")
        # The signal comes for every app when all are migrated; once is enough.
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="diamondhub.audit")
