"""The histogram of prices in another currency: edges that people would choose, counted by the cents they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log10
from typing import Any

from catalog.currencies.converting import Exchange, least
from catalog.facets import edges
from catalog.facets.table import Attribute
from catalog.searching.hits import Facet, Hits


def histogram(hits: Hits, attribute: Attribute, facet: Facet, exchange: Exchange) -> dict[str, Any]:
    """The histogram of prices, of which `facet` has the least and the greatest and those that lack one."""
    if facet.low is None or facet.high is None:
        return {"buckets": [], "unknown": facet.counts.get(None, 0), "min": None, "max": None}
    low, high = exchange.price(facet.low), exchange.price(facet.high)
    unit = _about_a_dollar(exchange)
    ladder = _ladder(exchange)
    if not edges.tells_apart(ladder, unit, low, high):
        ladder = tuple(int(edge) for edge in edges.in_even_steps(unit, low, high))
    begins = _cents(exchange, ladder)
    counted = hits.facet(attribute.name, attribute.source, edges=sorted(set(begins.values())))
    # Of edges between which no price lies the last has the bucket; the ranges before it are empty.
    last = {cents: edge for edge, cents in begins.items()}
    buckets = [
        {
            "from": exchange.text(int(edge)),
            "to": None if end is None else exchange.text(int(end)),
            "count": counted.counts.get(begins[int(edge)], 0) if last[begins[int(edge)]] == edge else 0,
        }
        for edge, end in edges.trimmed(ladder, low, high)
    ]
    return {
        "buckets": buckets,
        "unknown": counted.counts.get(None, 0),
        "min": exchange.text(low),
        "max": exchange.text(high),
    }


def _about_a_dollar(exchange: Exchange) -> int:
    """The power of ten of the currency's unit that is next to a dollar, in the smallest part."""
    tens = round(log10(exchange.rate)) + exchange.places
    return int(10 ** max(tens, 0))


@lru_cache(maxsize=64)
def _ladder(exchange: Exchange) -> tuple[int, ...]:
    """The ladder of dollars in amounts of about the same worth, which are as round."""
    return tuple(int(cents) // 100 * _about_a_dollar(exchange) for cents in edges.LADDERS["price"])


@lru_cache(maxsize=64)
def _cents(exchange: Exchange, ladder: Sequence[int]) -> dict[int, int]:
    """From which cents on prices are at or above each edge."""
    return {edge: least(exchange.price, edge) for edge in ladder}
