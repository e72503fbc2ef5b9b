"""The orders in which stones can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalog.columns import COLUMNS, Column

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


def _of(column: Column) -> Sort:
    order = Sort(column.source, column.kind.read, nullable=column.nullable)
    # An order that is named for its greatest value, such as the newest, begins with it.
    return order.reversed() if column.sort.startswith("-") else order


_BY = {column.sort.lstrip("-"): _of(column) for column in COLUMNS if column.sort}
# Its name of old.
_BY["changed_at"] = _BY["changed"]
SORTS: Mapping[str, Sort] = _BY | {f"-{name}": sort.reversed() for name, sort in _BY.items()}
