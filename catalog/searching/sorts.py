"""The orders in which stones can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalog.columns import COLUMNS

#: The place of a stone in an order: (its key, None if it lacks the value; its id).
Place = tuple[Any, UUID]


@dataclass(frozen=True)
class Sort:
    """An order of stones: by a column, stones without a value last, and by id among equals.

    `read` makes a key of what a cursor's JSON keeps of it.
    """

    column: str
    read: Callable[[Any], Any]
    nullable: bool
    descending: bool = False

    def reversed(self) -> Sort:
        """The same from the other end; stones without a value are still last."""
        return Sort(self.column, self.read, self.nullable, not self.descending)


_BY = {
    column.name: Sort(column.source, column.kind.read, nullable=column.nullable)
    for column in COLUMNS
    if column.sortable
}
SORTS: Mapping[str, Sort] = _BY | {f"-{name}": sort.reversed() for name, sort in _BY.items()}
