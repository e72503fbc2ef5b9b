"""The webhooks app: clients are told of events at addresses of theirs."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Webhooks."""

    name = "diamondhub.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the outbox looked at by the sweep."""
        from diamondhub import sweep
        from diamondhub.webhooks import outbox, subscriptions

        sweep.register(outbox.ring_due)
        sweep.register(subscriptions.forget_previous_secrets)
