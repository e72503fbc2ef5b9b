"""The stones of a run on which the supplier's items are strange: found by looking at payloads, some thousands at a time.

What a run drifts by is counted over a share of its payloads and kept as numbers; which stones those were is nowhere kept.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from ingest import raw_store
from ingest.drift import storable
from ingest.errors import MappingError
from ingest.feeds.adapter import Watchful
from ingest.feeds.adapters import adapter_of
from ingest.models import Run

#: Stones whose payloads one look takes.
LOOK_AT = 2_000
#: What is looked for: a field that the adapter does not know (its path), or values that it does not understand (a column).
WHATS = ("field", "value")


@dataclass(frozen=True, slots=True)
class Hit:
    """A stone, and the value that was not understood."""

    diamond_id: uuid.UUID
    supplier_stone_id: str
    value: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was found among the payloads of `looked_at` stones. `last` is the last of these, None if there are no more."""

    hits: list[Hit]
    looked_at: int
    last: uuid.UUID | None


def behind(run: Run, what: str, name: str, stone: uuid.UUID) -> Look:
    """Look at the run's newest payload of each of the stones with greater ids, `LOOK_AT` at most."""
    adapter = adapter_of(run.feed)
    if not isinstance(adapter, Watchful):
        return Look([], 0, None)
    rows = raw_store.newest_behind(run.pk, stone, limit=LOOK_AT)
    hits = []
    for diamond_id, named, payload in rows:
        value = _strange(adapter, payload, what, name)
        if value is not None:
            hits.append(Hit(diamond_id, named, value))
    return Look(hits, len(rows), rows[-1][0] if len(rows) == LOOK_AT else None)


def _strange(adapter: Watchful, payload: bytes, what: str, name: str) -> str | None:
    try:
        seen = adapter.look(payload)
    except (MappingError, RecursionError):
        return None
    if what == "field":
        return "" if name in map(storable, seen.unknown_fields) else None
    return next((storable(value) for column, value in seen.not_understood if column == name), None)
