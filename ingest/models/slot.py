"""Slots: the moments at which a feed's schedules wanted a run, and what became of each."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.telemetry.columns import ScrubbedCharField
from ingest.models.feed import Feed
from ingest.models.run import Run


class ScheduleSlot(models.Model):
    """One moment of one of a feed's schedules: it started a run, or was skipped for a reason.

    However many sweeps look at a slot at once, the unique constraint lets one of them deal with it.
    """

    class State(models.TextChoices):
        STARTED = "started"
        SKIPPED = "skipped"

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="slots")
    kind = models.CharField(max_length=16, choices=Run.Kind)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, related_name="slots", null=True, blank=True)
    reason = ScrubbedCharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["feed", "due_at", "kind"], name="slot_once"),
            models.CheckConstraint(condition=~Q(state="skipped") | ~Q(reason=""), name="slot_skipped_for_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} run due at {self.due_at:%Y-%m-%d %H:%M}: {self.state}"
