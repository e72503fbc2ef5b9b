"""Dead letters: what could not be processed, why, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.states import StateMachine
from ingest.models.feed import Feed
from ingest.models.run import Run

DEAD_LETTER_STATES = StateMachine(
    {"open": frozenset({"replayed", "discarded"}), "replayed": frozenset(), "discarded": frozenset()}
)


class DeadLetter(models.Model):
    """One thing that could not be processed: an item of a page or a stone of a batch.

    `fingerprint` groups letters of one cause (kind, field and the reason without its values). `payload` is the text that
    could not be processed, NULs escaped as JSON does.
    """

    class Kind(models.TextChoices):
        PAGE = "page"
        STONE = "stone"

    class State(models.TextChoices):
        OPEN = "open"
        REPLAYED = "replayed"
        DISCARDED = "discarded"

    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="dead_letters")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dead_letters")
    diamond_id = models.UUIDField(null=True, blank=True)
    supplier_stone_id = models.CharField(max_length=100, blank=True, default="")
    fingerprint = models.CharField(max_length=32)
    field = models.CharField(max_length=100, blank=True, default="")
    reason = models.CharField(max_length=500)
    payload = models.TextField()
    mapper_version = models.CharField(max_length=50, blank=True, default="")
    trace_id = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["run"], name="dead_letter_run"),
            models.Index(fields=["fingerprint", "id"], name="dead_letter_fingerprint", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.supplier_stone_id or self.kind}: {self.reason}"
