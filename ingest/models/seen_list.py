"""Lists that somebody looks at before they are fed."""

from __future__ import annotations

from django.db import models


class SeenList(models.Model):
    """A file that was uploaded to be looked at, kept from one look to the next (`ingest.seen_lists`).

    It is in the database, since the next look may be answered by another host, and goes when it expires.
    """

    name = models.CharField(max_length=200)
    content = models.BinaryField()
    by = models.CharField(max_length=150)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="seen_list_expires")]

    def __str__(self) -> str:
        return self.name
