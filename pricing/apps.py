"""Pricing: rule sets and the two evaluators of a price."""

from __future__ import annotations

from django.apps import AppConfig


class PricingConfig(AppConfig):
    """Pricing."""

    name = "pricing"
