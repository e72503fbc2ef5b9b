"""What every evaluator of searches gives: the hits of a search, to be counted, paged and counted by attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol
from uuid import UUID

from catalog.searching.conditions import Asked
from catalog.searching.sorts import Place, Sort


@dataclass(frozen=True, slots=True)
class Count:
    """How many stones; a lower bound unless it is exact."""

    number: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Facet:
    """The stones of a search by the values of one attribute, without the search's own condition on that attribute.

    `counts` are by the column's values (None: those that lack it) and leave out what no stone has. For numbers that many
    have each their own, `counts` are by the buckets' lower edges, and `low` and `high` are the least and the greatest value.
    """

    counts: Mapping[Any, int]
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class Spread:
    """How the prices of hits lie over their carats; stones without a weight, or of none, are left out.

    `carats` (thousandths) and `cents` are the lower edges of the cells, which rise by a ratio, and last the greatest value.
    `counts` are the stones by (lab-grown, place in `carats`, place in `cents`).
    """

    carats: Sequence[int]
    cents: Sequence[int]
    counts: Mapping[tuple[bool, int, int], int]


class Pages(Protocol):
    """Stones in any order, as of one version of the catalogue."""

    #: The version of the catalogue that they are of.
    version: int
    #: Who found them: `index` or `database`.
    found_by: str

    def count(self) -> Count:
        """How many there are."""

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        """The places of the first `limit` stones behind `after` in an order."""


class Hits(Pages, Protocol):
    """The stones that meet all conditions of a search."""

    def of(self, asked: Asked) -> Hits:
        """The hits of another search, as of the same version."""

    def by_certificate(self) -> Certified:
        """The hits, of each certificate the cheapest alone."""

    def spread(self, across: int, up: int) -> Spread:
        """The prices over the carats, in at most so many steps of each."""

    def facet(self, attribute: str, column: str, *, edges: Sequence[Any] | None = None) -> Facet:
        """The facet of an attribute over a column.

        With `edges`, which rise and begin at the least value that there can be, it is a histogram: a bucket holds the values
        from its edge up to, but not including, the next one; the last bucket all above its edge.
        """


class Certified(Pages, Protocol):
    """The cheapest offer (of equals the one with the least id) of each stone among the hits of a search.

    Which are offers of one stone is told by their certificates, see `catalog.offers`; all others stand for themselves.
    """

    def offers(self, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """How many of the hits are offers of these stones, which are among the places of pages."""


def ratio_edges(low: int, high: int, steps: int) -> list[int]:
    """Lower edges from `low` (more than 0) on that rise by the same ratio, in whole numbers, each once; last is `high`."""
    edges = {low, *(ceil(low * (high / low) ** (step / steps)) for step in range(1, steps))}
    return [*sorted(edge for edge in edges if edge <= high), high]
