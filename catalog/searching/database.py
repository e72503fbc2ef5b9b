"""Searches answered by PostgreSQL: the reference for the index, and what answers where there is none.

The matching stones are read up to a cap. If that is all of them, they are counted and sorted on the spot. If there are
more, the count is a lower bound, and the page is read by walking the price index or, in orders that have no index, by one
scan that keeps the best.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import cached_property, reduce
from typing import Any

from django.db import connection
from django.db.models import Count as CountOf
from django.db.models import Max, Min, Q, QuerySet

from catalog.certificates import numbered
from catalog.models import DatasetVersion, Diamond
from catalog.searching.conditions import All, AnyOf, Asked, Between, Condition, Either, Known, Not
from catalog.searching.hits import Count, Facet
from catalog.searching.sorts import Place, Sort

#: Counts are exact up to here.
COUNT_CAP = 10_000

_NOTHING = Q(pk__in=[])


def to_q(condition: Condition) -> Q:
    """The condition for a query of diamonds."""
    match condition:
        case AnyOf(column, values, unknown):
            of_values = Q(**{f"{column}__in": values})
            if column == "certificate_number":
                # What the index is over.
                of_values &= numbered(values)
            return of_values | Q(**{f"{column}__isnull": True}) if unknown else of_values
        case Between(column, low, high):
            above = Q() if low is None else Q(**{f"{column}__gte": low})
            return above if high is None else above & Q(**{f"{column}__lte": high})
        case Known(column, known):
            return Q(**{f"{column}__isnull": not known})
        case Either(parts):
            return reduce(operator.or_, map(to_q, parts), _NOTHING)
        case All(parts):
            return reduce(operator.and_, map(to_q, parts), Q())
        case Not(part):
            return ~to_q(part)


def matching(asked: Asked) -> QuerySet[Diamond]:
    """All stones that meet the conditions."""
    return Diamond.objects.filter(to_q(All(tuple(asked.values())))).order_by()


class DatabaseHits:
    """The hits of a search, read from the table. Callers bound the time that its statements may take."""

    found_by = "database"

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        # Read first: the stones are at least as new as the version says.
        self.version = DatasetVersion.current()

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
        narrow = self._count.exact
        statement, values = _matches(self._matching, sort)
        follows, after_values = _behind(sort, after)
        return _rows(
            f"""
            -- A page of a search. A narrow one is materialized, so that the planner never walks the price index in search of
            -- the few; a broad one walks it from the place on. Takes no locks.
            WITH hits (key, id) AS {"MATERIALIZED" if narrow else "NOT MATERIALIZED"} ({statement})
            SELECT key, id
            FROM hits
            WHERE {follows}
            ORDER BY {_order(sort)}
            LIMIT %(limit)s
            """,
            {**values, **after_values, "limit": limit},
        )

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


def _matches(stones: QuerySet[Diamond], sort: Sort) -> tuple[str, dict[str, Any]]:
    """The ORM's statement for (key, id) of what matches, with its parameters named."""
    return _named(stones.values_list(sort.column, "id").query)


def _named(query: Any) -> tuple[str, dict[str, Any]]:
    statement, values = query.sql_with_params()
    names = [f"filter_{number}" for number in range(len(values))]
    return statement % tuple(f"%({name})s" for name in names), dict(zip(names, values, strict=True))


def _order(sort: Sort) -> str:
    """`ORDER BY` over the columns `key` and `id`. What is never null must not say NULLS LAST: no index is built so."""
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


def _rows(statement: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
        return rows
