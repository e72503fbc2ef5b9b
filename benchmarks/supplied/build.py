"""An adapter over stones in memory, with Nivoda's items: no limiter, no wire, no wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.stones import Stone
from catalog.rows import StoneFacts
from ingest.feeds.adapter import StoneIdentity, StoneQuery, SupplierPage
from ingest.feeds.nivoda import mapping

#: The supplier's stones; a benchmark fills the list before it starts a walk.
inventory: list[Stone] = []


class InMemory:
    """An adapter whose every slice holds all stones, 50 a page, and whose look-ups find none."""

    page_limit = 50
    answers_by_id = True
    counts_per_request = 1
    query_version = "bench"
    mapper_version = mapping.MAPPER_VERSION

    def server_time(self) -> datetime:
        return datetime.now(UTC)

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        return [len(inventory) for _ in queries]

    def page(self, query: StoneQuery, offset: int, limit: int) -> SupplierPage:
        return SupplierPage([stone.payload for stone in inventory[offset : offset + limit]], None, 0.0)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        return SupplierPage([], None, 0.0)

    def identify(self, item: bytes) -> StoneIdentity:
        return mapping.identify(item)

    def to_diamond(self, item: bytes) -> StoneFacts:
        return mapping.to_diamond(item, labgrown=False)


def build(_parameters: dict[str, Any], _secrets: Mapping[str, str] | None) -> InMemory:
    """Make the adapter; it takes neither parameters nor secrets."""
    return InMemory()


def secrets_of(_parameters: dict[str, Any]) -> Mapping[str, str]:
    """It sends none."""
    return {}
