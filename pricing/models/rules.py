"""Rule sets, their rules and clauses: what a stone's price is made from.

What is published never changes: triggers of the database refuse it, whoever asks (migration `0003_rules`).
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from diamondhub.access.scopes import Scope
from diamondhub.audit.tracking import audited
from diamondhub.states import StateMachine
from pricing.models.limits import MAX_CENTS, percentage

RULE_SET_STATES = StateMachine(
    {
        # A draft that an experiment takes is sealed without ever being published.
        "draft": frozenset({"published", "retired"}),
        "published": frozenset({"retired"}),
        "retired": frozenset({"published"}),
    }
)


@audited(exclude=("compiled", "revision"), needs=Scope.PRICING_READ)
class RuleSet(models.Model):
    """A version of the pricing rules. A published one never changes; exactly one is published at a time.

    The margins are percent on top of cost by stone type: 40 means that a stone that costs 100 dollars sells for 140. No
    stone is sold for less than cost plus `floor_margin`, if there is one. `revision` counts the edits of a draft, so that
    the second of two editors is told. `compiled` is what publishing pinned (see `pricing.compile`). The audit leaves out
    both: the one moves with every edit of a rule, the other follows from the rules.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    margin_natural = percentage("natural margin, %")
    margin_lab_grown = percentage("lab-grown margin, %")
    margin_fancy = percentage("fancy margin, %")
    floor_margin = percentage("floor margin over cost, %", null=True, blank=True)
    notes = models.TextField(max_length=4000, blank=True, default="")
    based_on = models.PositiveIntegerField(null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    compiled = models.JSONField(null=True, blank=True, editable=False)
    created_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    published_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_reason = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-version"]
        permissions = [("publish_ruleset", "Can publish rule sets and run experiments")]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="published"), name="one_published_rule_set"),
            models.CheckConstraint(
                condition=Q(margin_natural__gt=-100, margin_natural__lte=9999)
                & Q(margin_lab_grown__gt=-100, margin_lab_grown__lte=9999)
                & Q(margin_fancy__gt=-100, margin_fancy__lte=9999),
                name="rule_set_margins_sane",
            ),
            models.CheckConstraint(
                condition=Q(floor_margin__isnull=True) | Q(floor_margin__gt=-100, floor_margin__lte=9999),
                name="rule_set_floor_sane",
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(compiled__isnull=False), name="rule_set_compiled_when_sealed"
            ),
        ]

    def __str__(self) -> str:
        return f"Rule set {self.version} ({self.state})"

    @property
    def is_draft(self) -> bool:
        """Whether it may still be edited."""
        return self.state == self.State.DRAFT


@audited(part_of="rule_set", needs=Scope.PRICING_READ)
class Rule(models.Model):
    """One rule of a set: what is added to the base margin of the stones that match any of its clauses.

    Rules are looked at by priority, lower first, and the first that matches wins. `number` is the rule's name through all
    versions of the set: a copy keeps it. The price is cost x (100 + base margin + modifier) / 100, plus `fixed_cents`, and
    then moved to the next price that ends on `ending_cents` in steps of `ending_step_cents`: 9900 in steps of 10000 gives
    99, 199, 299 dollars. Valid on the days from `valid_from` to `valid_to`, both included, in UTC.
    """

    class EndingMode(models.TextChoices):
        NEAREST = "nearest"
        UP = "up"

    rule_set = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="rules")
    number = models.PositiveIntegerField(editable=False)
    priority = models.PositiveIntegerField(help_text="Lower comes first; the first rule that matches wins.")
    name = models.CharField(max_length=200)
    modifier = percentage("modifier, percentage points", lowest="-9999", default=0)
    fixed_cents = models.BigIntegerField("fixed amount, cents", default=0)
    ending_cents = models.PositiveIntegerField("price ending, cents", null=True, blank=True)
    ending_step_cents = models.PositiveIntegerField("in steps of, cents", null=True, blank=True)
    ending_mode = models.CharField("rounded", max_length=8, choices=EndingMode, default=EndingMode.NEAREST)
    rating = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    active = models.BooleanField(default=True)
    notes = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        ordering = ["priority"]
        constraints = [
            # Deferred, so that two rules of a draft can change places.
            models.UniqueConstraint(
                fields=["rule_set", "priority"], name="rule_priority_once", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(fields=["rule_set", "number"], name="rule_number_once"),
            models.CheckConstraint(condition=Q(priority__gte=1, priority__lte=1_000_000), name="rule_priority_sane"),
            models.CheckConstraint(condition=Q(modifier__gte=-9999, modifier__lte=9999), name="rule_modifier_sane"),
            models.CheckConstraint(
                condition=Q(fixed_cents__gte=-MAX_CENTS, fixed_cents__lte=MAX_CENTS), name="rule_fixed_sane"
            ),
            models.CheckConstraint(
                condition=Q(ending_cents__isnull=True, ending_step_cents__isnull=True)
                | Q(
                    ending_cents__isnull=False,
                    ending_step_cents__isnull=False,
                    ending_step_cents__gt=F("ending_cents"),
                    ending_step_cents__lte=MAX_CENTS,
                ),
                name="rule_ending_sane",
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__gte=1, rating__lte=10), name="rule_rating_sane"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="rule_days_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority}: {self.name}"
