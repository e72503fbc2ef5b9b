"""Pricing: versioned rules, two evaluators with one meaning, and the repricing that follows a publication."""

from __future__ import annotations

from django.apps import AppConfig


class PricingConfig(AppConfig):
    """Pricing."""

    name = "pricing"

    def ready(self) -> None:
        """Have the sweep look at repricings."""
        from diamondhub import sweep
        from pricing import reprice

        sweep.register(reprice.ring_due)
