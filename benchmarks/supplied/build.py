"""An adapter over stones in memory, with Nivoda's items: no limiter, no wire, no wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.stones import Stone
from catalog.rows import StoneFacts
from ingest.feeds.adapter import StoneIdentity, StoneQuery, SupplierPage
from ingest.feeds.nivoda import mapping

#: What the supplier has; a benchmark fills it before it starts a walk.
inventory: list[Stone] = []


class InMemory:
    """All stones in one slice, 50 a page."""

    page_limit = 50
    answers_by_id = True
    counts_per_request = 1
    query_version = "bench"
    mapper_version = mapping.MAPPER_VERSION

    def server_time(self) -> datetime:
        """This machine's clock."""
        return datetime.now(UTC)

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        """Everything is in every slice."""
        return [len(inventory) for _ in queries]

    def page(self, query: StoneQuery, offset: int, limit: int) -> SupplierPage:
        """Stones in their order."""
        return SupplierPage([stone.payload for stone in inventory[offset : offset + limit]], None, 0.0)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        """Nobody is asked for."""
        return SupplierPage([], None, 0.0)

    def identify(self, item: bytes) -> StoneIdentity:
        """As Nivoda's."""
        return mapping.identify(item)

    def to_diamond(self, item: bytes) -> StoneFacts:
        """As Nivoda's."""
        return mapping.to_diamond(item, labgrown=False)


def build(_parameters: dict[str, Any]) -> InMemory:
    """The adapter."""
    return InMemory()
