"""API clients and their keys. `clients` creates them, `authentication` looks them up at every request."""

from __future__ import annotations

from typing import Literal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, ProhibitNullCharactersValidator
from django.db import models

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import AT_ONCE, MAX_AT_ONCE, MAX_ROWS_A_DAY, ROWS_A_DAY, check_limits
from diamondhub.audit.tracking import audited


@audited()
class ApiClient(models.Model):
    """A program that may call the API: a shop, a pricing tool. It holds scopes, its keys only prove who it is."""

    name = models.CharField(max_length=100, unique=True, validators=[ProhibitNullCharactersValidator()])
    active = models.BooleanField(default=True, help_text="An inactive client is refused, whatever its keys say.")
    scopes = ArrayField(models.CharField(max_length=64, choices=[(scope.value, scope.value) for scope in Scope]))
    limits = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_limits],
        help_text="Limits of its own by class, as 20/s burst 60; those of all clients where there is none.",
    )
    max_at_once = models.PositiveSmallIntegerField(
        "requests at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_AT_ONCE)],
        help_text=f"Of all its keys together, or of one visitor of a publishable key. Empty: {AT_ONCE}.",
    )
    max_rows_a_day = models.PositiveBigIntegerField(
        "rows a day",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_ROWS_A_DAY)],
        help_text=f"Rows that it may export a day (UTC); 0: none. Empty: {ROWS_A_DAY:,}.",
    )
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        verbose_name = "API client"

    def __str__(self) -> str:
        return self.name

    @property
    def is_authenticated(self) -> Literal[True]:
        """What DRF asks of whom it calls the user of a request."""
        return True


@audited(exclude=("secret_hash", "last_used_at"), part_of="client")
class ApiKey(models.Model):
    """One key of a client, kept as a keyed hash: what the client presents is never stored.

    A client may have several keys at once, so that a new one can be rolled out before the old one is revoked. Audited, but
    neither its hash, which is nobody's business, nor its use, which is no edit.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="keys")
    key_id = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    #: True to the minute: a busy client does not write at every request.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"dh_{self.key_id}_…"


class RowsTaken(models.Model):
    """Rows that a client has exported on one day (UTC). `throttles.rows` counts them, in one statement each time."""

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="rows_taken", db_index=False)
    day = models.DateField()
    rows = models.PositiveBigIntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "rows taken"
        constraints = [models.UniqueConstraint("client", "day", name="rows_taken_once_a_day")]

    def __str__(self) -> str:
        return f"{self.client_id} on {self.day}: {self.rows:,}"
