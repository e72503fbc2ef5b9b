"""What a supplier adapter is: the only door between ingestion and a supplier's own ways.

Planner, walk and consolidation call these methods and know nothing else about a supplier. An adapter is built for one
feed by `ingest.feeds.registry.adapter_for`; it is safe to share between threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from catalog.rows import StoneFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StoneQuery:
    """A slice of a supplier's inventory.

    Prices are whole US dollars per carat and carats are exact, both inclusive at both ends; `None` leaves an end open.
    """

    window_from: datetime | None = None
    window_to: datetime | None = None
    available_only: bool = True
    price_from: int = 0
    price_to: int | None = None
    carats_from: Decimal | None = None
    carats_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SupplierPage:
    """One page as the supplier sent it: every item's bytes word for word, in the supplier's order."""

    items: list[bytes]
    #: The supplier's `Date` header, if it sent one.
    supplier_time: datetime | None
    #: Seconds from sending the request to the last byte of the answer.
    elapsed: float


@dataclass(frozen=True, slots=True)
class StoneIdentity:
    """What identifies the stone and the offer in an item."""

    supplier_stone_id: str
    offer_id: str


class Adapter(Protocol):
    """One feed's view of one supplier.

    Every method that talks to the supplier takes one slot of the limiter for each request, retries included, and raises a
    `SupplierError` subclass. `identify` and `to_diamond` never talk to anybody.
    """

    #: Largest number of items in a page.
    page_limit: int
    #: How many counts one request can carry.
    counts_per_request: int
    #: Versions pinned on a run, e.g. "nivoda-query-1" and "nivoda-mapper-1".
    query_version: str
    mapper_version: str

    def server_time(self) -> datetime:
        """The supplier's clock, by its `Date` header (asks it with the cheapest request there is)."""

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        """The number of stones in each slice, in the order of `queries`; takes ceil(n / counts_per_request) requests."""

    def page(self, query: StoneQuery, offset: int, limit: int) -> SupplierPage:
        """Up to `limit` stones of a slice from `offset` on, in the supplier's stable order."""

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        """The stones with these ids that the supplier still knows, whatever their availability (at most `page_limit`)."""

    def identify(self, item: bytes) -> StoneIdentity:
        """Who an item is; raises `MappingError` if it does not say."""

    def to_diamond(self, item: bytes) -> StoneFacts:
        """An item in the catalogue's terms; raises `MappingError` with field and reason if it cannot be one."""
