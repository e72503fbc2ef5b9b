"""Stones for a benchmark: items of the sandbox's inventory as a supplier's pages hold them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import msgspec

from catalog.models import diamond_id
from ingest.feeds.nivoda import mapping
from ingest.raw_store import Received, payload_hash
from ingest.sandbox.supplier import Options, Supplier


@dataclass(frozen=True, slots=True)
class Stone:
    """One item of the inventory: its payload, the supplier's stone id, and the catalogue's id."""

    diamond_id: UUID
    supplier_stone_id: str
    payload: bytes

    def received(self) -> Received:
        return Received(self.diamond_id, self.supplier_stone_id, self.payload, payload_hash(self.payload))


def stones(number: int, *, feed: str) -> list[Stone]:
    """The first `number` stones of an inventory, natural and lab-grown."""
    supplier = Supplier(Options(stones=number))
    inventory = []
    for item in supplier.items(labgrown=None, availability=0):
        payload = msgspec.json.encode(item)
        identity = mapping.identify(payload)
        inventory.append(Stone(diamond_id(feed, identity.supplier_stone_id), identity.supplier_stone_id, payload))
    return inventory


def repriced(stone: Stone) -> Stone:
    """The stone with another payload, whose price is a dollar higher."""
    item = json.loads(stone.payload)
    item["price"] += 100
    return Stone(stone.diamond_id, stone.supplier_stone_id, msgspec.json.encode(item))
