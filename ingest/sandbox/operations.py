"""The supplier's operations without GraphQL around them: pages, counts, look-ups, holds and orders.

`ingest.sandbox.schema` calls these for every field of a query; each call sees the inventory as it is at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np

from ingest.sandbox import chance, trade
from ingest.sandbox.faults import Faults
from ingest.sandbox.inventory import Inventory
from ingest.sandbox.queries import Finder, Query, WrongQuery, read_query
from ingest.sandbox.rendering import Item, render
from ingest.sandbox.tokens import Tokens

PAGE_LIMIT = 50
#: Share of pages that come short in mid-stream.
SHORT_PAGES = 0.03
#: A hold lasts this long (microseconds).
HOLD_FOR = 48 * 3600 * 1_000_000


class Refused(Exception):
    """The supplier does not do what was asked; the message says why."""


class Operations:
    """The supplier's desk. `now` gives microseconds since 1970."""

    def __init__(
        self,
        inventory: Inventory,
        tokens: Tokens,
        faults: Faults,
        *,
        exact: bool,
        short_pages: float,
        now: Callable[[], int],
    ) -> None:
        self.inventory = inventory
        self.tokens = tokens
        self.finder = Finder(inventory, exact=exact)
        self._faults = faults
        self._short_pages = short_pages
        self._now = now

    def count(self, fields: dict[str, Any]) -> int:
        """The number of stones that a `DiamondQuery` finds; falsified by `wrong_counts`."""
        if self._faults.empty_inventory:
            return 0
        with self.inventory.lock:
            return self._faults.miscounted(self.finder.count(self._query(fields)))

    def page(self, fields: dict[str, Any], offset: int, limit: int, order: str, descending: bool) -> dict[str, Any]:
        """`items` from an offset on, and `total_count`: the number of stones from there to the end. Raises `Refused`."""
        if not 0 < limit <= PAGE_LIMIT:
            raise Refused(f"limit must be between 1 and {PAGE_LIMIT}, not {limit}")
        if offset < 0:
            raise Refused(f"offset must not be negative: {offset}")
        if self._faults.empty_inventory:
            return {"items": [], "total_count": 0}
        with self.inventory.lock:
            query = self._query(fields)
            matching = self.finder.find(query, order, descending=descending)
            stones: list[int] = matching[offset : offset + limit].tolist()
            if query.ids is None and query.certificate_numbers is None:
                stones = self._shown(stones, offset)
            return {"items": self.items(stones), "total_count": max(0, len(matching) - offset)}

    def _shown(self, stones: list[int], offset: int) -> list[int]:
        """The stones that the page really shows: a page may come short, the others follow from the next offset on."""
        if len(stones) < 2:
            return stones
        # Drawn from the page's offset and first stone, so that the same page comes short again.
        noise = int(chance.bits(self.inventory.seed, f"short {stones[0]}", np.array([offset]))[0])
        if (noise >> 16) / 2**48 >= self._short_pages:
            return stones
        return stones[: 1 + noise % (len(stones) - 1)]

    def items(self, stones: list[int]) -> list[Item]:
        """The items of stones as the supplier sends them, those of poisoned stones spoiled."""
        items = render(self.inventory, stones)
        for stone, item in zip(stones, items, strict=True):
            self._faults.poisoned(stone, item)
        return items

    def lookup(self, diamond_id: str) -> Item | None:
        """The offer of a stone's (or an offer's) id; None if there is none."""
        with self.inventory.lock:
            stone = self._stone(diamond_id)
            return None if stone is None or self._faults.empty_inventory else self.items([stone])[0]

    def create_hold(self, product_id: str) -> dict[str, Any]:
        """Hold an available stone; `denied` if it is not."""
        with self.inventory.lock:
            stone = self._stone(product_id)
            if stone is None:
                raise Refused(f"there is no diamond {product_id}")
            if self._availability(stone) != trade.AVAILABLE:
                return {"id": None, "denied": True, "until": None}
            now = self._now()
            hold_id = str(uuid4())
            self.inventory.hold_ids[stone] = hold_id
            self.inventory.set_availability([stone], trade.ON_HOLD, now)
            until = datetime.fromtimestamp((now + HOLD_FOR) / 1e6, UTC).isoformat(timespec="milliseconds")
            return {"id": hold_id, "denied": False, "until": until}

    def cancel_hold(self, hold_id: str) -> dict[str, Any]:
        """Give a held stone back. Raises `Refused` if there is no such hold."""
        with self.inventory.lock:
            stone = next((stone for stone, held in self.inventory.hold_ids.items() if held == hold_id), None)
            if stone is None:
                raise Refused(f"there is no hold {hold_id}")
            del self.inventory.hold_ids[stone]
            self.inventory.set_availability([stone], trade.AVAILABLE, self._now())
            return {"id": hold_id}

    def create_order(self, offer_ids: list[str]) -> str:
        """Sell available (or held) stones, all or none. Raises `Refused`."""
        with self.inventory.lock:
            stones = []
            for offer_id in offer_ids:
                stone = self._stone(offer_id) if offer_id.startswith("DIAMOND/") else None
                if stone is None:
                    raise Refused(f"there is no offer {offer_id}")
                if self._availability(stone) != trade.AVAILABLE and stone not in self.inventory.hold_ids:
                    raise Refused(f"the diamond of offer {offer_id} is not available")
                stones.append(stone)
            if not stones or len(set(stones)) < len(stones):
                raise Refused("an order takes at least one item, and each offer once")
            for stone in stones:
                self.inventory.hold_ids.pop(stone, None)
            self.inventory.set_availability(stones, trade.SOLD, self._now())
            return f"ORDER/{uuid4()}"

    @staticmethod
    def _query(fields: dict[str, Any]) -> Query:
        try:
            return read_query(fields)
        except WrongQuery as error:
            raise Refused(str(error)) from error

    def _stone(self, text: str) -> int | None:
        stone = self.inventory.identity.stone_of(text)
        if stone is None or stone >= self.inventory.size or self.inventory.columns["gone"][stone]:
            return None
        return stone

    def _availability(self, stone: int) -> int:
        return int(self.inventory.columns["availability"][stone])
