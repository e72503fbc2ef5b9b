"""Counts of a search by attribute, each without the search's own condition on it: what shops show behind tick boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.currencies.converting import DOLLARS, Exchange
from catalog.facets import by_sql, edges, prices
from catalog.facets.table import ATTRIBUTES, Attribute
from catalog.searching.conditions import Asked, Known
from catalog.searching.database import DatabaseHits
from catalog.searching.hits import Facet, Hits

#: Values of one facet at most, the commonest; the others are counted together.
MAX_VALUES = 300


def facets(hits: Hits, asked: Asked, names: Iterable[str], exchange: Exchange = DOLLARS) -> dict[str, Any]:
    """The facets of these attributes, as they are answered; prices are in a currency."""
    attributes = [ATTRIBUTES[name] for name in names]
    if isinstance(hits, DatabaseHits):
        # Each by itself would read the table as often.
        counted = by_sql.facets(asked, attributes)
    else:
        counted = {attribute.name: _counted(hits, asked, attribute) for attribute in attributes}
    return {
        attribute.name: (
            _histogram(hits, attribute, counted[attribute.name], exchange)
            if attribute.is_histogram
            else _values(attribute, counted[attribute.name].counts)
        )
        for attribute in attributes
    }


def total_of(facets_by_name: Mapping[str, Any], asked: Asked) -> int | None:
    """How many stones there are, by a facet whose attribute is not asked about; None if there is none."""
    for name, facet in facets_by_name.items():
        if name not in asked:
            counted = facet.get("values", facet.get("buckets"))
            total: int = sum(bucket["count"] for bucket in counted) + facet["unknown"] + facet.get("others", 0)
            return total
    return None


def _counted(hits: Hits, asked: Asked, attribute: Attribute) -> Facet:
    if attribute.is_presence:
        others = {name: condition for name, condition in asked.items() if name != attribute.name}
        found = {there: hits.of({**others, attribute.name: Known(attribute.source, there)}) for there in (True, False)}
        return Facet({there: of_it.count().number for there, of_it in found.items()})
    ladder = edges.LADDERS[attribute.name] if attribute.is_histogram else None
    return hits.facet(attribute.name, attribute.source, edges=ladder)


def _values(attribute: Attribute, counts: Mapping[Any, int]) -> dict[str, Any]:
    known = {value: number for value, number in counts.items() if value is not None}
    told = known
    if len(known) > MAX_VALUES:
        told = dict(sorted(known.items(), key=lambda entry: (-entry[1], str(entry[0])))[:MAX_VALUES])
    values = [
        {"value": shown, "label": attribute.label(shown), "count": told.get(value, 0)}
        for value in attribute.in_order(told)
        for shown in [attribute.shown(value)]
    ]
    others = sum(known.values()) - sum(told.values())
    return {"values": values, "unknown": counts.get(None, 0), "others": others}


def _histogram(hits: Hits, attribute: Attribute, facet: Facet, exchange: Exchange) -> dict[str, Any]:
    if attribute.is_money and exchange.is_needed:
        return prices.histogram(hits, attribute, facet, exchange)
    ladder = edges.LADDERS[attribute.name]
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
