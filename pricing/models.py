"""Rule sets: what a stone's price is made from."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.states import StateMachine

RULE_SET_STATES = StateMachine(
    {"draft": frozenset({"published"}), "published": frozenset({"retired"}), "retired": frozenset({"published"})}
)


class RuleSet(models.Model):
    """A version of the pricing rules. A published one never changes; exactly one is published at a time.

    The margins are percent on top of cost by stone type: 40 means that a stone that costs 100 dollars sells for 140.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    margin_natural = models.DecimalField("natural margin, %", max_digits=7, decimal_places=3)
    margin_lab_grown = models.DecimalField("lab-grown margin, %", max_digits=7, decimal_places=3)
    margin_fancy = models.DecimalField("fancy margin, %", max_digits=7, decimal_places=3)
    notes = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="published"), name="one_published_rule_set"),
            models.CheckConstraint(
                condition=Q(margin_natural__gt=-100, margin_natural__lte=9999)
                & Q(margin_lab_grown__gt=-100, margin_lab_grown__lte=9999)
                & Q(margin_fancy__gt=-100, margin_fancy__lte=9999),
                name="rule_set_margins_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"Rule set {self.version} ({self.state})"
