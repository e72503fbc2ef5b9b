"""Searches answered by PostgreSQL: the reference for the index, and what answers where there is none.

The table has no index for searches, which cost consolidation more than the index of this host costs: every search but one
by ids or certificates reads the table once for its page, keeping the best, and up to a cap for its count, which is a lower
bound where there are more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count as CountOf
from django.db.models import Max, Min, QuerySet

from catalog import offers
from catalog.certificates import FOLDED
from catalog.index import history
from catalog.models import Diamond
from catalog.searching.conditions import All, Asked
from catalog.searching.hits import Certified, Count, Facet, Hits, Spread, ratio_edges
from catalog.searching.sorts import Place, Sort
from catalog.searching.sql import to_q, where

#: Counts are exact up to here.
COUNT_CAP = 10_000


@contextmanager
def one_moment(seconds: float) -> Iterator[None]:
    """Have all statements of the block see the catalogue as of one moment, and none take longer than `seconds`.

    Within a transaction that has begun already they see what that one sees.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        yield


def matching(asked: Asked) -> QuerySet[Diamond]:
    """All stones that meet the conditions."""
    return Diamond.objects.filter(to_q(All(tuple(asked.values())))).order_by()


class DatabaseHits:
    """The hits of a search, read from the table. Callers bound the time that its statements may take."""

    found_by = "database"

    def __init__(self, asked: Asked, version: int | None = None) -> None:
        self._asked = asked
        # Read first: the stones are at least as new as the version says.
        self.version = history.moment(connection).version if version is None else version

    def of(self, asked: Asked) -> Hits:
        """The hits of another search."""
        return DatabaseHits(asked, self.version)

    def by_certificate(self) -> Certified:
        """The hits, of each certificate the cheapest alone."""
        return _OfCertificates(self._asked, self.version)

    @cached_property
    def _matching(self) -> QuerySet[Diamond]:
        return matching(self._asked)

    @cached_property
    def _count(self) -> Count:
        found = self._matching.values("pk")[: COUNT_CAP + 1].count()
        return Count(min(found, COUNT_CAP), exact=found <= COUNT_CAP)

    def count(self) -> Count:
        """How many there are, up to `COUNT_CAP`."""
        return self._count

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        """The places of the first `limit` stones behind `after` in an order."""
        statement, values = _named(self._matching.values_list(sort.column, "id").query)
        follows, after_values = _behind(sort, after)
        return _rows(
            f"""
            -- A page of a search. Reads the table once, or what ids and certificates name; takes no locks.
            WITH hits (key, id) AS ({statement})
            SELECT key, id
            FROM hits
            WHERE {follows}
            ORDER BY {_order(sort)}
            LIMIT %(limit)s
            """,
            {**values, **after_values, "limit": limit},
        )

    def spread(self, across: int, up: int) -> Spread:
        """The prices over the carats, in at most so many steps of each."""
        weighed = self._matching.filter(carats__gt=0)
        least, most, cheapest, dearest = weighed.aggregate(
            least=Min("carats"), most=Max("carats"), cheapest=Min("price_cents"), dearest=Max("price_cents")
        ).values()
        if least is None:
            return Spread([], [], {})
        carats = ratio_edges(int(least * 1000), int(most * 1000), across)
        cents = ratio_edges(cheapest, dearest, up)
        statement, values = _named(weighed.values_list("lab_grown", "carats", "price_cents").query)
        rows = _rows(
            f"""
            -- Stones of a search by carats and price. Reads all that match, once; takes no locks.
            WITH stones (lab_grown, carats, cents) AS ({statement})
            SELECT
                lab_grown,
                width_bucket((carats * 1000)::bigint, %(carats)s::bigint[]) - 1,
                width_bucket(cents, %(cents)s::bigint[]) - 1,
                count(*)
            FROM stones
            GROUP BY 1, 2, 3
            """,
            {**values, "carats": carats[:-1], "cents": cents[:-1]},
        )
        return Spread(carats, cents, {(is_lab, across_at, up_at): number for is_lab, across_at, up_at, number in rows})

    def facet(self, attribute: str, column: str, *, edges: Sequence[Any] | None = None) -> Facet:
        """The facet of an attribute over a column, or its histogram."""
        others = matching({name: condition for name, condition in self._asked.items() if name != attribute})
        if edges is None:
            return Facet(dict(others.values_list(column).annotate(stones=CountOf("pk"))))
        statement, values = _named(others.values_list(column).query)
        rows = _rows(
            f"""
            WITH stones (value) AS ({statement})
            SELECT width_bucket(value, %(edges)s::numeric[]), count(*) FROM stones WHERE value IS NOT NULL GROUP BY 1
            """,
            {**values, "edges": list(edges)},
        )
        counts = {edges[bucket - 1]: number for bucket, number in rows}
        low, high = others.aggregate(low=Min(column), high=Max(column)).values()
        if lacking := others.filter(**{f"{column}__isnull": True}).count():
            counts[None] = lacking
        return Facet(counts, low, high)


class _OfCertificates:
    """The cheapest offers of each stone; all that match are read for it, and all that share a certificate with them."""

    found_by = "database"

    def __init__(self, asked: Asked, version: int) -> None:
        self.version = version
        self._condition, self._values = where(asked)

    def count(self) -> Count:
        """How many there are."""
        ((number,),) = self._rows(f"{self._with_hits('id')} SELECT count(DISTINCT stone) FROM hits")
        return Count(number)

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        """The places of the first `limit` stones behind `after` in an order."""
        follows, after_values = _behind(sort, after)
        return self._rows(
            f"""
            -- A page of a search, of each stone the cheapest offer. Reads all that match; takes no locks.
            {self._with_hits(sort.column)},
            cheapest AS MATERIALIZED (SELECT DISTINCT ON (stone) key, id FROM hits ORDER BY stone, price_cents, id)
            SELECT key, id
            FROM cheapest
            WHERE {follows}
            ORDER BY {_order(sort)}
            LIMIT %(limit)s
            """,
            {**after_values, "limit": limit},
        )

    def offers(self, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """How many of the hits are offers of these stones."""
        return dict(
            self._rows(
                f"""
                -- Offers of the stones of a page. Reads all that match once; takes no locks.
                {self._with_hits("id")}
                SELECT shown.id, count(*)
                FROM hits AS shown
                JOIN hits USING (stone)
                WHERE shown.id = ANY(%(ids)s)
                GROUP BY shown.id
                """,
                {"ids": list(ids)},
            )
        )

    def _with_hits(self, key: str) -> str:
        """What begins a statement over `hits`: all that match, by the stones that they are offers of."""
        return f"""
            WITH matching AS MATERIALIZED (
                SELECT id, {key} AS key, price_cents, {FOLDED} AS folded FROM catalog_diamond WHERE {self._condition}
            ),
            grouped AS MATERIALIZED ({offers.grouped(f"{FOLDED} IN (SELECT folded FROM matching)")}),
            hits AS MATERIALIZED (
                SELECT matching.id, key, price_cents, coalesce(stone, matching.id::text) AS stone
                FROM matching
                LEFT JOIN grouped USING (id)
            )
        """

    def _rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        return _rows(statement, {**self._values, **(values or {})})


def _named(query: Any) -> tuple[str, dict[str, Any]]:
    statement, values = query.sql_with_params()
    names = [f"filter_{number}" for number in range(len(values))]
    return statement % tuple(f"%({name})s" for name in names), dict(zip(names, values, strict=True))


def _order(sort: Sort) -> str:
    """`ORDER BY` over the columns `key` and `id`."""
    direction = "DESC" if sort.descending else "ASC"
    return f"key {direction}{' NULLS LAST' if sort.nullable else ''}, id {direction}"


def _behind(sort: Sort, place: Place | None) -> tuple[str, dict[str, Any]]:
    """The condition over `key` and `id` for what follows a place, with its parameters."""
    if place is None:
        return "TRUE", {}
    key, identity = place
    beyond = "<" if sort.descending else ">"
    if key is None:
        return f"key IS NULL AND id {beyond} %(after_id)s", {"after_id": identity}
    follows = f"(key, id) {beyond} (%(after_key)s, %(after_id)s)"
    values = {"after_key": key, "after_id": identity}
    return (f"(key IS NULL OR {follows})" if sort.nullable else follows), values


def _rows(statement: str, values: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
        return rows
