"""What operations keep: prunings, problems with what became of them, jobs, workers, counts by the minute, snapshots."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Q, Value, When

from diamondhub.audit.tracking import audited
from diamondhub.leases import Leased
from diamondhub.operations.problems.kinds import Severity
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField, ScrubbedTextField

PRUNING_STATES = StateMachine({"ready": frozenset({"completed"}), "completed": frozenset()})
EXAMINATION_STATES = StateMachine({"ready": frozenset({"completed"}), "completed": frozenset()})
JOB_STATES = StateMachine(
    {
        "ready": frozenset({"completed", "failed", "cancelled"}),
        "completed": frozenset(),
        "failed": frozenset(),
        "cancelled": frozenset(),
    }
)


class Pruning(Leased):
    """One pruning: the sweep makes one a day (`day` is unique, so two beats make one), people any number (`day` is empty).

    `removed` counts what went, by kind. `kept_from` holds by store the moment (ISO 8601, UTC) from which on everything is
    there: `history` for all histories, and what the steps of `retention` say by their names.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"

    day = models.DateField(null=True, blank=True, unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    started_by = models.CharField(max_length=150)
    kept_from = models.JSONField(default=dict, blank=True)
    removed = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Pruning {self.pk}"


class Examination(Leased):
    """One look of the doctor at the deployment: the sweep makes one at `slot` (unique), people any number (`slot` is empty).

    `results` has for each check its name, what it asks, its findings (severity, words, what to do) and what else it saw.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"

    slot = models.DateTimeField(null=True, blank=True, unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    started_by = models.CharField(max_length=150)
    severity = models.CharField(max_length=16, choices=Severity, blank=True, default="")
    results = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-completed_at"], name="examination_newest", condition=Q(state="completed"))]

    def __str__(self) -> str:
        return f"Examination {self.pk}"


@audited(
    exclude=(
        *("where", "subject", "details", "trace_id", "episode", "occurrences", "severity", "place"),
        *("first_seen_at", "last_seen_at", "resolved_at"),
    ),
    changes_of=("acknowledged_by", "acknowledged_until", "resolved_by"),
    creations=False,
    by_system=False,
    events="ProblemAction",
)
class Problem(models.Model):
    """Something that is wrong, or was: one row for each kind and each thing that it is about.

    `first_seen_at` and `occurrences` are those of the current episode, which begins when it is opened (again); its severity
    is the worst of the episode. `place` orders problems: those that are not resolved by their urgency, then all others.
    Audited is what people do about it; all that becomes of it is in `ProblemEvent`.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    #: The `place` of what is resolved; what needs somebody is before it.
    RESOLVED_PLACE = 3

    kind = models.CharField(max_length=64)
    about = models.CharField(max_length=200)
    #: What it occurred at last, if that is not what it is about: the run of a feed.
    where = models.CharField(max_length=200, blank=True, default="")
    severity = models.CharField(max_length=16, choices=Severity)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    subject = ScrubbedCharField(max_length=300)
    details = models.JSONField(default=dict)
    trace_id = models.CharField(max_length=32, blank=True, default="")
    episode = models.PositiveIntegerField(default=1)
    occurrences = models.PositiveBigIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    acknowledged_by = models.CharField(max_length=150, blank=True, default="")
    acknowledged_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    #: Who says so, if somebody did.
    resolved_by = models.CharField(max_length=150, blank=True, default="")
    resolved_why = ScrubbedCharField(max_length=300, blank=True, default="")
    place = models.GeneratedField(
        expression=Case(
            When(state="resolved", then=Value(RESOLVED_PLACE)),
            When(severity="critical", then=Value(0)),
            When(severity="warning", then=Value(1)),
            default=Value(2),
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "about"], name="problem_once_per_thing")]
        indexes = [
            models.Index(fields=["place", "-last_seen_at", "-id"], name="problem_by_place"),
            models.Index(fields=["kind", "place", "-last_seen_at", "-id"], name="problem_by_kind"),
            models.Index(fields=["severity", "place", "-last_seen_at", "-id"], name="problem_by_severity"),
            models.Index(
                fields=["place", "first_seen_at", "kind"], name="problem_unresolved", condition=~Q(state="resolved")
            ),
            models.Index(fields=["acknowledged_until"], name="problem_acknowledged", condition=Q(state="acknowledged")),
            models.Index(fields=["resolved_at"], name="problem_resolved", condition=Q(state="resolved")),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def target(self) -> str:
        """What its links and buttons lead to."""
        return self.where or self.about

    @property
    def lasted(self) -> timedelta:
        """How long its episode lasted, up to the last time that anything was heard of it."""
        return (self.resolved_at or self.last_seen_at) - self.first_seen_at


class ProblemEvent(models.Model):
    """One change of a problem, append-only: opened, worsened, acknowledged, resolved, opened again.

    That it recurred is written down only if it did so at another thing (`where`) than before.
    """

    class What(models.TextChoices):
        OPENED = "opened"
        REOPENED = "reopened"
        WORSENED = "worsened"
        RECURRED = "recurred"
        ACKNOWLEDGED = "acknowledged"
        ACKNOWLEDGEMENT_ENDED = "acknowledgement_ended"
        RESOLVED = "resolved"

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="events")
    episode = models.PositiveIntegerField()
    what = models.CharField(max_length=32, choices=What)
    at = models.DateTimeField()
    where = models.CharField(max_length=200, blank=True, default="")
    by = models.CharField(max_length=150, blank=True, default="")
    note = ScrubbedCharField(max_length=500, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["problem", "-at"], name="problem_event_newest"),
            models.Index(fields=["where"], name="problem_event_where", condition=~Q(where="")),
        ]

    def __str__(self) -> str:
        return f"{self.what}: {self.note}"


class ProblemReport(models.Model):
    """What is to be written to a problem that another transaction is at: nobody waits for that, so nobody waits in a circle.

    Whoever comes to the problem next writes it down there, and the sweep does; see `problems.tracking`.
    """

    kind = models.CharField(max_length=64)
    about = models.CharField(max_length=200)
    #: The arguments of `tracking.occurred`, or of `tracking.resolve`.
    occurred = models.JSONField(null=True)
    resolved = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "about", "id"], name="problem_report_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"


class LookTaken(models.Model):
    """When a look was last taken, on whichever host: two workers do not take it twice."""

    name = models.CharField(max_length=200, primary_key=True)
    taken_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.name} at {self.taken_at:%H:%M:%S}"


class Worker(models.Model):
    """A process that serves or works, or did until lately: it writes its row every few seconds (`operations.workers`).

    `place` is what is the same when it is started again: host, program and queues. `held` is how many tasks it is at.
    `ended` says how it ended: stopped in order, replaced by one at its place, or taken off the list by somebody; who is
    killed says nothing, and is gone when it was not seen for a while. `notes` is what apps have it say besides, by name.
    """

    class Ended(models.TextChoices):
        STOPPED = "stopped"
        REPLACED = "replaced"
        REMOVED = "removed"

    program = models.CharField(max_length=32)
    place = models.CharField(max_length=400)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    pool = models.CharField(max_length=32, blank=True, default="")
    queues = ArrayField(models.CharField(max_length=64), default=list)
    slots = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=dict, db_default={})
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=16, choices=Ended, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["place", "started_at"], name="worker_of_place"),
            models.Index(fields=["seen_at"], name="worker_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.program} on {self.host} (process {self.pid})"


class Measurement(models.Model):
    """What was counted in one minute, of one name with these labels (`operations.measuring`): how many, and their sum."""

    name = models.CharField(max_length=64)
    labels = ArrayField(models.CharField(max_length=100), default=list)
    minute = models.DateTimeField()
    count = models.BigIntegerField(default=0)
    sum = models.FloatField(default=0.0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels", "minute"], name="measurement_once_a_minute")]
        indexes = [models.Index(fields=["name", "minute"], name="measurement_by_minute")]

    def __str__(self) -> str:
        return f"{self.name} {' '.join(self.labels)} at {self.minute:%H:%M}: {self.count}"


class Snapshot(models.Model):
    """What a page that many look at is made of, taken once for all of them (`operations.snapshots`)."""

    name = models.CharField(max_length=64, primary_key=True)
    #: When somebody began to take it anew, and when it was taken.
    begun_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    taken = models.BigIntegerField(default=0)
    body = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.name}, taken {self.taken} times"


@audited(
    exclude=(
        *("lease_owner", "lease_token", "lease_expires_at", "attempts", "due_at", "started_at", "finished_at"),
        *("state", "share", "progress", "memo", "result", "error"),
    ),
    by_system=False,
)
class Job(Leased):
    """Something that a person asked for and that a worker does: one live at a time for each kind and subject.

    `diamondhub.operations.jobs` asks for jobs and works at them. `memo` is what the work has to know to go on where it was,
    `share` (0 to 1) and `progress` say how far it is, `result` is what came of it; `error` says why there is none. Audited:
    that it was asked for and cancelled, not how it went.
    """

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=200, blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    asked_by = models.CharField(max_length=150)
    reason = ScrubbedCharField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    share = models.FloatField(default=0.0)
    progress = ScrubbedCharField(max_length=300, blank=True, default="")
    memo = models.JSONField(default=dict, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = ScrubbedTextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=150, blank=True, default="")
    cancelled_reason = ScrubbedCharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], name="one_live_job", condition=Q(state="ready")),
        ]
        indexes = [
            models.Index(fields=["kind", "subject", "-id"], name="job_newest_of_subject"),
            models.Index(fields=["finished_at"], name="job_finished", condition=~Q(state="ready")),
        ]

    def __str__(self) -> str:
        return f"Job {self.pk}"

    @property
    def live(self) -> bool:
        """Whether it is still to be done, or being done."""
        return self.state in JOB_STATES.live
