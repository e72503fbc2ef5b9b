"""Dead letters: what could not be processed, why, what was tried since, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import MD5

from diamondhub.access.scopes import Scope
from diamondhub.audit.tracking import audited
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField
from ingest.models.feed import Feed
from ingest.models.run import Run

#: States in which a letter waits for somebody; "parked" ones failed so often that only force replays them.
WAITING = ("open", "parked")
DEAD_LETTER_STATES = StateMachine(
    {
        "open": frozenset({"replayed", "discarded", "superseded", "parked"}),
        "parked": frozenset({"replayed", "discarded", "superseded"}),
        "replayed": frozenset(),
        "discarded": frozenset(),
        "superseded": frozenset(),
    }
)


@audited(
    exclude=(
        *("payload", "exact", "partition_id", "batch_id", "raw_id", "observed_at", "query_version", "mapper_version"),
        *("rule_set", "attempts", "last_error", "seen", "trace_id", "created_at"),
    ),
    creations=False,
    changes_of=("state", "stones", "closed_at", "closed_by", "closed_reason"),
    # Reasons quote what a supplier sent.
    needs=Scope.PRICING_READ,
)
class DeadLetter(models.Model):
    """One thing that could not be processed: a page, an item of a page, a stone, a batch or a message.

    `fingerprint` groups letters of one cause (kind, field and the reason without its values); field and reason are those of
    the last attempt. `payload` is the text that could not be processed; `exact` says whether it is so word for word, or cut
    or escaped. `raw_id` and `observed_at` place a stone's payload in time: an older one never overwrites a newer one.
    `stones` is how many stones hang on the letter, `attempts` how often it was replayed in vain, `seen` how often the same
    thing came again. A superseded letter is obsolete: the supplier has shown the stone anew since, or not any more.

    The audit keeps what becomes of a letter: its states, who closed it and why, and that it was thrown away. It leaves out
    payloads; that a letter was written, which the letter says itself and which a bad run does by the thousand; and attempts
    in vain, which have a table of their own.
    """

    class Kind(models.TextChoices):
        PAGE = "page"
        ITEM = "item"
        STONE = "stone"
        BATCH = "batch"
        MESSAGE = "message"

    class State(models.TextChoices):
        OPEN = "open"
        PARKED = "parked"
        REPLAYED = "replayed"
        DISCARDED = "discarded"
        SUPERSEDED = "superseded"

    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="dead_letters", null=True, blank=True)
    # Its index is `dead_letter_run`.
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="dead_letters", null=True, blank=True, db_index=False
    )
    partition_id = models.BigIntegerField(null=True, blank=True)
    batch_id = models.BigIntegerField(null=True, blank=True)
    diamond_id = models.UUIDField(null=True, blank=True)
    supplier_stone_id = models.CharField(max_length=100, blank=True, default="")
    raw_id = models.BigIntegerField(null=True, blank=True)
    observed_at = models.DateTimeField(null=True, blank=True)
    stones = models.PositiveIntegerField(default=1)
    fingerprint = models.CharField(max_length=32)
    field = models.CharField(max_length=100, blank=True, default="")
    reason = ScrubbedCharField(max_length=500)
    payload = models.TextField()
    exact = models.BooleanField(default=True)
    query_version = models.CharField(max_length=50, blank=True, default="")
    mapper_version = models.CharField(max_length=50, blank=True, default="")
    rule_set = models.PositiveIntegerField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = ScrubbedCharField(max_length=500, blank=True, default="")
    seen = models.PositiveIntegerField(default=1)
    trace_id = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True, default="")
    closed_reason = ScrubbedCharField(max_length=500, blank=True, default="")

    class Meta:
        permissions = [
            ("replay_deadletter", "Can replay dead letters"),
            ("discard_deadletter", "Can discard dead letters"),
        ]
        indexes = [
            models.Index(fields=["run"], name="dead_letter_run"),
            # Whether the run was shown the very item before.
            models.Index(F("run"), MD5("payload"), name="dead_letter_item", condition=Q(kind="item")),
            models.Index(fields=["fingerprint", "id"], name="dead_letter_fingerprint", condition=Q(state__in=WAITING)),
            # Lists of one cause, state or kind, of all letters.
            models.Index(fields=["fingerprint", "-id"], name="dead_letter_of_cause"),
            models.Index(fields=["state", "id"], name="dead_letter_by_state"),
            models.Index(fields=["kind", "id"], name="dead_letter_by_kind"),
            models.Index(fields=["diamond_id"], name="dead_letter_stone", condition=Q(state__in=WAITING)),
            models.Index(fields=["closed_at"], name="dead_letter_closed", condition=Q(closed_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=WAITING, closed_at__isnull=True)
                | (~Q(state__in=WAITING) & Q(closed_at__isnull=False) & ~Q(closed_by="") & ~Q(closed_reason="")),
                name="dead_letter_closed_says_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.supplier_stone_id or self.kind}: {self.reason}"

    @property
    def waiting(self) -> bool:
        """Whether the letter still waits for somebody."""
        return self.state in WAITING


class DeadLetterAttempt(models.Model):
    """One thing that somebody did about a dead letter, and what came of it. Append-only.

    The table is range-partitioned by `made_on` (a month, see `ingest.dead_letters.ATTEMPTS`); the primary key in the
    database is `(id, made_on)`. `letter_id` is a plain number: months are dropped whole.
    """

    class Outcome(models.TextChoices):
        INSERTED = "inserted"
        UPDATED = "updated"
        UNCHANGED = "unchanged"
        SUPERSEDED = "superseded"
        ASKED_AGAIN = "asked_again"
        FAILED = "failed"
        PARKED = "parked"
        DISCARDED = "discarded"

    id = models.BigAutoField(primary_key=True)
    made_on = models.DateField()
    letter_id = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    outcome = models.CharField(max_length=16, choices=Outcome)
    reason = ScrubbedCharField(max_length=500, blank=True, default="")
    mapper_version = models.CharField(max_length=50, blank=True, default="")
    rule_set = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        managed = False
        db_table = "ingest_deadletterattempt"

    def __str__(self) -> str:
        return f"{self.outcome} by {self.actor}"
