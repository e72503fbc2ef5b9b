"""What arrays of stones say, in Python's terms, so that two of them can be compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from catalog.index.attributes import Word, forms
from catalog.index.snapshot import Stones, id_at, missing


def said_of(stones: Stones) -> dict[UUID, dict[str, Any]]:
    """Every stone's numbers and texts by column, None for what it lacks; by id, in the order of the rows."""
    return {id_at(stones, row): {name: _value(stones, name, row) for name in forms()} for row in range(len(stones))}


def _value(stones: Stones, name: str, row: int) -> Any:
    numbers = stones.columns[name]
    number = int(numbers[row])
    if number == missing(numbers.dtype):
        return None
    return stones.words[name][number] if isinstance(forms()[name], Word) else number
