"""Searching the catalogue: which stones, in which order, how many, and where the next page begins. Called by the API.

The hits come from the index where there is one, and from the database otherwise; the stones of a page are read by their
ids, with the search's conditions again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connection, transaction

from catalog.models import Diamond
from catalog.searching.conditions import Asked
from catalog.searching.database import DatabaseHits
from catalog.searching.filters import conditions
from catalog.searching.hits import Hits
from catalog.searching.sorts import SORTS, Place, Sort
from diamondhub.api import cursors

#: A search that the database cannot answer in this time is given up (seconds).
SEARCH_SECONDS = 5.0
MAX_PAGE_SIZE = 100

Stone = TypeVar("Stone")


@dataclass(frozen=True)
class Search:
    """What is searched for: `filters` are values by the names of `searching.filters.FILTERS`, `sort` is one of `SORTS`."""

    filters: Mapping[str, Any]
    sort: str = "price"
    limit: int = 50
    cursor: str | None = None

    @property
    def normal_form(self) -> str:
        """The same text for the same search, whichever page of it."""
        return json.dumps([self.sort, self.filters], sort_keys=True, default=str)


@dataclass(frozen=True)
class Page(Generic[Stone]):
    """One page of a search; `count` is of the whole search, a lower bound unless `count_is_exact`."""

    diamonds: list[Stone]
    count: int
    count_is_exact: bool
    dataset_version: int
    next_cursor: str | None
    found_by: str


def whole(ids: Sequence[UUID]) -> Mapping[UUID, Diamond]:
    """Stones by their ids, with all their columns."""
    return Diamond.objects.in_bulk(ids)


def hits_of(asked: Asked) -> Hits:
    """The hits of a search, by the quickest evaluator that there is."""
    return DatabaseHits(asked)


def search(wanted: Search, read: Callable[[Sequence[UUID]], Mapping[UUID, Stone]]) -> Page[Stone]:
    """Find one page of what `read` gives for the ids of stones, such as `whole`.

    Raises `cursors.WrongCursor`, and `OperationalError` if it takes longer than `SEARCH_SECONDS`.
    """
    sort = SORTS[wanted.sort]
    position = _position(wanted, sort)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(SEARCH_SECONDS * 1000))])
        hits = hits_of(conditions(wanted.filters))
        count = hits.count()
        places = hits.page(sort, position, wanted.limit + 1)
        places, after = cursors.cut(places, wanted.normal_form, limit=wanted.limit, position=_written)
        stones = read([identity for _, identity in places])
    return Page(
        diamonds=[stones[identity] for _, identity in places],
        count=count.number,
        count_is_exact=count.exact,
        dataset_version=hits.version,
        next_cursor=after,
        found_by=hits.found_by,
    )


def _position(wanted: Search, sort: Sort) -> Place | None:
    if wanted.cursor is None:
        return None
    key, identity = cursors.decode(wanted.cursor, wanted.normal_form)
    return (None if key is None else sort.read(key), UUID(identity))


def _written(place: Place) -> tuple[Any, str]:
    key, identity = place
    written = key.isoformat() if isinstance(key, datetime) else str(key) if isinstance(key, Decimal) else key
    return written, str(identity)
