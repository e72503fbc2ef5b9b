"""What prices the stones of a job, from its first to its last."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from pricing.compile import Pricing
from pricing.in_force import pinned_pricing


class PinnedPricing(models.Model):
    """Columns of a job that prices all its stones alike; what prices them is read when the job is created."""

    experiment = models.ForeignKey(
        "pricing.Experiment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The experiment that prices its share of these stones.",
    )

    #: Of the job's own model: the version of its rule set, and the moment whose day counts for rules with days.
    rule_set: int
    created_at: datetime

    class Meta:
        abstract = True

    def pricing(self) -> Pricing:
        """What prices the job's stones, whatever has been put in force since."""
        return pinned_pricing(self.rule_set, self.experiment_id, self.created_at)
