"""Ingestion: from a supplier's API to canonical diamonds."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Ingestion."""

    name = "ingest"
    verbose_name = "Ingestion"

    def ready(self) -> None:
        """Have the sweep look at schedules, runs and remaps, and health at the age of runs."""
        from diamondhub import sweep
        from diamondhub.telemetry import health
        from ingest import remapping, runs, scheduling
        from ingest.freshness import age_of_last_run

        for sweeper in (scheduling.start_due, runs.ring_due, remapping.ring_due):
            sweep.register(sweeper)
        health.register("last_runs", age_of_last_run)
