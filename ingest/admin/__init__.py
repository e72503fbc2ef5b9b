"""Ingestion in the admin, one file per noun. Django imports this package; the modules register themselves."""

from __future__ import annotations

from ingest.admin import dead_letters, feeds, partitions, pauses, raw, runs

__all__ = ["dead_letters", "feeds", "partitions", "pauses", "raw", "runs"]
