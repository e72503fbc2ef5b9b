"""Exports, and the whole stocks that are made again and again."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from diamondhub.access.models import ApiClient
from diamondhub.audit.tracking import audited
from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField

EXPORT_STATES = StateMachine(
    {
        "pending": frozenset({"finished", "failed", "cancelled"}),
        "finished": frozenset({"expired"}),
        "failed": frozenset(),
        "cancelled": frozenset(),
        "expired": frozenset(),
    }
)


class Format(models.TextChoices):
    """How stones are written."""

    NDJSON = "ndjson"
    CSV = "csv"


class Stock(models.Model):
    """A whole stock that clients ask for: everything for sale that those with one view and the same scopes may see.

    A file of it is made when `due_at` is over, as long as somebody asked for it within a day. `client` is who asked last:
    by its view the stones are chosen.
    """

    #: Names view and scopes, see `catalog.exports.asking.seen_as`.
    seen_as = models.CharField(max_length=32)
    format = models.CharField(max_length=8, choices=Format)
    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seen_as", "format"], name="one_stock_a_view")]

    def __str__(self) -> str:
        return f"stock {self.pk} ({self.format})"


@audited(
    exclude=(
        *("lease_owner", "lease_token", "lease_expires_at", "attempts", "due_at", "last_error"),
        *("rows_expected", "rows_written", "rows_taken", "rows_taken_on", "started_at", "file"),
    ),
    part_of="client",
)
class Export(Leased):
    """One search that is to be written to a file, or was.

    `client` asked for it; a file of the whole stock has none, and belongs to all that see the same. `asked` are the filters
    as they were sent. A worker that holds the lease writes aside, and names the file when it finishes the row.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        FINISHED = "finished"
        FAILED = "failed"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="exports", null=True, blank=True)
    stock = models.ForeignKey(Stock, on_delete=models.SET_NULL, related_name="exports", null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    #: What the file may show: view and scopes of whom it is for.
    seen_as = models.CharField(max_length=32)
    format = models.CharField(max_length=8, choices=Format)
    gzip = models.BooleanField()
    #: The names of what is written of each stone, in their order.
    fields = ArrayField(models.CharField(max_length=64))
    asked = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    #: Stones that the snapshot has, and those that are written so far.
    rows_expected = models.PositiveBigIntegerField(null=True, blank=True)
    rows_written = models.PositiveBigIntegerField(default=0)
    #: What was taken of the client's rows of that day (UTC).
    rows_taken = models.PositiveBigIntegerField(default=0)
    rows_taken_on = models.DateField(null=True, blank=True)
    dataset_version = models.BigIntegerField(null=True, blank=True)
    #: Of the file: stones, bytes, SHA-256 in hexadecimal, and its name in the storage.
    rows = models.PositiveBigIntegerField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    file = models.CharField(max_length=200, blank=True, default="")
    #: Why there is no file, in words for the client; what happened in ours.
    reason = models.CharField(max_length=300, blank=True, default="")
    last_error = ScrubbedCharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client"], condition=Q(state="pending") & Q(client__isnull=False), name="one_export_a_client"
            ),
            models.UniqueConstraint(
                fields=["stock"], condition=Q(state="pending") & Q(stock__isnull=False), name="one_export_a_stock"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="export_due", condition=Q(state="pending")),
            models.Index(fields=["expires_at"], name="export_expires", condition=Q(state="finished")),
        ]

    def __str__(self) -> str:
        return f"Export {self.pk}"

    @property
    def shown_state(self) -> str:
        """The state in words for people and clients: what waits for a worker is no other state inside than what runs."""
        is_running = self.state == self.State.PENDING and self.started_at is not None
        return "running" if is_running else str(self.state)

    @property
    def media_type(self) -> str:
        """What the file is."""
        if self.gzip:
            return "application/gzip"
        return "application/x-ndjson" if self.format == Format.NDJSON else "text/csv; charset=utf-8; header=present"

    @property
    def file_name(self) -> str:
        """What the file is called where it is saved."""
        version = self.dataset_version or 0
        return f"diamonds-{self.pk}-v{version}.{self.format}{'.gz' if self.gzip else ''}"
