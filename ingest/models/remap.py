"""Remaps: mapping a feed's stones again from their stored payloads, as a job that outlives its worker."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from ingest.models.feed import Feed
from ingest.models.pinned import PinnedPricing

REMAP_STATES = StateMachine(
    {"ready": frozenset({"completed", "abandoned"}), "completed": frozenset(), "abandoned": frozenset()}
)


class Remap(Leased, PinnedPricing):
    """One pass over a feed's stones in the order of their ids; `position` is the last one done.

    `raw_through` is the newest payload of a finished run when it began: later ones are mapped by a run with its own mapper.
    `looked_at = changed + unchanged + dead + pruned + newer`: `pruned` are stones whose payload the raw store does not hold
    any more, `newer` those that got another payload meanwhile. `skipped` were mapped by this mapper already. A remap that is
    not over when yet another mapper comes is abandoned.
    """

    class Selection(models.TextChoices):
        STALE = "stale"
        ALL = "all"

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"
        ABANDONED = "abandoned"

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="remaps")
    selection = models.CharField(max_length=16, choices=Selection)
    mapper_version = models.CharField(max_length=50)
    rule_set = models.PositiveIntegerField()
    raw_through = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    position = models.UUIDField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    looked_at = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    dead = models.PositiveIntegerField(default=0)
    pruned = models.PositiveIntegerField(default=0)
    newer = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    trace_id = models.CharField(max_length=32)
    started_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["feed"], condition=Q(state="ready"), name="one_live_remap_per_feed"),
        ]

    def __str__(self) -> str:
        return f"Remap {self.pk} of {self.feed.slug}"
