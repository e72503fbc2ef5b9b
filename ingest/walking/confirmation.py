"""Asking for stones by id: those that no page of a full run showed, though they may be there.

A stone that changed just before the run or under it, that is on hold or was sold is shown by no page. The supplier's answer
tells; what it does not answer is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from django.db.models.functions import Now

from catalog.stock_numbers import ids_of
from diamondhub import leases
from ingest.feeds.adapter import Adapter
from ingest.feeds.ways import Together, Way
from ingest.models import Partition
from ingest.walking.walkers import Walker


class Confirmation(Walker):
    """Asks for stones by id, a page's worth at a time where the supplier takes that."""

    def __init__(self, lease: leases.Lease, partition: Partition, adapter: Adapter) -> None:
        super().__init__(lease, partition, adapter)
        self._travelling: Together[str] = Together(self.ways, Way.IDS_TOGETHER, adapter.page_limit)

    def step(self) -> bool:
        offset = self.partition.next_offset
        chunk: Sequence[str] = self.partition.stone_ids[offset : offset + self.adapter.page_limit]
        if not chunk:
            leases.finish(self.lease, state=Partition.State.COMPLETED, completed_at=Now())
            return True
        observed_at = self.now()
        asked, page = self._travelling.ask(chunk, lambda ids: self.request(lambda: self.adapter.lookup(ids)))
        ledger = self.sort(page, observed_at)
        answered = {item.supplier_stone_id for item in ledger.items}
        unnamed = self._unnamed([stone for stone in chunk[:asked] if stone not in answered], len(ledger.unidentified))
        ledger.unnamed = list(ids_of(self.run.feed.slug, unnamed).values())
        self.commit(page, ledger, offset=offset, next_offset=offset + asked)
        return False

    def may_show_again(self, partition_id: int, place: int) -> bool:
        # What a page showed without an id comes again when its stone is asked for; partitions that ask share no stone.
        return partition_id not in self._asking

    @cached_property
    def _asking(self) -> frozenset[int]:
        asking = Partition.objects.filter(run=self.run, kind=Partition.Kind.CONFIRM)
        return frozenset(asking.values_list("pk", flat=True))

    def _unnamed(self, unanswered: list[str], items: int) -> list[str]:
        """Those of the stones asked for that the supplier knows, though its `items` for them do not say who they are.

        As many items as stones speak for all of them. Of fewer, halves are asked for again until it is known which.
        """
        if not items or items >= len(unanswered):
            return unanswered if items else []
        middle = len(unanswered) // 2
        known = []
        for half in (unanswered[:middle], unanswered[middle:]):
            self.renew()
            self.before_request()
            known += self._unnamed(half, len(self.adapter.lookup(half).items))
        return known
