"""Consolidation batches: the unit of claiming, mapping and upserting."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField
from ingest.models.run import Run

BATCH_STATES = StateMachine(
    {"ready": frozenset({"completed", "cancelled"}), "completed": frozenset(), "cancelled": frozenset()}
)


class ConsolidationBatch(Leased):
    """The run's changed stones whose ids lie in `[stone_from, stone_to)`; an empty end is open.

    Ids are hashes, so equal ranges hold about equally many stones. The counts are written with the diamonds.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="batches")
    ordinal = models.PositiveIntegerField()
    stone_from = models.UUIDField()
    stone_to = models.UUIDField(null=True, blank=True)
    #: Payloads up to this raw id belong to the batch, from behind the next lower one of its run; later ones to a later cut.
    raw_through = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    stones = models.PositiveIntegerField(default=0)
    inserted = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    dead = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    last_error = ScrubbedCharField(max_length=500, blank=True, default="")
    #: What `ingest.drift` counted of the batch's stones.
    drift = models.JSONField(default=dict, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "consolidation batches"
        constraints = [models.UniqueConstraint(fields=["run", "ordinal"], name="batch_ordinal")]
        indexes = [
            models.Index(fields=["run", "due_at"], name="batch_due", condition=Q(state="ready")),
            # Lists of one state; nearly all rows have the one that is left out.
            models.Index(fields=["state", "id"], name="batch_by_state", condition=~Q(state="completed")),
        ]

    def __str__(self) -> str:
        return f"batch {self.ordinal} of run {self.run_id}"
