"""The outbox: what people should know, and what became of telling them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from diamondhub.leases import Leased
from diamondhub.states import StateMachine
from diamondhub.telemetry.columns import ScrubbedCharField, ScrubbedTextField


class Event(models.Model):
    """Something that people should know. Written in the transaction that made it true; one per `dedupe_key`."""

    class Severity(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

    dedupe_key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=64)
    severity = models.CharField(max_length=16, choices=Severity)
    subject = ScrubbedCharField(max_length=300)
    details = models.JSONField(default=dict)
    trace_id = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.subject


DELIVERY_STATES = StateMachine(
    {"pending": frozenset({"delivered", "dead"}), "delivered": frozenset(), "dead": frozenset()},
)


class Delivery(Leased):
    """One event on its way through one channel: pending, then delivered or, after a day of trying, dead.

    `tries` and `trying_since` count from when it was last made pending: a delivery that ended forgets both.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=32)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    tries = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    trying_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = ScrubbedTextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["event", "channel"], name="delivery_once_per_channel")]
        indexes = [models.Index(fields=["due_at"], name="delivery_due", condition=Q(state="pending"))]

    def __str__(self) -> str:
        return f"{self.channel}: {self.state}"
