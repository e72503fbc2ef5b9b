"""Facets counted by PostgreSQL, many in one scan: what the search does not ask about together, every other one by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

from catalog.facets import edges
from catalog.facets.table import Attribute
from catalog.searching.conditions import Asked
from catalog.searching.hits import Facet
from catalog.searching.sql import where

#: GROUPING tells of no more columns.
_MAX_SETS = 31


def facets(asked: Asked, attributes: Collection[Attribute]) -> dict[str, Facet]:
    """The facets by the attributes' names: presence is by True and False, numbers are by the edges of their ladder."""
    unasked = [attribute for attribute in attributes if attribute.name not in asked]
    groups = [unasked[place : place + _MAX_SETS] for place in range(0, len(unasked), _MAX_SETS)]
    groups += [[attribute] for attribute in attributes if attribute.name in asked]
    counted: dict[str, Facet] = {}
    for group in groups:
        others = {name: condition for name, condition in asked.items() if name != group[0].name}
        counted |= _counted(others, group)
    return counted


def _counted(asked: Asked, group: Sequence[Attribute]) -> dict[str, Facet]:
    condition, values = where(asked)
    numbers = [attribute for attribute in group if attribute.is_histogram]
    columns = [f"{_value(attribute)} AS a{place}" for place, attribute in enumerate(group)]
    columns += [f"{attribute.source} AS n{place}" for place, attribute in enumerate(numbers)]
    names = [f"a{place}" for place in range(len(group))]
    extents = "".join(f", min(n{place}), max(n{place})" for place in range(len(numbers)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            -- Counts of a search by several attributes at once. Reads all that match, once; takes no locks.
            WITH stones AS (SELECT {", ".join(columns)} FROM catalog_diamond WHERE {condition})
            SELECT GROUPING({", ".join(names)}), count(*), {", ".join(names)}{extents}
            FROM stones
            GROUP BY GROUPING SETS ({", ".join(f"({name})" for name in names)})
            """,
            values | {f"edges_{attribute.name}": list(edges.LADDERS[attribute.name]) for attribute in numbers},
        )
        rows = cursor.fetchall()
    return {attribute.name: _facet(rows, attribute, place, group, numbers) for place, attribute in enumerate(group)}


def _value(attribute: Attribute) -> str:
    if attribute.is_presence:
        return f"({attribute.source} IS NOT NULL)"
    if attribute.is_histogram:
        return f"width_bucket({attribute.source}, %(edges_{attribute.name})s::numeric[])"
    return attribute.source


def _facet(
    rows: Sequence[Sequence[Any]],
    attribute: Attribute,
    place: int,
    group: Sequence[Attribute],
    numbers: Sequence[Attribute],
) -> Facet:
    # The bits of GROUPING are those of the columns that a row is not grouped by, the last column's the lowest.
    everything = (1 << len(group)) - 1
    own = [row for row in rows if row[0] == everything ^ (1 << (len(group) - 1 - place))]
    counts: dict[Any, int] = {row[2 + place]: row[1] for row in own}
    if not attribute.is_histogram:
        return Facet(counts)
    ladder = edges.LADDERS[attribute.name]
    extent = 2 + len(group) + 2 * numbers.index(attribute)
    return Facet(
        {None if bucket is None else ladder[bucket - 1]: count for bucket, count in counts.items()},
        min((row[extent] for row in own if row[extent] is not None), default=None),
        max((row[extent + 1] for row in own if row[extent + 1] is not None), default=None),
    )
