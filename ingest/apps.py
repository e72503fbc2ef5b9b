"""Ingestion: from a supplier's API to canonical diamonds."""

from __future__ import annotations

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Ingestion."""

    name = "ingest"
    verbose_name = "Ingestion"

    def ready(self) -> None:
        """Have the sweep look at pauses, schedules, runs and remaps, health at runs' age, the catalogue know the feeds."""
        from catalog.feeds import name_feeds_by
        from diamondhub import sweep
        from diamondhub.telemetry import health
        from ingest import pausing, remapping, runs, scheduling, several_offers
        from ingest.freshness import age_of_last_run
        from ingest.models import Feed

        sweepers = (pausing.end_overdue, pausing.free_leases, scheduling.start_due, runs.ring_due, remapping.ring_due)
        for sweeper in sweepers:
            sweep.register(sweeper)
        health.register("last_runs", age_of_last_run)
        health.register("several_offers", several_offers.in_health)
        name_feeds_by(lambda: list(Feed.objects.values_list("slug", flat=True)))
