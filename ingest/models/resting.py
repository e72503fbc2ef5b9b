"""Pauses that people order: of a supplier's account, of a feed, of consolidation. What suppliers ask for is in `pause`."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from diamondhub.audit.tracking import audited


@audited()
class Pause(models.Model):
    """A pause, from when it was ordered until its end; `ingest.pausing` orders and ends them, `ingest.resting` reads them.

    It is in force while `ended_at` is empty and `until` is to come, by the database's clock; the sweep writes the end of one
    whose time is over. `name` is the limiter's name of the account, the feed's slug, or nothing.
    """

    class What(models.TextChoices):
        """What rests."""

        ACCOUNT = "account", "Supplier account"
        FEED = "feed"
        CONSOLIDATION = "consolidation"

    what = models.CharField(max_length=20, choices=What.choices)
    name = models.CharField(max_length=100, blank=True, default="")
    reason = models.CharField(max_length=500)
    paused_by = models.CharField("by", max_length=150)
    paused_at = models.DateTimeField("since")
    until = models.DateTimeField()
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    #: Empty for one whose time was over.
    ended_by = models.CharField(max_length=150, blank=True, default="")
    end_reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["what", "name"], condition=Q(ended_at__isnull=True), name="pause_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(until__gt=F("paused_at")), name="pause_ends_later"),
        ]

    def __str__(self) -> str:
        return self.words

    @property
    def words(self) -> str:
        """What rests, in words."""
        if self.what == self.What.CONSOLIDATION:
            return "consolidation"
        return f"{'supplier account' if self.what == self.What.ACCOUNT else 'feed'} {self.name}"

    @property
    def sentence(self) -> str:
        """What is paused until when, by whom and why, as part of a sentence."""
        return f"{self.words} is paused until {self.until:%Y-%m-%d %H:%M} UTC by {self.paused_by}: {self.reason}"
