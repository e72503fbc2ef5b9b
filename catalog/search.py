"""Searching the catalogue: which stones, in which order, how many, and where the next page begins.

A search first reads the matching stones up to a cap. If that is all of them, they are counted and sorted on the spot.
If there are more, the count is a lower bound, and the page is read by walking the price index or, in the orders that have
no index because indexes are the cost of consolidation, by one scan that keeps the best. Called by the API.
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

from catalog.columns import COLUMNS
from catalog.filters import conditions
from catalog.models import DatasetVersion, Diamond
from diamondhub.api import cursors

#: Counts are exact up to here.
COUNT_CAP = 10_000
#: A search that the database cannot answer in this time is given up (seconds).
SEARCH_SECONDS = 5.0
MAX_PAGE_SIZE = 100

Stone = TypeVar("Stone")


@dataclass(frozen=True)
class Sort:
    """An order of stones: by a column, stones without a value last, and by id among equals."""

    column: str
    read: Callable[[Any], Any]
    nullable: bool
    descending: bool = False

    def reversed(self) -> Sort:
        """The same from the other end; stones without a value are still last."""
        return Sort(self.column, self.read, self.nullable, not self.descending)

    @property
    def order_by(self) -> str:
        """`ORDER BY` over the columns `key` and `id`. What is never null must not say NULLS LAST: no index is built so."""
        direction = "DESC" if self.descending else "ASC"
        return f"key {direction}{' NULLS LAST' if self.nullable else ''}, id {direction}"

    def after(self, position: tuple[Any, UUID] | None) -> tuple[str, dict[str, Any]]:
        """The condition over `key` and `id` for what follows a position, with its parameters."""
        if position is None:
            return "TRUE", {}
        key, identity = position
        beyond = "<" if self.descending else ">"
        if key is None:
            return f"key IS NULL AND id {beyond} %(after_id)s", {"after_id": identity}
        follows = f"(key, id) {beyond} (%(after_key)s, %(after_id)s)"
        values = {"after_key": key, "after_id": identity}
        return (f"(key IS NULL OR {follows})" if self.nullable else follows), values


_BY = {
    column.name: Sort(column.source, column.kind.read, nullable=column.nullable)
    for column in COLUMNS
    if column.sortable
}
SORTS: Mapping[str, Sort] = _BY | {f"-{name}": sort.reversed() for name, sort in _BY.items()}


@dataclass(frozen=True)
class Search:
    """What is searched for. `filters` are values by the names of `catalog.filters.FILTERS`, `sort` is a name of `SORTS`."""

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


def whole(ids: Sequence[UUID]) -> Mapping[UUID, Diamond]:
    """Stones by their ids, with all their columns."""
    return Diamond.objects.in_bulk(ids)


def search(wanted: Search, read: Callable[[Sequence[UUID]], Mapping[UUID, Stone]]) -> Page[Stone]:
    """Find one page of what `read` gives for the ids of stones, such as `whole`.

    Raises `cursors.WrongCursor`, and `OperationalError` if it takes longer than `SEARCH_SECONDS`.
    """
    sort = SORTS[wanted.sort]
    position = _position(wanted, sort)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(SEARCH_SECONDS * 1000))])
        # Read first: the stones are at least as new as the version says.
        version = DatasetVersion.current()
        places: Sequence[_Place]
        count, places = _narrow(wanted, sort, position)
        if count > COUNT_CAP:
            places = _broad(wanted, sort, position)
        places, after = cursors.cut(places, wanted.normal_form, limit=wanted.limit, position=_written)
        stones = read([identity for _, identity in places])
    return Page(
        diamonds=[stones[identity] for _, identity in places],
        count=min(count, COUNT_CAP),
        count_is_exact=count <= COUNT_CAP,
        dataset_version=version,
        next_cursor=after,
    )


#: (key of the sort, id) of a stone.
_Place = tuple[Any, UUID]


def _narrow(wanted: Search, sort: Sort, position: _Place | None) -> tuple[int, list[_Place]]:
    """Read the matches up to one more than the cap; how many there are and, if these are all, the page."""
    matches, values = _matches(wanted, sort, COUNT_CAP + 1)
    after, after_values = sort.after(position)
    statement = f"""
        -- A page of a narrow search, with its count. Served by diamond_kind or diamond_certificate; takes no locks.
        -- Materialized, so that the planner never walks the price index in search of the few.
        WITH hits (key, id) AS MATERIALIZED ({matches})
        SELECT counted.n, page.key, page.id
        FROM (SELECT count(*) AS n FROM hits) AS counted
        LEFT JOIN LATERAL (
            SELECT key, id
            FROM hits
            WHERE counted.n <= %(cap)s AND {after}
            ORDER BY {sort.order_by}
            LIMIT %(limit)s
        ) AS page ON TRUE
        ORDER BY {sort.order_by}
    """
    rows = _rows(statement, {**values, **after_values, "cap": COUNT_CAP, "limit": wanted.limit + 1})
    return rows[0][0], [(key, identity) for _, key, identity in rows if identity is not None]


def _broad(wanted: Search, sort: Sort, position: _Place | None) -> list[_Place]:
    matches, values = _matches(wanted, sort, None)
    after, after_values = sort.after(position)
    statement = f"""
        -- A page of a broad search: by price it walks diamond_price from the position on; takes no locks.
        WITH hits (key, id) AS NOT MATERIALIZED ({matches})
        SELECT key, id
        FROM hits
        WHERE {after}
        ORDER BY {sort.order_by}
        LIMIT %(limit)s
    """
    return _rows(statement, {**values, **after_values, "limit": wanted.limit + 1})


def _matches(wanted: Search, sort: Sort, limit: int | None) -> tuple[str, dict[str, Any]]:
    """The ORM's statement for (key, id) of what matches, with its parameters named."""
    query = Diamond.objects.filter(conditions(wanted.filters)).order_by().values_list(sort.column, "id")[:limit].query
    statement, values = query.sql_with_params()
    names = [f"filter_{number}" for number in range(len(values))]
    return statement % tuple(f"%({name})s" for name in names), dict(zip(names, values, strict=True))


def _rows(statement: str, values: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
        return rows


def _position(wanted: Search, sort: Sort) -> _Place | None:
    if wanted.cursor is None:
        return None
    key, identity = cursors.decode(wanted.cursor, wanted.normal_form)
    return (None if key is None else sort.read(key), UUID(identity))


def _written(place: _Place) -> tuple[Any, str]:
    key, identity = place
    written = key.isoformat() if isinstance(key, datetime) else str(key) if isinstance(key, Decimal) else key
    return written, str(identity)
