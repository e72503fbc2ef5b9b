"""Partitions: the slices of a run's window that workers walk."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField, ScrubbedTextField
from ingest.models.run import Run

PARTITION_STATES = StateMachine(
    {
        "ready": frozenset({"completed", "failed", "cancelled"}),
        "failed": frozenset({"ready"}),
        "completed": frozenset(),
        "cancelled": frozenset(),
    }
)


class Partition(Leased):
    """A slice of a run: a range of whole dollars per carat (inclusive; the last one open-ended), or a list of stones.

    With `shares_end` the next range begins at this one's `price_to`, else a dollar above. Prices that are too crowded for
    one partition have several, cut by carats (each begins where the one before ends, or a hundredth above) or, where stones
    cannot be told apart, by offsets: such a slice begins at the stone at `offset_from` and ends where it meets the next one,
    about `offset_to` (None: at the list's end). That ranges do not overlap is an exclusion constraint
    (`partition_no_overlap`), that they tile the axis is checked by a trigger when the run leaves planning
    (`run_partitions_tile`), and they never change afterwards (`partition_range_fixed`); see the migration `0013_planning`.

    Being worked on is not a state but a live lease. `next_offset` moves only in the transaction that stores the page.
    `expected` is the supplier's count of the slice, `recounted` the one taken at its end if they differed, `errors` the
    failures since the last page that went well, `other_requests` those that stored no page (failed ones, steps back,
    recounts), `last_error` what the last failed one ran into (kept when a later one goes well), `missing` the stones
    that the last count names and no read showed. A `confirm` partition asks for the stones in `stone_ids` by id;
    `unnamed` are those (catalogue ids) that the supplier answered with an item that does not say who it is.
    """

    class Kind(models.TextChoices):
        RANGE = "range"
        CONFIRM = "confirm"

    class State(models.TextChoices):
        READY = "ready"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="partitions")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.RANGE)
    ordinal = models.PositiveIntegerField()
    price_from = models.PositiveIntegerField(default=0)
    price_to = models.PositiveIntegerField(null=True, blank=True)
    carats_from = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    carats_to = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    shares_end = models.BooleanField(default=False)
    offset_from = models.PositiveIntegerField(default=0)
    offset_to = models.PositiveIntegerField(null=True, blank=True)
    stone_ids = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    unnamed = ArrayField(models.UUIDField(), default=list, db_default=[], blank=True, editable=False)
    expected = models.PositiveIntegerField()
    recounted = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    next_offset = models.PositiveIntegerField(default=0)
    rereads = models.PositiveSmallIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    other_requests = models.PositiveIntegerField(default=0)
    failure = ScrubbedTextField(blank=True, default="")
    last_error = ScrubbedCharField(max_length=500, blank=True, default="", db_default="")
    last_error_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "ordinal"], name="partition_ordinal"),
            models.CheckConstraint(
                condition=Q(price_to__isnull=True) | Q(price_to__gte=models.F("price_from")),
                name="partition_range_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(offset_to__isnull=True) | Q(offset_to__gt=models.F("offset_from")),
                name="partition_offsets_not_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "due_at"], name="partition_due", condition=Q(state="ready")),
            # Lists of one state; nearly all rows have the one that is left out.
            models.Index(fields=["state", "id"], name="partition_by_state", condition=~Q(state="completed")),
        ]

    def __str__(self) -> str:
        if self.kind == self.Kind.CONFIRM:
            return f"{self.expected} stones by id"
        end = "and above" if self.price_to is None else f"– {self.price_to:,}"
        carats = "" if self.carats_from is None else f", {self.carats_from} – {self.carats_to or '…'} ct"
        return f"${self.price_from:,} {end} per carat{carats}{self._stones}"

    @property
    def _stones(self) -> str:
        if not self.offset_from and self.offset_to is None:
            return ""
        return f", stones {self.offset_from:,} {'and on' if self.offset_to is None else f'– {self.offset_to - 1:,}'}"
