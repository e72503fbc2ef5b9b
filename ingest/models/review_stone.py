"""The stones that a review or a suspicion is about, kept as they were then: whole lists for people, by cause."""

from __future__ import annotations

from django.db import models

from ingest.models.run import Run


class ReviewStone(models.Model):
    """One stone of a run that was held by a brake, or is suspect (`brake` is then `suspect`); see `ingest.review_stones`.

    `place` counts the stones of a cause from 1. Costs in cents: in the catalogue, and as the run would have it. `was` and
    `name` are its old and its new stock number, if it is about those.
    """

    # Its index is `review_stone_place`.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="review_stones", db_index=False)
    brake = models.CharField(max_length=20)
    cause = models.CharField(max_length=16)
    place = models.PositiveIntegerField()
    diamond_id = models.UUIDField()
    cost_cents = models.BigIntegerField(null=True, blank=True)
    brought_cents = models.BigIntegerField(null=True, blank=True)
    was = models.TextField(blank=True, default="", db_default="")
    name = models.TextField(blank=True, default="", db_default="")

    class Meta:
        # The first place of each cause says which causes there are; those of one list lie close together.
        constraints = [
            models.UniqueConstraint(fields=["run", "place", "brake", "cause"], name="review_stone_place"),
        ]

    def __str__(self) -> str:
        return f"{self.brake}, {self.cause}: {self.place}"
