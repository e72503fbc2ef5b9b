"""Counts of a search by attribute, each without the search's own condition on it: what shops show behind tick boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Case, When
from django.db.models import Count as CountOf

from catalog.facets import edges
from catalog.facets.table import ATTRIBUTES, Attribute
from catalog.searching.conditions import Asked, Known
from catalog.searching.database import matching
from catalog.searching.hits import Hits

#: Values of one facet at most, the commonest; the others are counted together.
MAX_VALUES = 300


def facets(hits: Hits, asked: Asked, names: Iterable[str]) -> dict[str, Any]:
    """The facets of these attributes, as they are answered."""
    return {name: _facet(hits, asked, ATTRIBUTES[name]) for name in names}


def total_of(facets_by_name: Mapping[str, Any], asked: Asked) -> int | None:
    """How many stones there are, by a facet whose attribute is not asked about; None if there is none."""
    for name, facet in facets_by_name.items():
        if name not in asked:
            counted = facet.get("values", facet.get("buckets"))
            total: int = sum(bucket["count"] for bucket in counted) + facet["unknown"] + facet.get("others", 0)
            return total
    return None


def _facet(hits: Hits, asked: Asked, attribute: Attribute) -> dict[str, Any]:
    if attribute.is_histogram:
        return _histogram(hits, attribute)
    if attribute.is_presence:
        return _values(attribute, _presence(hits, asked, attribute))
    return _values(attribute, hits.facet(attribute.name, attribute.source).counts)


def _values(attribute: Attribute, counts: Mapping[Any, int]) -> dict[str, Any]:
    known = {value: number for value, number in counts.items() if value is not None}
    told = known
    if len(known) > MAX_VALUES:
        told = dict(sorted(known.items(), key=lambda entry: -entry[1])[:MAX_VALUES])
    values = [
        {"value": shown, "label": attribute.label(shown), "count": told.get(value, 0)}
        for value in attribute.in_order(told)
        for shown in [attribute.shown(value)]
    ]
    others = sum(known.values()) - sum(told.values())
    return {"values": values, "unknown": counts.get(None, 0), "others": others}


def _presence(hits: Hits, asked: Asked, attribute: Attribute) -> Mapping[Any, int]:
    others = {name: condition for name, condition in asked.items() if name != attribute.name}
    counted = {
        there: hits.of({**others, attribute.name: Known(attribute.source, there)}).count() for there in (True, False)
    }
    if all(count.exact for count in counted.values()):
        return {there: count.number for there, count in counted.items()}
    # Hits of the database are counted no further than people read; facets are all there is.
    counts: dict[Any, int] = {True: 0, False: 0}
    there = Case(When(**{f"{attribute.source}__isnull": True}, then=False), default=True)
    counts.update(matching(others).values_list(there).annotate(stones=CountOf("pk")))
    return counts


def _histogram(hits: Hits, attribute: Attribute) -> dict[str, Any]:
    ladder = edges.LADDERS[attribute.name]
    facet = hits.facet(attribute.name, attribute.source, edges=ladder)
    buckets: list[dict[str, Any]] = []
    if facet.low is not None:
        if not edges.is_fine_enough(attribute.name, facet.low, facet.high):
            ladder = edges.even(attribute.name, facet.low, facet.high)
            facet = hits.facet(attribute.name, attribute.source, edges=ladder)
        buckets = [
            {
                "from": attribute.shown(edge),
                "to": None if end is None else attribute.shown(end),
                "count": facet.counts.get(edge, 0),
            }
            for edge, end in edges.trimmed(ladder, facet.low, facet.high)
        ]
    return {
        "buckets": buckets,
        "unknown": facet.counts.get(None, 0),
        "min": None if facet.low is None else attribute.shown(facet.low),
        "max": None if facet.high is None else attribute.shown(facet.high),
    }
