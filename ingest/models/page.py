"""The ledger of pages: what each request of a walk brought."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ingest.models.partition import Partition


class Page(models.Model):
    """One page that was received and stored; written with its rows and the partition's next offset, or not at all.

    `received = stored + unchanged + repeats + dead`. `stone_ids` are the catalogue ids of all identified items, in order;
    `reread` says which reading of the partition it belongs to. `observed_at` is when the request was sent, by the
    database's clock.
    """

    run_id = models.BigIntegerField()
    partition = models.ForeignKey(Partition, on_delete=models.CASCADE, related_name="pages")
    reread = models.PositiveSmallIntegerField(default=0)
    offset = models.PositiveIntegerField()
    received = models.PositiveIntegerField()
    stored = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    repeats = models.PositiveIntegerField()
    dead = models.PositiveIntegerField()
    stone_ids = ArrayField(models.UUIDField())
    observed_at = models.DateTimeField()
    elapsed_ms = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["run_id"], name="page_run")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    received=models.F("stored") + models.F("unchanged") + models.F("repeats") + models.F("dead")
                ),
                name="page_balances",
            )
        ]

    def __str__(self) -> str:
        return f"{self.received} from offset {self.offset}"
