"""Feeds: what is pulled from whom, how often, and how far it is known to be true."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from diamondhub.audit.tracking import audited
from ingest import crontab


@audited(exclude=("watermark", "scheduled_since", "prices"), masked=("parameters",))
class Feed(models.Model):
    """One stream of stones from one supplier account.

    `parameters` belong to the adapter. `watermark` is the supplier's time up to which the catalogue is complete; only a
    finished run whose partitions all completed advances it. Shares are between 0 and 1. Schedules are crontab strings in
    UTC; no slot is owed from before `scheduled_since`, which a trigger of the table sets when a schedule changes or the
    feed is enabled. Audited, but for these two and `prices`, which runs and the trigger write: the run and the schedule say
    it. `prices` is what the columns of its last list were found to hold, and what a person is asked of them
    (`ingest.price_meanings`).
    """

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    adapter = models.CharField(max_length=50)
    parameters = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    watermark = models.DateTimeField(null=True, blank=True, editable=False)
    full_schedule = models.CharField(
        max_length=100,
        blank=True,
        default="",
        validators=[crontab.validate],
        help_text="When full runs start, e.g. 0 2 * * * (every day at 02:00 UTC). Empty: never by themselves.",
    )
    incremental_schedule = models.CharField(
        max_length=100,
        blank=True,
        default="",
        validators=[crontab.validate],
        help_text="When incremental runs start, e.g. */15 * * * * (every quarter of an hour). Empty: never by themselves.",
    )
    scheduled_since = models.DateTimeField(db_default=Now(), editable=False)
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
    median_brake = models.FloatField(
        default=0.3,
        validators=[MinValueValidator(0)],
        help_text="A run that would move the median of what the feed's stones cost by more than this share waits.",
    )
    partial_delay_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(86_400)],
        help_text="How long a run with failed partitions waits for retries. Empty: PARTIAL_DELAY_SECONDS.",
    )
    stale_after_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(525_600)],
        help_text="Older than this it is a problem. Empty: by its schedules, some time after a slot that brought nothing.",
    )
    #: What the supplier was found not to take: notes by way of asking (`ingest.feeds.ways`).
    limits = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    prices = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
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
