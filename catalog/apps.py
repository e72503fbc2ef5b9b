"""The catalogue: one canonical diamond per stone."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Catalogue."""

    name = "catalog"
    verbose_name = "Catalogue"
