"""Ingestion by REST: feeds, runs, their partitions, dead letters, and the supplier proxy."""
