"""Repricings and the history of prices."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField
from pricing.models.experiment import Experiment
from pricing.models.rules import RuleSet

REPRICING_STATES = StateMachine(
    {"ready": frozenset({"completed", "cancelled"}), "completed": frozenset(), "cancelled": frozenset()}
)


class Repricing(models.Model):
    """A job that prices every stone anew: by a rule set, the experiment that ran then, and the rules in force on a day.

    Its batches are leased and done like those of a consolidation; `changed` diamonds were written, the others were priced
    so already. One is live at a time: a later one supersedes it, which is a cancellation with a reason.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    state = models.CharField(max_length=16, choices=State, default=State.READY)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="repricings")
    experiment = models.ForeignKey(
        Experiment, on_delete=models.PROTECT, related_name="repricings", null=True, blank=True
    )
    as_of = models.DateField()
    cause = models.CharField(max_length=200)
    started_by = models.CharField(max_length=150)
    trace_id = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=150, blank=True, default="")
    cancelled_reason = models.CharField(max_length=500, blank=True, default="")
    dataset_version = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="ready"), name="one_live_repricing"),
        ]

    def __str__(self) -> str:
        return f"Repricing {self.pk}"


class RepricingBatch(Leased):
    """The diamonds of a repricing with ids from `stone_from` up to, but not including, `stone_to`; or only those `named`.

    The first one of a repricing may be the survey that cuts the others.
    """

    class Kind(models.TextChoices):
        SURVEY = "survey"
        RANGE = "range"
        NAMED = "named"

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"

    repricing = models.ForeignKey(Repricing, on_delete=models.CASCADE, related_name="batches")
    ordinal = models.PositiveIntegerField()
    stone_from = models.UUIDField()
    stone_to = models.UUIDField(null=True, blank=True)
    named = ArrayField(models.UUIDField(), null=True, blank=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.RANGE)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    stones = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    repriced = models.PositiveIntegerField(default=0)
    last_error = ScrubbedCharField(max_length=500, blank=True, default="")
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repricing", "ordinal"], name="repricing_batch_once")]
        indexes = [
            models.Index(fields=["repricing", "id"], name="repricing_batch_open", condition=Q(state="ready")),
        ]

    def __str__(self) -> str:
        return f"batch {self.ordinal} of repricing {self.repricing_id}"


class PriceChange(models.Model):
    """One change of one diamond's price: its history. Append-only, in monthly pieces of the table.

    Written by a trigger on the diamonds, or by a repricing in sets; `cause` and `cause_id` say what changed it ("run" 7,
    "repricing" 3, "remap" 2, "replay", or "sql" for a statement by hand), `actor` who. Amounts in cents; rules by number.
    """

    id = models.BigAutoField(primary_key=True)
    diamond_id = models.UUIDField()
    changed_on = models.DateField()
    changed_at = models.DateTimeField()
    old_price_cents = models.BigIntegerField()
    new_price_cents = models.BigIntegerField()
    old_cost_cents = models.BigIntegerField()
    new_cost_cents = models.BigIntegerField()
    old_rule_set = models.BigIntegerField()
    new_rule_set = models.BigIntegerField()
    old_rule = models.BigIntegerField(null=True, blank=True)
    new_rule = models.BigIntegerField(null=True, blank=True)
    old_arm = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - unknown is NULL, as on the diamond
    new_arm = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    cause = models.CharField(max_length=16)
    cause_id = models.BigIntegerField(null=True, blank=True)
    actor = models.CharField(max_length=150)

    class Meta:
        managed = False
        db_table = "pricing_pricechange"
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.old_price_cents} → {self.new_price_cents}"
