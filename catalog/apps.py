"""The catalogue: one canonical diamond per stone."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Catalogue."""

    name = "catalog"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Have the sweep look at exports and whole stocks."""
        from catalog.exports import jobs, stock
        from diamondhub import sweep

        sweep.register(jobs.ring_due)
        sweep.register(stock.start_due)
