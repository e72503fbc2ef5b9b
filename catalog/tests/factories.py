"""Valid stones for tests: `a_diamond(price_cents=500_00)` states what matters, the rest is one ordinary stone."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import connection

from catalog.changes import log
from catalog.grades import Clarity, Color, Finish, Fluorescence
from catalog.models import Availability, Diamond, diamond_id

_numbers = count(1)
#: When ordinary stones were first seen and last changed.
SEEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def build_diamond(**changes: Any) -> Diamond:
    """A stone that is not saved yet; its id follows from feed and supplier's stone id unless it is given."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "feed": "nivoda-natural",
        "supplier_stone_id": f"stone-{number}",
        "offer_id": f"offer-{number}",
        "shape": "ROUND",
        "carats": Decimal("1.01"),
        "color": Color.G,
        "clarity": Clarity.VS1,
        "cut": Finish.EXCELLENT,
        "polish": Finish.EXCELLENT,
        "symmetry": Finish.VERY_GOOD,
        "fluorescence_intensity": Fluorescence.NONE,
        "lab_grown": False,
        "lab": "GIA",
        "certificate_number": str(2_000_000_000 + number),
        "length_mm": Decimal("6.45"),
        "width_mm": Decimal("6.42"),
        "depth_mm": Decimal("3.98"),
        "ratio": Decimal("1.005"),
        "table_pct": Decimal("57.00"),
        "depth_pct": Decimal("61.80"),
        "image_url": f"https://images.example/{number}.jpg",
        "images": [f"https://images.example/{number}.jpg"],
        "supplier_name": "Antwerp Stones",
        "cost_cents": 5_000_00,
        "cost_per_carat_cents": 4_950_50,
        "price_cents": 7_000_00,
        "price_per_carat_cents": 6_930_69,
        "availability": Availability.AVAILABLE,
        "rating": 5,
        "rule_set": 1,
        "priced_on": SEEN.date(),
        "payload_hash": hashlib.sha256(str(number).encode()).digest()[:16],
        "raw_id": number,
        "source_updated_at": SEEN,
        "first_seen_at": SEEN,
        "changed_at": SEEN,
    }
    values.update(changes)
    values.setdefault("id", diamond_id(values["feed"], values["supplier_stone_id"]))
    return Diamond(**values)


def a_diamond(**changes: Any) -> Diamond:
    """A saved stone."""
    stone = build_diamond(**changes)
    stone.save(force_insert=True)
    return stone


def committed() -> int:
    """Take the version of what was written so far, as the end of its transaction would, and begin another; the version."""
    version = log.take()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('diamondhub.change_set', '', true)")
    return version
