"""The outbox with its channels and rules: what people should know, who is told where, and what became of telling them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q

from diamondhub.access.sealed import SealedField
from diamondhub.audit.tracking import audited
from diamondhub.leases import Leased
from diamondhub.operations.problems.kinds import Severity
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField, ScrubbedTextField

#: Longest name of a channel (characters).
MAX_NAME = 32


class Event(models.Model):
    """One message: something that people should know. Written in the transaction that made it true; one per `dedupe_key`.

    What it says of problems is kept in `items` as it was then, so that a message that is sent late says the same.
    """

    class What(models.TextChoices):
        """What a message does: tells news, tells of problems, or reminds of them."""

        NEWS = "news"
        OPENED = "opened"
        RECURRED = "recurred"
        REMINDER = "reminder"
        ESCALATION = "escalation"
        RESOLVED = "resolved"
        DIGEST = "digest"
        TEST = "test"

    dedupe_key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=64)
    severity = models.CharField(max_length=16, choices=Severity)
    subject = ScrubbedCharField(max_length=300)
    details = models.JSONField(default=dict)
    trace_id = models.CharField(max_length=32, blank=True, default="")
    what = models.CharField(max_length=16, choices=What, default=What.NEWS, db_default=What.NEWS)
    #: The problem that all of it is about, if that is one: mails about it are one thread.
    problem = models.ForeignKey(
        "operations.Problem",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        # Problems are forgotten without asking who refers to them.
        db_constraint=False,
        related_name="messages",
    )
    #: What it says of each problem (`messages.Item`), the most urgent first, and how many more there are.
    items = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    more = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["severity", "id"], name="alert_event_by_severity")]

    def __str__(self) -> str:
        return self.subject


DELIVERY_STATES = StateMachine(
    {
        "pending": frozenset({"delivered", "dead", "withdrawn"}),
        # Somebody has it sent again.
        "delivered": frozenset({"pending"}),
        "dead": frozenset({"pending"}),
        "withdrawn": frozenset({"pending"}),
    },
)


class Delivery(Leased):
    """One message on its way through one channel: pending, then delivered, dead when its receiver refuses it or after three
    days of trying, or withdrawn because what it reminds of was taken care of before it was sent.

    `tries` and `trying_since` count from when it was last made pending: a delivery that ended forgets both. `key` is the
    same in every try, by which receivers know one that they have got already.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"
        WITHDRAWN = "withdrawn"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=MAX_NAME)
    key = models.UUIDField(db_default=RandomUUID(), editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    tries = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    trying_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = ScrubbedTextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["event", "channel"], name="delivery_once_per_channel")]
        indexes = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(fields=["channel", "due_at"], name="delivery_of_channel", condition=Q(state="pending")),
            models.Index(fields=["channel", "finished_at"], name="delivery_dead", condition=Q(state="dead")),
            # Lists of one state; nearly all rows have the one that is left out.
            models.Index(fields=["state", "event"], name="delivery_by_state", condition=~Q(state="delivered")),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.state}"


class ChannelKind(models.TextChoices):
    """The kinds of channels, each a module of `diamondhub.alerts.channels`."""

    EMAIL = "email", "e-mail"
    SLACK = "slack", "Slack"
    WEBHOOK = "webhook", "webhook"
    LOG = "log", "log"


@audited(exclude=("url", "token", "secret"))
class Channel(models.Model):
    """A way to reach people. Those of the environment (`log`, `email`) are none of these rows.

    An address of the web is often all that guards it, so it is sealed and its host alone is shown. The token is bound to the
    host: whoever changes the address to another host must know the token.
    """

    name = models.SlugField(max_length=MAX_NAME, unique=True)
    kind = models.CharField(max_length=16, choices=[choice for choice in ChannelKind.choices if choice[0] != "log"])
    active = models.BooleanField(default=True)
    #: Of e-mail.
    addresses = ArrayField(models.CharField(max_length=254), default=list, blank=True)
    #: Of the others: where to post to.
    url = SealedField(null=True)
    host = models.CharField(max_length=255, blank=True, default="", editable=False)
    #: Of a webhook: what signs its messages (`whsec_…`), a receiver's own key, and the form of its messages.
    secret = SealedField(null=True)
    token = SealedField(null=True, bound_to=("host",))
    #: `Authorization: <scheme> <token>`; empty: the token is in the template alone.
    authorization = models.CharField(max_length=40, blank=True, default="")
    template = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def individually(self) -> bool:
        """Whether it is told of each problem by itself: systems of duty make one incident of one message."""
        return bool(self.template)


class ChannelState(models.Model):
    """How telling on a channel goes, by the channel's name."""

    name = models.CharField(max_length=MAX_NAME, primary_key=True)
    #: Since when nothing was delivered though it was tried.
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_failure = ScrubbedCharField(max_length=500, default="")
    delivered_at = models.DateTimeField(null=True)
    #: Nothing is sent before: it asked for that (`Retry-After`), or it takes one message a second.
    quiet_until = models.DateTimeField(null=True)
    #: Nothing is tried before, since it failed.
    retry_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


@audited(events="AlertRuleEvent")
class Rule(models.Model):
    """Which problems and news are told on which channel, and how. A channel that no rule names is told everything."""

    name = models.CharField(max_length=100, unique=True)
    active = models.BooleanField(default=True)
    channel = models.CharField(max_length=MAX_NAME)
    #: Each empty: all.
    severities = ArrayField(models.CharField(max_length=16, choices=Severity), default=list, blank=True)
    kinds = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    feeds = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    #: How long the first of a kind waits for others, and how long others then wait for more (seconds).
    wait_seconds = models.PositiveIntegerField(default=15)
    interval_seconds = models.PositiveIntegerField(default=300)
    #: How often a critical problem is repeated until somebody takes care of it; 0: never (seconds).
    repeat_seconds = models.PositiveIntegerField(default=3600)
    #: Who is told besides when nobody takes care of it for so long (seconds).
    escalate_to = models.CharField(max_length=MAX_NAME, blank=True, default="")
    escalate_after_seconds = models.PositiveIntegerField(default=1800)
    tell_resolved = models.BooleanField(default=True)
    #: Between these, by the clock of the zone, everything but what is critical is held; both empty: never.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """Something that is to be told on a channel by a rule, at the moment when it is due: the first word of a problem, a
    reminder, an escalation, that it is resolved, or news that quiet hours hold.

    Those with one `group` become one message. Taking care of a problem, or its end, ends in the same transaction what waits.
    """

    class What(models.TextChoices):
        OPENED = "opened"
        RECURRED = "recurred"
        REMINDER = "reminder"
        ESCALATION = "escalation"
        RESOLVED = "resolved"
        NEWS = "news"

    class State(models.TextChoices):
        WAITING = "waiting"
        TOLD = "told"
        ENDED = "ended"

    problem = models.ForeignKey(
        "operations.Problem",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="notices",
    )
    episode = models.PositiveIntegerField(default=0)
    #: News that is held.
    news = models.ForeignKey(Event, null=True, blank=True, on_delete=models.CASCADE, related_name="held")
    rule = models.CharField(max_length=MAX_NAME + 8)
    channel = models.CharField(max_length=MAX_NAME)
    what = models.CharField(max_length=16, choices=What)
    group = models.CharField(max_length=100)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    #: Of `recurred`: how often the problem had occurred when it was told of last.
    counted = models.PositiveBigIntegerField(default=0)
    message = models.ForeignKey(Event, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices")
    why = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["problem", "rule", "channel", "what"],
                condition=Q(state="waiting", problem__isnull=False),
                name="notice_waits_once",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], name="notice_due", condition=Q(state="waiting")),
            models.Index(fields=["rule", "channel", "group"], name="notice_group", condition=Q(state="waiting")),
            models.Index(
                fields=["rule", "channel", "group", "-finished_at"], name="notice_last", condition=Q(state="told")
            ),
            models.Index(fields=["finished_at"], name="notice_finished", condition=~Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.what} on {self.channel}: {self.state}"
