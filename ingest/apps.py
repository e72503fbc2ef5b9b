"""Ingestion: from a supplier's API to canonical diamonds."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Ingestion."""

    name = "ingest"
    verbose_name = "Ingestion"

    def ready(self) -> None:
        """Have the sweep look at schedules, runs and remaps, health at the age of runs, and the catalogue know the feeds."""
        from catalog.feeds import name_feeds_by
        from diamondhub import sweep
        from diamondhub.telemetry import health
        from ingest import remapping, runs, scheduling
        from ingest.freshness import age_of_last_run
        from ingest.models import Feed

        for sweeper in (scheduling.start_due, runs.ring_due, remapping.ring_due):
            sweep.register(sweeper)
        health.register("last_runs", age_of_last_run)
        name_feeds_by(lambda: list(Feed.objects.values_list("slug", flat=True)))
