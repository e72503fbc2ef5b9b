"""The catalogue: one canonical diamond per stone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from diamondhub.telemetry.health import Outcome


class CatalogConfig(AppConfig):
    """Catalogue."""

    name = "catalog"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Have health look at the index of this host, and the sweep at new versions, exports and whole stocks."""
        from catalog.changes import telling
        from catalog.exports import jobs, stock
        from diamondhub import sweep
        from diamondhub.telemetry import health

        for sweeper in (telling.sweep, jobs.ring_due, stock.start_due):
            sweep.register(sweeper)
        health.register_host("index", _index)


def _index() -> Outcome:
    # Numpy takes memory and time to start, which programs without an index need not spend.
    from catalog.index import status

    return status.health()
