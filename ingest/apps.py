"""Ingestion: from a supplier's API to canonical diamonds."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Ingestion."""

    name = "ingest"
    verbose_name = "Ingestion"

    def ready(self) -> None:
        from diamondhub import sweep
        from ingest import runs

        sweep.register(runs.ring_due)
