"""Secrets of feeds: what a supplier's account or a list's address needs that no form, log or history may show."""

from __future__ import annotations

from django.db import models

from diamondhub.access.sealed import SealedField
from diamondhub.audit.tracking import audited
from ingest.models.feed import Feed


@audited(exclude=("sealed",), part_of="feed")
class FeedSecret(models.Model):
    """One secret of a feed, sealed. `ingest.feed_secrets` sets, removes and opens it.

    It opens only while the feed sends it where it was sent when it was set, which `destination` is the hash of: whoever may
    change a feed's address cannot have its password sent to one of their own. Audited: that it was set, not what it is.
    """

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=20)
    destination = models.CharField(max_length=64)
    sealed = SealedField(bound_to=("feed_id", "name", "destination"))
    set_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feed", "name"], name="feed_secret_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.feed}"
