"""Heartbeats of the parts that must be seen alive, read by the health endpoint."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Heartbeat(models.Model):
    """When a part of the system last did its round, by the database's clock."""

    name = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at:%H:%M:%S}"

    @staticmethod
    def beat(name: str) -> None:
        """Record that `name` did its round now."""
        Heartbeat.objects.bulk_create(
            [Heartbeat(name=name, seen_at=Now())],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["seen_at"],
        )
