"""Subscriptions of API clients to events, and the deliveries that are on their way to them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from diamondhub.access.models import ApiClient
from diamondhub.access.sealed import SealedField
from diamondhub.audit.tracking import audited
from diamondhub.leases import Leased
from diamondhub.telemetry.columns import ScrubbedCharField
from diamondhub.webhooks.events import EventKind

MAX_URL_LENGTH = 500


@audited(
    exclude=(
        "url",
        "secret",
        "previous_secret",
        "previous_secret_until",
        "failing_since",
        "last_failure",
        "quiet_until",
    ),
    part_of="client",
)
class Subscription(models.Model):
    """An address of a client that is told of events. Audited without its secrets, and of its address only with the host:
    the rest of an address is often all that guards it.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=MAX_URL_LENGTH)
    host = models.CharField(max_length=255)
    url_set_at = models.DateTimeField()
    events = ArrayField(models.CharField(max_length=64, choices=EventKind))
    active = models.BooleanField(default=True)
    #: `whsec_…` in UTF-8; null only while the row is being made.
    secret = SealedField(null=True)
    secret_set_at = models.DateTimeField()
    #: The secret before, which signs as well until then.
    previous_secret = SealedField(null=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    #: The moment since which nothing was delivered though it was tried.
    failing_since = models.DateTimeField(null=True, blank=True)
    last_failure = ScrubbedCharField(max_length=500, blank=True, default="")
    #: Until when its receiver asked to be left alone.
    quiet_until = models.DateTimeField(null=True, blank=True, editable=False)
    #: When DiamondHub, or somebody, switched it off, and why.
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = ScrubbedCharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        verbose_name = "webhook"

    def __str__(self) -> str:
        return f"webhook {self.pk} ({self.host})"

    @property
    def problem(self) -> str:
        """What is wrong with it, in words for its owner; empty if nothing is."""
        return self.disabled_reason or self.last_failure


class Delivery(Leased):
    """One event on its way to one subscription: pending, then delivered, dead after days of trying, replaced by a newer one
    of its kind, or dropped because the subscription was switched off or too many waited.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"
        REPLACED = "replaced"
        DROPPED = "dropped"

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    #: `webhook-id`: the same however often it is sent.
    message_id = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=64)
    #: The body as it is signed and sent.
    body = models.TextField()
    #: Of kinds of which only the newest counts: what orders them.
    version = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    tries = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    trying_since = models.DateTimeField(null=True, blank=True, editable=False)
    #: Of the last answer, if there was one.
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = ScrubbedCharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["due_at"], name="webhook_due", condition=Q(state="pending"))]

    def __str__(self) -> str:
        return f"{self.kind}: {self.state}"
