"""Feeds: what is pulled from whom, how often, and how far it is known to be true."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class Feed(models.Model):
    """One stream of stones from one supplier account.

    `parameters` belong to the adapter. `watermark` is the supplier's time up to which the catalogue is complete; only a
    finished run whose partitions all completed advances it. Shares are between 0 and 1.
    """

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    adapter = models.CharField(max_length=50)
    parameters = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    watermark = models.DateTimeField(null=True, blank=True, editable=False)
    window_lag_seconds = models.PositiveIntegerField(
        default=30,
        help_text="A run's window ends this long before the supplier's clock, so that nothing is still being written in it.",
    )
    overlap_seconds = models.PositiveIntegerField(
        default=900, help_text="An incremental run starts this long before the watermark."
    )
    max_partition_stones = models.PositiveIntegerField(
        default=2500,
        validators=[MinValueValidator(50), MaxValueValidator(100_000)],
        help_text="Partitions stay below this, so that offsets stay shallow.",
    )
    delist_brake = models.FloatField(
        default=0.2, help_text="A run that would delist more than this share of the feed waits for approval."
    )
    shrink_brake = models.FloatField(
        default=0.5, help_text="A full run that is shown less than this share of the known stones is suspect."
    )
    error_budget = models.FloatField(
        default=0.01, help_text="A run with more than this share of dead letters waits for approval."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(delist_brake__gte=0, delist_brake__lte=1)
                & Q(shrink_brake__gte=0, shrink_brake__lte=1)
                & Q(error_budget__gte=0, error_budget__lte=1),
                name="feed_shares_between_0_and_1",
            )
        ]

    def __str__(self) -> str:
        return self.slug
