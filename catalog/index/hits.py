"""Searches answered by one version of the index: exact counts, pages in every order, and counts by attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from catalog.index import bits, counting, evaluating, spreading
from catalog.index.bits import Words
from catalog.index.paging import page_of
from catalog.index.snapshot import Snapshot
from catalog.searching.conditions import Asked, Condition
from catalog.searching.hits import Count, Facet, Spread
from catalog.searching.sorts import Place, Sort


class _Terms:
    """The sets of conditions over one version, each made once, whichever searches ask for it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._made: dict[Condition, Words] = {}

    def of(self, condition: Condition) -> Words:
        words = self._made.get(condition)
        if words is None:
            words = self._made[condition] = evaluating.rows_meeting(self.snapshot, condition)
        return words


class IndexHits:
    """The hits of a search in one version. To be used by one thread; any number may use the version.

    Raises `NotIndexed` when it is made for conditions on what the index does not keep.
    """

    found_by = "index"

    def __init__(self, snapshot: Snapshot, asked: Asked, terms: _Terms | None = None) -> None:
        self.version = snapshot.version
        self._snapshot = snapshot
        self.asked = asked
        self._terms = terms or _Terms(snapshot)
        self._sets = {name: self._terms.of(condition) for name, condition in asked.items()}

    def of(self, asked: Asked) -> IndexHits:
        """The hits of another search in the same version; what both ask is worked out once."""
        return IndexHits(self._snapshot, asked, self._terms)

    def by_certificate(self) -> CertifiedInIndex:
        """The hits, of each certificate the cheapest alone."""
        return CertifiedInIndex(self._snapshot, self._rows)

    @cached_property
    def _rows(self) -> Words:
        return evaluating.intersected(list(self._sets.values()), self._snapshot)

    @cached_property
    def _number(self) -> int:
        return bits.count(self._rows)

    def count(self) -> Count:
        """How many there are, exactly."""
        return Count(self._number)

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        """The places of the first `limit` stones behind `after` in an order."""
        return page_of(self._snapshot, self._rows, self._number, sort, after, limit)

    def spread(self, across: int, up: int) -> Spread:
        """The prices over the carats, in at most so many steps of each."""
        return spreading.spread(self._snapshot, self._rows, across, up)

    def facet(self, attribute: str, column: str, *, edges: Sequence[Any] | None = None) -> Facet:
        """The facet of an attribute over a column, or its histogram."""
        return counting.facet(self._snapshot, self._without(attribute), column, edges)

    def _without(self, attribute: str) -> counting.Base:
        """The hits as if nothing were asked of an attribute."""
        return self._others[attribute] if attribute in self._sets else self._base

    @cached_property
    def _base(self) -> counting.Base:
        return counting.Base(self._rows, shared=True)

    @cached_property
    def _others(self) -> Mapping[str, counting.Base]:
        """By attribute, what meets all conditions but its own: those before it are joined to those behind it."""
        sets, snapshot = list(self._sets.values()), self._snapshot
        ahead, behind = [snapshot.everything], [snapshot.everything]
        for words in sets[:-1]:
            ahead.append(ahead[-1] & words)
        for words in reversed(sets[1:]):
            behind.append(behind[-1] & words)
        joined = (one & other for one, other in zip(ahead, reversed(behind), strict=True))
        return dict(zip(self._sets, map(counting.Base, joined), strict=True))


class CertifiedInIndex:
    """Of each certificate among hits the cheapest stone, in one version."""

    found_by = "index"

    def __init__(self, snapshot: Snapshot, hits: Words) -> None:
        self.version = snapshot.version
        self._snapshot = snapshot
        self._hits = hits

    def count(self) -> Count:
        """How many there are, exactly."""
        return Count(self._number)

    def page(self, sort: Sort, after: Place | None, limit: int) -> Sequence[Place]:
        """The places of the first `limit` stones behind `after` in an order."""
        return page_of(self._snapshot, self._rows, self._number, sort, after, limit)

    def offers(self, ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """How many of the hits there are of the certificates of these stones."""
        snapshot = self._snapshot
        _, certificates = self._doubtful
        tally = np.bincount(certificates, minlength=snapshot.certificates)
        offers = {}
        for identity in ids:
            row = evaluating.row_of(snapshot, identity)
            if row is not None:
                place = int(np.searchsorted(snapshot.shared_rows, np.uint32(row)))
                is_shared = place < len(snapshot.shared_rows) and snapshot.shared_rows[place] == row
                offers[identity] = int(tally[snapshot.shared_certificate[place]]) if is_shared else 1
        return offers

    @cached_property
    def _doubtful(self) -> tuple[bits.Rows, NDArray[np.int32]]:
        """The hits whose certificates other stones of the catalogue have as well, and the numbers of these."""
        among = bits.has(self._hits, self._snapshot.shared_rows)
        return self._snapshot.shared_rows[among].astype(np.int64), self._snapshot.shared_certificate[among]

    @cached_property
    def _rows(self) -> Words:
        (rows, certificates), snapshot = self._doubtful, self._snapshot
        # Rows lie in the order of the price: read backwards, the first of a certificate is the last to be noted.
        cheapest = np.full(snapshot.certificates, -1, np.int64)
        cheapest[certificates[::-1]] = rows[::-1]
        return (self._hits & snapshot.single) | bits.of_rows(cheapest[cheapest >= 0], len(snapshot))

    @cached_property
    def _number(self) -> int:
        return bits.count(self._rows)
