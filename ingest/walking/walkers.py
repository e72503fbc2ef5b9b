"""Reading what a leased partition asks for, page by page, until an empty page.

A walker fetches with no transaction open, and commits raw rows, ledger and next offset together, guarded by its fencing
token and the offset it started from. What happens to the offset is decided by `ingest.walking.footing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Now

from catalog.stock_numbers import ids_of
from diamondhub import leases
from diamondhub.database import release_connection
from diamondhub.telemetry import tracing
from ingest import dead_letters, raw_store, resting
from ingest.draining import draining
from ingest.errors import (
    MappingError,
    SupplierTooSlow,
    TransientSupplierError,
)
from ingest.feeds.adapter import Adapter, StoneQuery, SupplierPage
from ingest.feeds.ways import FeedWays, Way
from ingest.models import Page, Partition, Run
from ingest.walking import slices
from ingest.walking.footing import Footing, Verdict, union

log = structlog.get_logger(__name__)

#: How often a partition that ends off its count is read again from the beginning.
REREADS = 2
#: A reading that takes this many times the requests it should has lost its way.
RUNAWAY_FACTOR, RUNAWAY_ALLOWANCE = 4, 200


@dataclass(frozen=True, slots=True)
class _Unidentified:
    """An item that does not say who it is, and its place on the page."""

    place: int
    payload: bytes
    error: MappingError


@dataclass(slots=True)
class _Ledger:
    """A page's items, sorted by the place that they go to."""

    items: list[raw_store.Received]
    unidentified: list[_Unidentified]
    observed_at: datetime
    #: Stones asked for by id (catalogue ids) that the supplier answered with an item that does not say who it is.
    unnamed: list[UUID] = field(default_factory=list)


class Walker:
    """The common ground of reading a range and asking for stones by id: the clock, the ledger and the commit."""

    def __init__(self, lease: leases.Lease, partition: Partition, adapter: Adapter) -> None:
        self.lease = lease
        self.partition = partition
        self.run: Run = partition.run
        self.adapter = adapter
        #: The database's clock when the lease was last granted or renewed, and the same moment on our own.
        self._anchor = (lease.granted_at, monotonic())
        self._other_requests = 0
        self._asked_in_step = 0
        self.ways = FeedWays(self.run.feed, lease.granted_at)
        #: Everything that this partition's pages have shown so far, earlier readings included, and how many items besides
        #: that do not say who they are.
        pages = Page.objects.filter(partition=partition)
        self.shown = union(pages.values_list("stone_ids", flat=True))
        self.unidentified: int = pages.aggregate(dead=Sum("dead"))["dead"] or 0

    def walk(self, end: float) -> bool:
        """Read until the partition is over (True) or the time slice is (False)."""
        while True:
            self._asked_in_step = 0
            with tracing.sampled("page", self.run.trace_id, run_id=self.run.pk, partition_id=self.partition.pk):
                is_over = self.step()
            if is_over:
                return True
            if draining.is_set() or (monotonic() >= end and self.may_rest()) or self.makes_way():
                return False

    def may_rest(self) -> bool:
        """Whether another walker can go on from here. A supplier may take longer for a request than a slice lasts."""
        return True

    def makes_way(self) -> bool:
        """Whether another partition should be walked first, time slice or not."""
        return False

    def step(self) -> bool:
        """Make one request; True if the partition is over."""
        raise NotImplementedError

    def request(self, ask: Callable[[], SupplierPage]) -> SupplierPage:
        """Make a request that may be one of several in a step: from the second on the lease is renewed for each."""
        if self._asked_in_step:
            self.renew()
        self._asked_in_step += 1
        self.before_request()
        return ask()

    def before_request(self) -> None:
        """Called before every request, whatever it asks. Raises `Paused`: the partition is given back as it is."""
        resting.go_on(self.run.feed)
        # The connection goes back to the pool while the supplier takes its time.
        release_connection()

    def now(self) -> datetime:
        """The database's time, without asking it again."""
        at, mark = self._anchor
        return at + timedelta(seconds=monotonic() - mark)

    def sort(self, page: SupplierPage, observed_at: datetime) -> _Ledger:
        """Identify the items of a page; those that do not say who they are are kept apart."""
        ledger = _Ledger([], [], observed_at)
        identified: list[tuple[str, bytes]] = []
        for place, payload in enumerate(page.items):
            try:
                payload.decode("utf-8")
                identity = self.adapter.identify(payload)
            except UnicodeDecodeError as error:
                reason = f"is not UTF-8: {error.reason}"
                ledger.unidentified.append(_Unidentified(place, payload, MappingError("item", reason)))
            except MappingError as error:
                ledger.unidentified.append(_Unidentified(place, payload, error))
            else:
                identified.append((identity.supplier_stone_id, payload))
        ids = ids_of(self.run.feed.slug, {name for name, _ in identified})
        ledger.items = [
            raw_store.Received(ids[name], name, payload, raw_store.payload_hash(payload))
            for name, payload in identified
        ]
        return ledger

    def commit(self, page: SupplierPage, ledger: _Ledger, *, offset: int, next_offset: int) -> None:
        """Store a page: rows, ledger and next offset in one transaction. Raises `LeaseLost` and then stores nothing."""
        with transaction.atomic():
            self._move_to(next_offset)
            sorted_items = raw_store.sort_received(self.run.pk, ledger.items, shown=self.shown)
            raw_store.store(self.run.pk, self.partition.pk, ledger.observed_at, sorted_items.new)
            new = self._new_unidentified(ledger.unidentified, offset)
            for item in new:
                dead_letters.record_item(
                    self.run, self.partition.pk, ledger.observed_at, payload=item.payload, error=item.error
                )
            if ledger.unnamed:
                Partition.objects.filter(pk=self.partition.pk).update(
                    unnamed=[*self.partition.unnamed, *ledger.unnamed]
                )
                self.partition.unnamed.extend(ledger.unnamed)
            Page.objects.create(
                run_id=self.run.pk,
                partition=self.partition,
                reread=self.partition.rereads,
                offset=offset,
                received=len(page.items),
                stored=len(sorted_items.new),
                unchanged=sorted_items.unchanged,
                repeats=sorted_items.repeats + len(ledger.unidentified) - len(new),
                dead=len(new),
                stone_ids=[item.diamond_id for item in ledger.items],
                observed_at=ledger.observed_at,
                elapsed_ms=int(page.elapsed * 1000),
                created_at=Now(),
            )
        self.shown.update(item.diamond_id for item in ledger.items)
        self.unidentified += len(new)
        self.partition.next_offset = next_offset
        self._other_requests = 0

    def _new_unidentified(self, items: Sequence[_Unidentified], offset: int) -> list[_Unidentified]:
        """Those of a page's items that no letter speaks of yet: a stone that is seen again must not count twice."""
        if not items:
            return []
        marks = {item.place: dead_letters.item_mark(item.payload) for item in items}
        recorded = dead_letters.items_recorded(self.run, marks.values())
        new = []
        for item in items:
            letters = recorded.get(marks[item.place], Counter())
            place = offset + item.place
            seen_by = next((pk for pk, n in letters.items() if n and pk and self.may_show_again(pk, place)), None)
            if seen_by is None:
                new.append(item)
            else:
                # Of equal items so many are the same ones as there are letters.
                letters[seen_by] -= 1
        return new

    def may_show_again(self, partition_id: int, place: int) -> bool:
        """Whether the item at this place of what is read now may be one that the other partition was shown."""
        raise NotImplementedError

    def _move_to(self, next_offset: int) -> None:
        """Move the offset and renew the lease, if this walker still holds it. Locks the partition's row."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE ingest_partition
                SET next_offset = %(next)s,
                    errors = 0,
                    other_requests = other_requests + %(other)s,
                    lease_expires_at = clock_timestamp() + %(seconds)s * interval '1 second'
                WHERE id = %(id)s
                    AND lease_token = %(token)s
                    AND next_offset = %(offset)s
                    AND state = 'ready'
                    AND lease_expires_at IS NOT NULL
                RETURNING clock_timestamp()
                """,
                {
                    "next": next_offset,
                    "other": self._other_requests,
                    "seconds": settings.PARTITION_LEASE_SECONDS,
                    "id": self.partition.pk,
                    "token": self.lease.token,
                    "offset": self.partition.next_offset,
                },
            )
            row = cursor.fetchone()
        if row is None:
            raise leases.LeaseLost
        self._anchor = (row[0], monotonic())

    def renew(self) -> None:
        """Keep the lease for a request that stores nothing."""
        self._anchor = (leases.renew(self.lease, seconds=settings.PARTITION_LEASE_SECONDS), monotonic())
        self._other_requests += 1


class Reading(Walker):
    """Reads a price range page by page, on sure footing."""

    def __init__(self, lease: leases.Lease, partition: Partition, adapter: Adapter) -> None:
        super().__init__(lease, partition, adapter)
        self.query = query_of(partition)
        pages = Page.objects.filter(partition=partition, reread=partition.rereads)
        seen = union(pages.values_list("stone_ids", flat=True)) if partition.rereads else set(self.shown)
        self.slice = slices.is_slice(partition)
        self.footing = Footing(
            adapter.page_limit,
            partition.next_offset,
            # A slice ends where it meets the next one, not at a number.
            expected=-1 if self.slice else partition.expected,
            seen=seen,
            # Read again, it is read from the front of the list.
            start=0 if partition.rereads else partition.offset_from,
        )
        self._requests = 0

    def step(self) -> bool:
        if self.footing.lost:
            log.warning("slice_begins_again", offset_from=self.partition.offset_from)
            self._read_again()
        offset = self.footing.next_offset()
        self._requests += 1
        stones = self.partition.offset_from + self.partition.expected
        if self._requests > RUNAWAY_ALLOWANCE + RUNAWAY_FACTOR * stones / self.adapter.page_limit:
            raise TransientSupplierError(f"{self._requests} requests brought no end: the pages move too fast")
        observed_at = self.now()
        behind = None if self.slice else self.footing.end_expected()
        page = self._page(offset, behind)
        ledger = self.sort(page, observed_at)
        verdict = self.footing.received(offset, [item.diamond_id for item in ledger.items], len(page.items))
        if verdict is Verdict.GO_ON:
            self.commit(page, ledger, offset=offset, next_offset=self.footing.position)
            if slices.meets_next(self.partition, [item.diamond_id for item in ledger.items]):
                return self._end_slice()
            if self.footing.ended(behind, is_last=page.is_last):
                return self._end()
        elif verdict is Verdict.LOOK_AGAIN:
            self.renew()
        else:
            # The empty page.
            self._other_requests += 1
            return self._end_slice() if self.slice else self._end()
        return False

    def _page(self, offset: int, behind: int | None) -> SupplierPage:
        """A page; whether anything lies behind it is asked in the same request, where the supplier takes that."""
        limit = self.adapter.page_limit

        def plainly() -> SupplierPage:
            return self.request(lambda: self.adapter.page(self.query, offset, limit))

        def looking_behind() -> SupplierPage:
            return self.request(lambda: self.adapter.page(self.query, offset, limit, behind))

        return plainly() if behind is None else self.ways.ask(Way.LOOKING_BEHIND, looking_behind, plainly)

    def may_rest(self) -> bool:
        return not self.footing.looking

    def may_show_again(self, partition_id: int, place: int) -> bool:
        if partition_id != self.partition.pk:
            return partition_id in self._neighbours
        # The overlap of two pages, or another reading.
        return self.partition.rereads > 0 or place < self.partition.next_offset

    @cached_property
    def _neighbours(self) -> frozenset[int]:
        """Partitions that may be shown the same stones: other slices of the list, and ranges that share an end."""
        mine = self.partition
        meeting = Q(price_to__isnull=True) | Q(price_to__gte=mine.price_from)
        if mine.price_to is not None:
            meeting &= Q(price_from__lte=mine.price_to)
        ranges = Partition.objects.filter(meeting, run=self.run, kind=Partition.Kind.RANGE).exclude(pk=mine.pk)
        return frozenset(ranges.values_list("pk", flat=True))

    def makes_way(self) -> bool:
        # Where the next slice should have been met, but nobody has begun it.
        partition = self.partition
        beyond = partition.offset_to is not None and self.footing.position >= partition.offset_to
        return beyond and self.may_rest() and slices.next_is_waiting(partition)

    def _end(self) -> bool:
        """Hold what was read against the count; read again what is unexplained, at most `REREADS` times."""
        partition = self.partition
        missing, recounted = 0, None
        # What does not say who it is was shown all the same.
        shown = len(self.shown) + self.unidentified
        if shown < partition.expected:
            recounted = self._recount()
            missing = max(0, (partition.expected if recounted is None else recounted) - shown)
        if missing and partition.rereads < REREADS:
            log.warning("partition_read_again", expected=partition.expected, recounted=recounted, shown=shown)
            self._read_again()
            return False
        self._complete(recounted, missing)
        return True

    def _end_slice(self) -> bool:
        """End a slice; whoever is the last of its list holds what all of them were shown against the count."""
        with transaction.atomic():
            others = slices.others_locked(self.partition)
            if any(other.state != Partition.State.COMPLETED for other in others):
                self._complete(None, 0)
                return True
        missing, recounted = 0, None
        shown = slices.shown(self.partition, others)
        expected = self.partition.expected + sum(other.expected for other in others)
        if shown < expected:
            recounted = self._recount()
            missing = max(0, (expected if recounted is None else recounted) - shown)
        self._complete(recounted, missing)
        return True

    def _recount(self) -> int | None:
        """Count the partition's query again; None if that takes the supplier too long: then the first count stands."""
        self.renew()
        self.before_request()
        try:
            (recounted,) = self.adapter.count([self.query])
        except SupplierTooSlow:
            return None
        return recounted

    def _complete(self, recounted: int | None, missing: int) -> None:
        leases.finish(
            self.lease,
            state=Partition.State.COMPLETED,
            recounted=recounted,
            missing=missing,
            other_requests=F("other_requests") + self._other_requests,
            completed_at=Now(),
        )

    def _read_again(self) -> None:
        partition = self.partition
        updated = Partition.objects.filter(
            pk=partition.pk, lease_token=self.lease.token, lease_expires_at__isnull=False, state="ready"
        ).update(
            rereads=partition.rereads + 1, next_offset=0, other_requests=F("other_requests") + self._other_requests
        )
        if not updated:
            raise leases.LeaseLost
        self._other_requests = 0
        partition.rereads += 1
        partition.next_offset = 0
        self.footing.start_again()


def query_of(partition: Partition) -> StoneQuery:
    """The supplier query of a range partition."""
    run = partition.run
    return StoneQuery(
        window_from=run.window_from,
        window_to=run.window_to,
        available_only=run.kind == Run.Kind.FULL,
        price_from=partition.price_from,
        price_to=partition.price_to,
        carats_from=partition.carats_from,
        carats_to=partition.carats_to,
    )
