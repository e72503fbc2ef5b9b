"""What the API keeps of itself: requests that act, by the keys that their clients gave them."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from diamondhub.access.models import ApiClient


class IdempotentRequest(models.Model):
    """A request with an `Idempotency-Key` that did what it asked for, and its answer.

    It is written in the transaction of what was done, so it is there if and only if that was done. What is done elsewhere,
    an order at a supplier, has no transaction with us: its row is there before it is asked for, without an answer until
    there is one. `fingerprint` is the SHA-256 of what was asked: the same key for something else is the client's mistake.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    operation = models.CharField(max_length=100)
    fingerprint = models.BinaryField(max_length=32)
    #: Null: nobody knows how it ended, and until `begun_until` somebody may be at it.
    status = models.PositiveSmallIntegerField(null=True)
    begun_until = models.DateTimeField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="idempotentrequest_one_for_each_key")]

    def __str__(self) -> str:
        return f"{self.operation} by {self.client_id}: {self.key[:60]}"
