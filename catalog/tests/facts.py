"""What a supplier says about one stone, for tests: `facts(cost_cents=500_00)` states what matters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from catalog.rows import StoneFacts


def facts(**changes: Any) -> StoneFacts:
    """An available natural round of one carat that costs 1,000 dollars, with nothing else known."""
    known: dict[str, Any] = {
        **dict.fromkeys(StoneFacts.__struct_fields__),
        "offer_id": "offer-1",
        "shape": "ROUND",
        "carats": Decimal("1.000"),
        "lab_grown": False,
        "images": [],
        "cost_cents": 100_000,
        "availability": "available",
    }
    return StoneFacts(**{**known, **changes})
