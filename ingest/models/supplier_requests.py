"""Requests to suppliers, counted: how many, and how many of them failed or were refused for being too many."""

from __future__ import annotations

from django.db import models

from diamondhub.telemetry.columns import ScrubbedCharField


class SupplierRequests(models.Model):
    """The requests of ten seconds to one account (the name of its limiter), which `at` begins. All processes add to it."""

    account = models.CharField(max_length=100)
    at = models.DateTimeField()
    requests = models.PositiveIntegerField(default=0)
    throttled = models.PositiveIntegerField(default=0)
    #: No answer, or one that is none; those that were refused for being too many are not among them.
    failed = models.PositiveIntegerField(default=0)
    #: Those of them that no answer followed, as far as it was written.
    failed_at_the_end = models.PositiveIntegerField(default=0, db_default=0)
    last_error = ScrubbedCharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name_plural = "supplier requests"
        constraints = [models.UniqueConstraint(fields=["account", "at"], name="supplier_requests_once")]
        indexes = [models.Index(fields=["at"], name="supplier_requests_at")]

    def __str__(self) -> str:
        return f"{self.requests} to {self.account} from {self.at:%H:%M:%S} on"
