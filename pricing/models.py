"""Rule sets, their rules and clauses, and experiments: what a stone's price is made from.

What is published never changes: triggers of the database refuse it, whoever asks (migration `0003_rules`).
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from diamondhub.audit.tracking import audited
from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from pricing.conditions import CONDITIONS, RangeCondition, in_words

RULE_SET_STATES = StateMachine(
    {
        # A draft that an experiment takes is sealed without ever being published.
        "draft": frozenset({"published", "retired"}),
        "published": frozenset({"retired"}),
        "retired": frozenset({"published"}),
    }
)

#: Most rules of a set, most clauses of a rule, most names of a list.
MOST_RULES, MOST_CLAUSES, MOST_NAMES = 1_000, 50, 500
#: Fixed amounts and price endings stay within a million dollars (cents).
MOST_CENTS = 10**8
#: No stone costs more than a billion dollars (cents): prices stay far within the database's integers.
MOST_COST_CENTS = 10**11


def _percentage(label: str, *, lowest: str = "-99.999", **options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        label,
        max_digits=7,
        decimal_places=3,
        validators=[MinValueValidator(Decimal(lowest)), MaxValueValidator(9999)],
        **options,
    )


@audited(exclude=("compiled", "revision"))
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
    margin_natural = _percentage("natural margin, %")
    margin_lab_grown = _percentage("lab-grown margin, %")
    margin_fancy = _percentage("fancy margin, %")
    floor_margin = _percentage("floor margin over cost, %", null=True, blank=True)
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


@audited(part_of="rule_set")
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
    modifier = _percentage("modifier, percentage points", lowest="-9999", default=0)
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
                condition=Q(fixed_cents__gte=-MOST_CENTS, fixed_cents__lte=MOST_CENTS), name="rule_fixed_sane"
            ),
            models.CheckConstraint(
                condition=Q(ending_cents__isnull=True, ending_step_cents__isnull=True)
                | Q(
                    ending_cents__isnull=False,
                    ending_step_cents__isnull=False,
                    ending_step_cents__gt=F("ending_cents"),
                    ending_step_cents__lte=MOST_CENTS,
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


def _names(label: str) -> ArrayField[Any, Any]:
    return ArrayField(models.CharField(max_length=200), verbose_name=label, size=MOST_NAMES, default=list, blank=True)


def _none_of() -> models.BooleanField[Any, Any]:
    return models.BooleanField("none of these", default=False)


def _grade(label: str, grades: type[IntEnum]) -> models.PositiveSmallIntegerField[Any, Any]:
    choices = [(grade.value, grade.name.replace("_", " ")) for grade in grades if grade != Color.FANCY]
    return models.PositiveSmallIntegerField(label, null=True, blank=True, choices=choices)


def _cents(label: str) -> models.BigIntegerField[Any, Any]:
    bounds = [MinValueValidator(0), MaxValueValidator(MOST_COST_CENTS)]
    return models.BigIntegerField(label, null=True, blank=True, validators=bounds)


def _measure(label: str, digits: int, places: int) -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        label, max_digits=digits, decimal_places=places, null=True, blank=True, validators=[MinValueValidator(0)]
    )


def _in_order(name: str) -> models.CheckConstraint:
    """Bounds of a range are no less than 0 and in order; infinity is refused, as PostgreSQL's NaN, its greatest number."""
    low, high = f"{name}_min", f"{name}_max"
    most = 10**12
    return models.CheckConstraint(
        condition=(Q(**{f"{low}__isnull": True}) | Q(**{f"{low}__gte": 0, f"{low}__lt": most}))
        & (Q(**{f"{high}__isnull": True}) | Q(**{f"{high}__gte": 0, f"{high}__lt": most}))
        & (Q(**{f"{low}__isnull": True}) | Q(**{f"{high}__isnull": True}) | Q(**{f"{low}__lte": F(high)})),
        name=f"clause_{name}_sane",
    )


@audited(part_of="rule")
class Clause(models.Model):
    """One way to match a rule: every condition that is set must hold, and one that sets none matches every stone.

    `pricing.conditions` says what each column asks; it has a condition for every one of them, and nothing else.
    """

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="clauses")
    stone_types = _names("stone types")
    stone_types_excluded = _none_of()
    shapes = _names("shapes")
    shapes_excluded = _none_of()
    labs = _names("labs")
    labs_excluded = _none_of()
    feeds = _names("feeds")
    feeds_excluded = _none_of()
    suppliers = _names("suppliers")
    suppliers_excluded = _none_of()
    fancy_colors = _names("fancy colours")
    fancy_colors_excluded = _none_of()
    color_min = _grade("colour, best", Color)
    color_max = _grade("colour, worst", Color)
    clarity_min = _grade("clarity, best", Clarity)
    clarity_max = _grade("clarity, worst", Clarity)
    cut_min = _grade("cut, best", Finish)
    cut_max = _grade("cut, worst", Finish)
    polish_min = _grade("polish, best", Finish)
    polish_max = _grade("polish, worst", Finish)
    symmetry_min = _grade("symmetry, best", Finish)
    symmetry_max = _grade("symmetry, worst", Finish)
    fluorescence_min = _grade("fluorescence, weakest", Fluorescence)
    fluorescence_max = _grade("fluorescence, strongest", Fluorescence)
    fancy_intensity_min = _grade("fancy intensity, faintest", FancyIntensity)
    fancy_intensity_max = _grade("fancy intensity, deepest", FancyIntensity)
    carats_min = _measure("carats from", 8, 3)
    carats_max = _measure("carats to", 8, 3)
    cost_cents_min = _cents("cost from, cents")
    cost_cents_max = _cents("cost to, cents")
    cost_per_carat_cents_min = _cents("cost per carat from, cents")
    cost_per_carat_cents_max = _cents("cost per carat to, cents")
    ratio_min = _measure("ratio from", 7, 3)
    ratio_max = _measure("ratio to", 7, 3)
    table_pct_min = _measure("table from, %", 6, 2)
    table_pct_max = _measure("table to, %", 6, 2)
    depth_pct_min = _measure("depth from, %", 6, 2)
    depth_pct_max = _measure("depth to, %", 6, 2)
    has_image = models.BooleanField("with an image", null=True, blank=True)
    has_video = models.BooleanField("with a video", null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [_in_order(one.name) for one in CONDITIONS if isinstance(one, RangeCondition)]

    def __str__(self) -> str:
        return in_words(self)


EXPERIMENT_STATES = StateMachine(
    {"prepared": frozenset({"running"}), "running": frozenset({"ended"}), "ended": frozenset()}
)


@audited()
class Experiment(models.Model):
    """A share of the stones that another rule set prices, to see what that does to sales. One runs at a time.

    A stone belongs to the share by a hash of its id and the `salt`, so always or never. Stones of the share carry the
    experiment's `slug` in `experiment_arm`; all others are what they are compared with. `results` is the table of both,
    written when the experiment ends.
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
    last_error = models.CharField(max_length=500, blank=True, default="")
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
