"""The raw store: every changed payload, word for word."""

from __future__ import annotations

from django.db import models


class RawDiamond(models.Model):
    """One stone's payload as the supplier sent it. Append-only.

    The table is range-partitioned by `received_on` (a day); `ingest.raw_store` makes the days ahead, retention drops whole
    ones. The primary key in the database is `(id, received_on)`. `payload` is of type `json`, which keeps the text as it
    came. `payload_hash` is BLAKE2b (16 bytes) of that text. `observed_at` is when the request was sent. A `partition_id` of
    0 marks what no page of the ledger stored: a replayed item, or a live diamond's payload that was carried over from a day
    that was dropped, under its old id.
    """

    id = models.BigAutoField(primary_key=True)
    received_on = models.DateField()
    run_id = models.BigIntegerField()
    partition_id = models.BigIntegerField()
    diamond_id = models.UUIDField()
    supplier_stone_id = models.CharField(max_length=100)
    payload = models.TextField()
    payload_hash = models.BinaryField(max_length=16)
    observed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "ingest_rawdiamond"

    def __str__(self) -> str:
        return f"payload {self.pk} of {self.supplier_stone_id}"
