"""API clients and their keys. `clients` creates and changes them, `finding` looks them up at every request."""

from __future__ import annotations

from typing import Literal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, ProhibitNullCharactersValidator
from django.db import models
from django.db.models import Q

from diamondhub.access import people  # noqa: F401 - its models are this app's
from diamondhub.access.scopes import PUBLISHABLE_SCOPES, Scope
from diamondhub.access.sealed import SealedField
from diamondhub.access.throttles.limits import AT_ONCE, MAX_AT_ONCE, MAX_ROWS_A_DAY, ROWS_A_DAY, check_limits
from diamondhub.audit.tracking import audited


class Kind(models.TextChoices):
    """Where keys are kept: on a server that keeps them secret, or in pages that everybody can read."""

    SECRET = "secret", "secret (for servers)"
    PUBLISHABLE = "publishable", "publishable (for browsers)"


@audited()
class ApiClient(models.Model):
    """A program that may call the API: a shop, a pricing tool. It holds scopes, its keys only prove who it is."""

    name = models.CharField(max_length=100, unique=True, validators=[ProhibitNullCharactersValidator()])
    active = models.BooleanField(default=True, help_text="An inactive client is refused, whatever its keys say.")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.SECRET, db_default=Kind.SECRET)
    scopes = ArrayField(models.CharField(max_length=64, choices=[(scope.value, scope.value) for scope in Scope]))
    #: Of a publishable client: the origins of the pages that may use its keys. `origins` has their form.
    origins = ArrayField(models.CharField(max_length=255), default=list, db_default=[], blank=True)
    #: CIDR. Empty: it may call from anywhere.
    networks = ArrayField(models.CharField(max_length=49), default=list, db_default=[], blank=True)
    #: With which of its scopes it must sign its requests. `signatures` asks.
    needs_signature = ArrayField(models.CharField(max_length=64), default=list, db_default=[], blank=True)
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
        constraints = [
            models.CheckConstraint(
                name="apiclient_publishable_reads_only",
                condition=~Q(kind=Kind.PUBLISHABLE)
                | Q(scopes__contained_by=[str(scope) for scope in PUBLISHABLE_SCOPES]),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_authenticated(self) -> Literal[True]:
        """What DRF asks of whom it calls the user of a request."""
        return True

    @property
    def is_publishable(self) -> bool:
        """Whether everybody can read its keys: they are bound to its origins, and open nothing but reading."""
        return self.kind == Kind.PUBLISHABLE


@audited(
    exclude=("secret_hash", "signing_secret", "pepper_version", "pepper_fingerprint", "last_used_at"), part_of="client"
)
class ApiKey(models.Model):
    """One key of a client, kept as a keyed hash: what the client presents is never stored.

    A client may have several keys at once, so that a new one can be rolled out before the old one ends. Audited, but
    neither its hash, which is nobody's business, nor its use, which is no edit.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="keys")
    key_id = models.CharField(max_length=12, unique=True, editable=False)
    #: That of its client when it was issued: a key that was in a page never becomes a secret one.
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.SECRET, db_default=Kind.SECRET, editable=False)
    secret_hash = models.BinaryField(max_length=32)
    #: Of `API_KEY_PEPPERS`, under which it is hashed; 0 is the one made of `SECRET_KEY`, which keys had before.
    pepper_version = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    #: Tells whether that version is still the same pepper; empty for keys from before.
    pepper_fingerprint = models.CharField(max_length=16, default="", db_default="", editable=False, blank=True)
    #: Sealed, as what verifies signatures must be known; None for a key that does not sign. `signing_secrets` opens it.
    signing_secret = SealedField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    #: The key that was issued in its place.
    replaced_by = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replaces")
    #: True to the minute: a busy client does not write at every request.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{'dhp' if self.kind == Kind.PUBLISHABLE else 'dh'}_{self.key_id}_…"


class SpentNonce(models.Model):
    """A nonce of a signed request, kept until nobody would take the request any more. `nonces` writes and forgets them."""

    pk = models.CompositePrimaryKey("key_id", "nonce")
    key_id = models.CharField(max_length=12)
    nonce = models.CharField(max_length=64)
    until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "spent nonce"

    def __str__(self) -> str:
        return f"{self.nonce} of dh_{self.key_id}"


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


class Role(models.Model):
    """A ready-made group that was made once, and the permissions that it was given since (`diamondhub.access.roles`).

    Without a group it is one that people had made, or have deleted.
    """

    name = models.CharField(max_length=150, unique=True)
    group = models.OneToOneField(
        "auth.Group", on_delete=models.SET_NULL, related_name="role", null=True, blank=True, editable=False
    )
    given = ArrayField(models.CharField(max_length=200), default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
