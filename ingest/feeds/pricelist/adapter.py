"""The price-list adapter: a CSV file, by path or by address, as planner, walk and consolidation see a supplier.

A run reads one snapshot of the list, whatever becomes of the file meanwhile. All that a run tells an adapter is its
window, whose end is the supplier's clock at the start: here the list's own date, with the snapshot's mark as its
microseconds. Every run reads the whole list, an incremental one, too: rows that did not change cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import perf_counter

from catalog.rows import StoneFacts
from ingest.feeds.adapter import Look, StoneIdentity, StoneQuery, SupplierPage
from ingest.feeds.census import Census
from ingest.feeds.pricelist import outside
from ingest.feeds.pricelist.mapping import MAPPER_VERSION, Mapper
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.proof import refuse_change
from ingest.feeds.pricelist.snapshot import Snapshot
from ingest.feeds.pricelist.spool import Spool
from ingest.feeds.pricelist.transports.uploaded import NothingUploaded
from ingest.feeds.verdicts import Verdict

QUERY_VERSION = "pricelist-snapshot-1"
#: Rows in a page: few transactions, and a page of the widest rows still is a few megabytes.
PAGE_LIMIT = 500
#: Counts in one request; they are all answered at home.
COUNTS = 500


class PricelistAdapter:
    """One feed's price list; see `ingest.feeds.adapter.Adapter`. Nobody's limiter is asked: a run fetches one file."""

    page_limit = PAGE_LIMIT
    answers_by_id = True
    query_version = QUERY_VERSION
    mapper_version = MAPPER_VERSION

    def __init__(self, parameters: Parameters, spool: Spool, *, band_factor: float = 1.0) -> None:
        self.counts_per_request = COUNTS
        self._spool = spool
        self._parameters = parameters
        self._mapper = Mapper(parameters, band_factor=band_factor)

    def server_time(self) -> datetime:
        """The date of the list as it is now, which is read anew, marked with its snapshot."""
        snapshot = self._spool.newest()
        assert snapshot.modified is not None
        return snapshot.modified.replace(microsecond=snapshot.mark)

    def verdict(self, window_to: datetime, before: Verdict) -> Verdict:
        """What the columns of money of a run's list hold; see `ingest.feeds.adapter.Proving`."""
        verdict = self._spool.marked(window_to.microsecond).verdict()
        refuse_change(before, verdict, self._parameters)
        outside.refuse_change(before, verdict, self._parameters)
        return verdict

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        """The number of rows in each slice."""
        if not queries:
            return []
        counts = iter(self._snapshot(queries[0]).count([query for query in queries if not _is_over(query)]))
        return [0 if _is_over(query) else next(counts) for query in queries]

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        """Up to `limit` rows of a slice from `offset` on; a look behind costs nothing here, so nobody needs it."""
        started = perf_counter()
        items = [] if _is_over(query) else self._snapshot(query).page(query, offset, limit)
        return SupplierPage(items, None, perf_counter() - started)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        """The rows with these stock numbers in the newest snapshot."""
        started = perf_counter()
        return SupplierPage(self._spool.any().lookup(supplier_stone_ids), None, perf_counter() - started)

    def census(self, window_to: datetime) -> Census:
        """All rows of a run's list, counted; see `ingest.feeds.adapter.Counted`."""
        return self._spool.marked(window_to.microsecond).census()

    def try_sign_in(self, seconds: float) -> str:
        """Look at the list's beginning; see `ingest.feeds.adapter.Trying`. There is no limiter that would be asked."""
        try:
            layout = self._spool.look(seconds)
        except NothingUploaded:
            return "no list has been uploaded yet: that is done on the feed's page"
        columns = len(layout.headers)
        return f"the list is there, {layout.described}, with {columns} columns, stock number and price among them"

    def identify(self, item: bytes) -> StoneIdentity:
        """The identity of a row."""
        return self._mapper.identify(item)

    def to_diamond(self, item: bytes) -> StoneFacts:
        """A row in the catalogue's terms."""
        return self._mapper.to_diamond(item)

    def look(self, item: bytes) -> Look:
        """The unknown of a row."""
        return self._mapper.look(item)

    def _snapshot(self, query: StoneQuery) -> Snapshot:
        return self._spool.any() if query.window_to is None else self._spool.marked(query.window_to.microsecond)


def _is_over(query: StoneQuery) -> bool:
    """Whether a window is empty: the list is older than what the catalogue has from a newer one."""
    return query.window_from is not None and query.window_to is not None and query.window_from >= query.window_to
