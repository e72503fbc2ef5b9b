"""Searching the catalogue: which stones, in which order, how many, and where the next page begins. Called by the API.

The hits come from the index where there is one, and from the database otherwise. The stones of a page are read by their
ids with the search's conditions again: what was sold or repriced since the index was made is left out, and the page is
filled up with what follows. A cursor is the place, in the hits' own order, of the last stone that was looked at, so none
that stands still is skipped, whoever finds the hits of the next page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import structlog

from catalog import index
from catalog.client_views.view import EVERYTHING, ClientView
from catalog.models import Diamond
from catalog.searching import amounts
from catalog.searching.conditions import All, Asked
from catalog.searching.database import DatabaseHits, one_moment
from catalog.searching.filters import FILTERS, conditions
from catalog.searching.hits import Certified, Count, Hits, Pages
from catalog.searching.sorts import SORTS, Place
from catalog.searching.sql import to_q
from diamondhub.api import cursors

log = structlog.get_logger(__name__)

#: A search that the database cannot answer in this time is given up (seconds).
SEARCH_SECONDS = 5.0
MAX_PAGE_SIZE = 100
#: How often a page is filled up, each time by twice as many places. What is left then is for the next page.
MAX_ROUNDS = 5

#: What `finder` says of the database.
BY_DATABASE = "database"

Stone = TypeVar("Stone")
Used = TypeVar("Used")
#: Reads stones by their ids that still meet what is asked.
Reads = Callable[[Sequence[UUID], Asked], Mapping[UUID, Stone]]

_ATTRIBUTES = {known.name: known.attribute for known in FILTERS}


@dataclass(frozen=True)
class Search:
    """What is searched for: `filters` are values by the names of `searching.filters.FILTERS`, `sort` is one of `SORTS`.

    `client` and `sees` say whose search it is and by which scopes: its cursors are good for nobody else.
    """

    filters: Mapping[str, Any]
    sort: str = "price"
    limit: int = 50
    cursor: str | None = None
    #: One stone of each certificate, the cheapest.
    by_certificate: bool = False
    view: ClientView = EVERYTHING
    client: str = ""
    sees: tuple[str, ...] = ()
    #: Conditions that are no filters of the API, by attributes of their own.
    besides: Asked = field(default_factory=dict)

    @cached_property
    def normal_form(self) -> str:
        """The same text for the same search, whichever page of it and however its stones are shown."""
        asked = [self.sort, self.filters, self.by_certificate, self.view.key, self.client, self.sees, self.besides]
        return json.dumps(asked, sort_keys=True, default=str)

    @cached_property
    def asked(self) -> Asked:
        """The conditions of the client and of its view."""
        return self.asking(self.filters)

    def asking(self, filters: Mapping[str, Any]) -> Asked:
        """The conditions of other filters for the same client."""
        said = {_ATTRIBUTES[name] for name in filters}
        defaults = {name: value for name, value in self.view.defaults.items() if _ATTRIBUTES[name] not in said}
        # What an operator entered is in dollars, what a client asks for in its currency.
        in_dollars = amounts.in_cents(filters, self.view.exchange)
        return self.view.narrowed({**conditions({**defaults, **in_dollars}), **self.besides})


@dataclass(frozen=True)
class Page(Generic[Stone]):
    """One page of a search; `count` is of the whole search, a lower bound unless `count_is_exact`."""

    diamonds: list[Stone]
    count: int
    count_is_exact: bool
    #: The version that was counted and paged; the stones are as they are now.
    dataset_version: int
    next_cursor: str | None
    found_by: str
    #: What was counted and paged.
    counts: Pages
    #: With `by_certificate`, how many of the hits there are of the certificate of each stone.
    offers: Sequence[int] | None = None


def whole(ids: Sequence[UUID], asked: Asked) -> Mapping[UUID, Diamond]:
    """Stones by their ids, with all their columns."""
    return Diamond.objects.filter(to_q(All(tuple(asked.values())))).in_bulk(ids)


def finder() -> str:
    """Who would find hits now, the index with its version or `BY_DATABASE`: the same text as long as it is the same."""
    snapshot = index.current()
    return BY_DATABASE if snapshot is None else f"index:{snapshot.generation}:{snapshot.version}"


def with_hits(asked: Asked, use: Callable[[Hits], Used]) -> Used:
    """What `use` makes of the hits of a search, by the quickest evaluator that can: the index, or else the database.

    By the database, its hits and what `use` reads besides are as of one moment, within a bound of time.
    """
    snapshot = index.current()
    if snapshot is not None:
        # Loaded with the snapshot, whose numpy programs that never search need not load.
        from catalog.index.evaluating import NotIndexed
        from catalog.index.hits import IndexHits

        try:
            return use(IndexHits(snapshot, asked))
        except NotIndexed as reason:
            log.debug("search_not_indexed", reason=str(reason))
    with one_moment(SEARCH_SECONDS):
        return use(DatabaseHits(asked))


@dataclass(frozen=True)
class Position:
    """Where a page begins: behind a place, after so many stones of the pages before."""

    after: Place | None = None
    shown: int = 0


def search(wanted: Search, read: Reads[Stone]) -> Page[Stone]:
    """Find one page of what `read` gives for the ids of stones, such as `whole`.

    Raises `cursors.WrongCursor`, and `OperationalError` if it takes longer than `SEARCH_SECONDS`.
    """
    position = position_of(wanted)
    return with_hits(wanted.asked, lambda hits: page_of(wanted, hits, position, read))


def page_of(wanted: Search, hits: Hits, position: Position, read: Reads[Stone]) -> Page[Stone]:
    """The page of a search behind a position, of hits that were found by its conditions."""
    certified = hits.by_certificate() if wanted.by_certificate else None
    pages: Pages = certified or hits
    count = at_most(wanted.view.max_rows, pages.count())
    shown, end = _filled(wanted, pages, position, read)
    return Page(
        diamonds=[stone for _, stone in shown],
        count=count.number,
        count_is_exact=count.exact,
        dataset_version=hits.version,
        next_cursor=None if end is None else cursors.encode(_written(end), wanted.normal_form),
        found_by=hits.found_by,
        counts=pages,
        offers=None if certified is None else _offers(certified, [identity for identity, _ in shown]),
    )


def count_of(wanted: Search, hits: Hits) -> Count:
    """How many stones a search shows of hits, over all pages."""
    return at_most(wanted.view.max_rows, (hits.by_certificate() if wanted.by_certificate else hits).count())


def at_most(most: int | None, count: Count) -> Count:
    """How many stones can be paged through; there are more than the view lets a search show unless that is exact."""
    return count if most is None or count.number <= most else Count(most, exact=False)


def _filled(
    wanted: Search, pages: Pages, position: Position, read: Reads[Stone]
) -> tuple[list[tuple[UUID, Stone]], Position | None]:
    """The stones of a page, and where the next one begins; None if nothing follows."""
    sort, asked, after = SORTS[wanted.sort], wanted.asked, position.after
    limit, most = wanted.limit, wanted.view.max_rows
    if most is not None:
        limit = min(limit, most - position.shown)
    shown: list[tuple[UUID, Stone]] = []
    follows = limit > 0
    for turn in range(MAX_ROUNDS):
        if not follows or len(shown) == limit:
            break
        places = pages.page(sort, after, (limit << turn) + 1)
        follows = len(places) > limit << turn
        stones = read([identity for _, identity in places[: limit << turn]], asked)
        for number, place in enumerate(places[: limit << turn], start=1):
            after = place
            if (stone := stones.get(place[1])) is not None:
                shown.append((place[1], stone))
            if len(shown) == limit:
                follows = number < len(places)
                break
    so_far = position.shown + len(shown)
    if not follows or (most is not None and so_far >= most):
        return shown, None
    return shown, Position(after, so_far)


def _offers(certified: Certified, ids: Sequence[UUID]) -> Sequence[int]:
    offers = certified.offers(ids)
    return [offers[identity] for identity in ids]


def position_of(wanted: Search) -> Position:
    """Where the page that is asked for begins. Raises `cursors.WrongCursor`."""
    if wanted.cursor is None:
        return Position()
    key, identity, shown = cursors.decode(wanted.cursor, wanted.normal_form)
    return Position((None if key is None else SORTS[wanted.sort].read(key), UUID(identity)), shown)


def _written(position: Position) -> tuple[Any, str, int]:
    assert position.after is not None
    key, identity = position.after
    written = key.isoformat() if isinstance(key, datetime) else str(key) if isinstance(key, Decimal) else key
    return written, str(identity), position.shown
