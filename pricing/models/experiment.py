"""Experiments: a share of the stones priced by another rule set."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from diamondhub.access.scopes import Scope
from diamondhub.audit.tracking import audited
from diamondhub.states import StateMachine
from pricing.models.rules import RuleSet

EXPERIMENT_STATES = StateMachine(
    {"prepared": frozenset({"running"}), "running": frozenset({"ended"}), "ended": frozenset()}
)


@audited(needs=Scope.PRICING_READ)
class Experiment(models.Model):
    """A share of the stones that another rule set prices, to see what that does to sales. One runs at a time.

    A stone belongs to the share by a hash of its id and the `salt`, so always or never. Stones of the share carry the
    experiment's `slug` in `experiment_arm`; all others are what they are compared with. `results` has what
    was expected, from the start on, and the table of both arms, written when the experiment ends.
    """

    class State(models.TextChoices):
        PREPARED = "prepared"
        RUNNING = "running"
        ENDED = "ended"

    slug = models.SlugField("name", max_length=64, unique=True)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="experiments")
    share = models.DecimalField(
        "share of the stones, %",
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal("99.99"))],
    )
    salt = models.CharField(max_length=32, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.PREPARED, editable=False)
    notes = models.TextField(max_length=4000, blank=True, default="")
    results = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    started_reason = models.CharField(max_length=500, blank=True, default="", editable=False)
    ended_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_reason = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="one_running_experiment"),
            models.CheckConstraint(condition=Q(share__gt=0, share__lt=100), name="experiment_share_sane"),
            models.CheckConstraint(
                condition=Q(state="prepared", started_at__isnull=True, ended_at__isnull=True)
                | Q(state="running", started_at__isnull=False, ended_at__isnull=True)
                | Q(state="ended", started_at__isnull=False, ended_at__isnull=False),
                name="experiment_times_fit_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} ({self.state})"
