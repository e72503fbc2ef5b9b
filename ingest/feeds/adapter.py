"""The protocol of supplier adapters: the only door between ingestion and a supplier's own ways.

Planner, walk and consolidation call these methods and know nothing else about a supplier. An adapter is built for one
feed by `ingest.feeds.adapters.adapter_for`; it is safe to share between threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from catalog.rows import StoneFacts
from ingest.feeds.census import Census
from ingest.feeds.verdicts import Verdict


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
    #: Whether nothing lay at the offset `behind` when the page was read; False as well if that was not asked or answered.
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class StoneIdentity:
    """The supplier's ids of the stone and the offer in an item."""

    supplier_stone_id: str
    offer_id: str


@dataclass(frozen=True, slots=True)
class Look:
    """The part of one item that the adapter does not know."""

    #: Paths of fields that mean nothing to it, e.g. "diamond.certificate.newField".
    unknown_fields: tuple[str, ...]
    #: (column of the catalogue, value) of what stands where a grade, a shape or an availability belongs and is none.
    not_understood: tuple[tuple[str, str], ...]


class Adapter(Protocol):
    """One feed's view of one supplier.

    Every method that talks to the supplier takes one slot of the limiter for each request, retries included, and raises a
    `SupplierError` subclass. `identify` and `to_diamond` never talk to anybody.
    """

    #: Largest number of items in a page.
    page_limit: int
    #: How many counts one request carries, if the supplier takes them; what it was found not to take: `ingest.feeds.ways`.
    counts_per_request: int
    #: Whether the supplier can be asked for stones by their ids (`lookup`).
    answers_by_id: bool
    #: Versions pinned on a run, e.g. "nivoda-query-1" and "nivoda-mapper-1".
    query_version: str
    mapper_version: str

    def server_time(self) -> datetime:
        """The supplier's clock, by its `Date` header (asks it with the cheapest request there is)."""

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        """The number of stones in each of at most `counts_per_request` slices, in their order, by one request.

        Raises `SupplierTooSlow` after `PLAN_COUNT_SECONDS`.
        """

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        """Up to `limit` stones of a slice from `offset` on, in the supplier's stable order.

        With `behind`, an adapter that can tells by the same request whether there is any stone from that offset on.
        """

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        """The stones with these ids that the supplier still knows, whatever their availability (at most `page_limit`)."""

    def identify(self, item: bytes) -> StoneIdentity:
        """The identity of an item; raises `MappingError` if it does not say."""

    def to_diamond(self, item: bytes) -> StoneFacts:
        """An item in the catalogue's terms; raises `MappingError` with field and reason if it cannot be one.

        The reason for a required field that is not there is "is missing": a run that meets too many of these stops.
        """


@runtime_checkable
class Watchful(Protocol):
    """An adapter that can also say what it does not know. A few stones of every batch are looked at; see `ingest.drift`."""

    def look(self, item: bytes) -> Look:
        """The unknown of an item; raises `MappingError` if it cannot be read at all."""


@runtime_checkable
class Proving(Protocol):
    """An adapter of lists whose columns of money may mean this or that, which it works out from their rows."""

    def verdict(self, window_to: datetime, before: Verdict) -> Verdict:
        """What the columns of the list of a run with this window's end hold, where those of the list before held `before`.

        Raises `SupplierAsks` if one means another thing now; `server_time` raises it for what nothing proves.
        """


@runtime_checkable
class Counted(Protocol):
    """An adapter of lists that are read whole, so that all of their rows can be accounted for."""

    def census(self, window_to: datetime) -> Census:
        """All rows of the list of a run with this window's end."""


@dataclass(frozen=True, slots=True)
class RelayedAnswer:
    """A supplier's answer to somebody else's query: `data` as JSON word for word, or None, and what went wrong."""

    data: bytes | None
    errors: list[dict[str, Any]]


@runtime_checkable
class Relaying(Protocol):
    """An adapter that relays queries of other programs of the house, within the account's one limit."""

    def is_order(self, query: str, variables: Mapping[str, Any], *, may_order: bool) -> bool:
        """Whether a query changes anything at the supplier's: such a one is put to it once. Raises as `proxy` refuses."""

    def proxy(self, query: str, variables: Mapping[str, Any], *, may_order: bool) -> RelayedAnswer:
        """Ask the supplier at once, on our account, in the interactive lane, and log what kind of query that is.

        Raises `QueryRefused` or `OrderingRefused` for what is not asked, a `SupplierError` for what went wrong there, and
        `WaitTooLong` or `LimiterUnavailable` when there is no slot.
        """


@runtime_checkable
class Confirming(Adapter, Protocol):
    """An adapter whose supplier can be asked for stones by id while somebody waits for it."""

    def lookup_now(self, supplier_stone_ids: Sequence[str], seconds: float) -> SupplierPage:
        """As `lookup`, in the interactive lane, all of it within `seconds`.

        Raises a `SupplierError` for what went wrong there, and `WaitTooLong` or `LimiterUnavailable` when there is no slot.
        """


@runtime_checkable
class Trying(Protocol):
    """An adapter that can find out within seconds whether its supplier lets us in, while somebody waits for that."""

    def try_sign_in(self, seconds: float) -> str:
        """Ask the supplier once, with the feed's account and secrets, in the interactive lane; returns what it gave.

        Raises a `SupplierError` for what went wrong there, another `IngestError` for what is wrong with the feed, and
        `WaitTooLong` or `LimiterUnavailable` when there is no slot.
        """
