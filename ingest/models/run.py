"""Runs: one pull of a feed's window, from plan to published data set."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.audit.tracking import audited
from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField, ScrubbedTextField
from ingest.models.feed import Feed
from ingest.models.pinned import PinnedPricing
from ingest.models.plan import PlanField

RUN_STATES = StateMachine(
    {
        "planning": frozenset({"ingesting", "failed", "cancelled"}),
        "ingesting": frozenset({"settling", "failed", "cancelled"}),
        "settling": frozenset({"ingesting", "consolidating", "in_review", "failed", "cancelled"}),
        "consolidating": frozenset({"completed", "in_review", "failed", "cancelled"}),
        "in_review": frozenset({"settling", "consolidating", "cancelled"}),
        "completed": frozenset({"ingesting"}),
        "failed": frozenset({"ingesting"}),
        "cancelled": frozenset(),
    }
)
#: States in which a run still works or waits; a feed has at most one run in them.
LIVE_STATES = ("planning", "ingesting", "settling", "consolidating", "in_review")


@audited(
    exclude=(
        *("window_from", "window_to", "trace_id", "query_version", "mapper_version", "rule_set", "experiment"),
        *("plan", "crashes", "planning_failures", "summary", "drift", "review", "prices", "census"),
        *("created_at", "finished_at", "archived_at"),
        *(field.name for field in Leased._meta.fields),
    ),
    changes_of=("state", "held", "approved", "approved_by", "decisions", "retries"),
    by_system=False,
    events="RunAction",
)
class Run(Leased, PinnedPricing):
    """One pull of a feed's window.

    The window is `updated` from/to on the supplier's clock, fixed when planning starts. Query, mapper, rule set and
    experiment are pinned when it is created. `plan` is a `RunPlan` (`ingest.models.plan`). Counts are derived from
    partitions, pages and batches; `summary` is written once, at the end. Once a run is archived its pages are gone and
    their sums stand in `summary["ledger"]`. `held` and `approved` say by which brakes a run was held and let go on, and how
    hard each pressed (shares by brake). `review` is what the run found out by itself before it asked anybody; see
    `ingest.review`. `prices` is what the columns of money of its list were found to hold (`ingest.price_meanings`), `census`
    are all rows of its list, counted (`ingest.feeds.census`).

    The audit keeps what somebody does with a run: starts, approves or cancels it, has partitions read again, or changes its
    state by SQL. How it goes on by itself is in `RunEvent`.
    """

    class Kind(models.TextChoices):
        FULL = "full"
        INCREMENTAL = "incremental"

    class State(models.TextChoices):
        PLANNING = "planning"
        INGESTING = "ingesting"
        SETTLING = "settling"
        CONSOLIDATING = "consolidating"
        IN_REVIEW = "in_review"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    feed = models.ForeignKey(Feed, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.PLANNING)
    window_from = models.DateTimeField(null=True, blank=True)
    window_to = models.DateTimeField(null=True, blank=True)
    trace_id = models.CharField(max_length=32)
    started_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True, default="")
    query_version = models.CharField(max_length=50, blank=True, default="")
    mapper_version = models.CharField(max_length=50, blank=True, default="")
    rule_set = models.PositiveIntegerField(help_text="The version of the rule set that prices this run's stones.")
    plan = PlanField()
    crashes = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="How often a stage broke down in a way that nobody foresaw."
    )
    planning_failures = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="How often planning failed by the supplier."
    )
    suspect = ScrubbedCharField(max_length=500, blank=True, default="")
    held = models.JSONField(default=dict, blank=True)
    approved = models.JSONField(default=dict, blank=True)
    review = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    #: What a person decided where a brake asks for more than yes or no; see `ingest.renumbering`.
    decisions = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    prices = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    census = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    approved_by = models.CharField(max_length=150, blank=True, default="")
    retries = models.PositiveIntegerField(default=0, help_text="How often failed partitions were read again.")
    failure = ScrubbedTextField(blank=True, default="")
    summary = models.JSONField(default=dict, blank=True)
    #: What `ingest.drift` counted of the run's stones, and of earlier runs' that it was held against.
    drift = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["feed"], condition=Q(state__in=LIVE_STATES), name="one_live_run_per_feed"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="run_due", condition=Q(state__in=LIVE_STATES)),
            models.Index(fields=["finished_at"], name="run_not_archived", condition=Q(archived_at__isnull=True)),
            # Lists of one state or kind.
            models.Index(fields=["state", "id"], name="run_by_state"),
            models.Index(fields=["kind", "id"], name="run_by_kind"),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    @property
    def live(self) -> bool:
        """Whether the run still works or waits."""
        return self.state in LIVE_STATES


class RunEvent(models.Model):
    """One transition of a run, whoever made it. Only added to."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    from_state = models.CharField(max_length=16, blank=True, default="")
    to_state = models.CharField(max_length=16)
    actor = models.CharField(max_length=150)
    reason = ScrubbedCharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state or '–'} → {self.to_state}"
