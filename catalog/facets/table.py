"""Which attributes have facets, and what their values are called: made from the table of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.columns import COLUMNS, Address, Chosen, Column, Flag, Graded, Money, Named
from diamondhub import money
from diamondhub.access.scopes import Scope

#: Attributes of which it is told how their numbers lie.
HISTOGRAMS = ("price", "carats")
#: Attributes whose values are letters and names.
_AS_THEY_ARE = ("color", "clarity", "lab", "feed", "growth_method", "supplier", "country", "location")


@dataclass(frozen=True)
class Attribute:
    """An attribute whose values are counted."""

    name: str
    column: Column

    @property
    def source(self) -> str:
        """The model's column."""
        return self.column.source

    @property
    def scope(self) -> Scope:
        """What a client needs to see it."""
        assert self.column.scope is not None
        return self.column.scope

    @property
    def is_histogram(self) -> bool:
        """Whether its values are counted by ranges."""
        return self.name in HISTOGRAMS

    @property
    def is_money(self) -> bool:
        """Whether its values are amounts of money."""
        return isinstance(self.column.kind, Money)

    @property
    def is_presence(self) -> bool:
        """Whether it asks only if there is a value."""
        return isinstance(self.column.kind, Address)

    def shown(self, value: Any) -> Any:
        """A value of the column as it is asked for."""
        kind = self.column.kind
        if isinstance(kind, Graded):
            return kind.grades(value).name
        if isinstance(kind, Money):
            return money.to_text(value)
        return float(value) if self.is_histogram else value

    def label(self, value: Any) -> str:
        """A value that is shown, as people read it."""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        return str(value) if self.name in _AS_THEY_ARE else str(value).replace("_", " ").capitalize()

    def in_order(self, values: Iterable[Any]) -> Sequence[Any]:
        """The column's values in the trade's order, with those that every stone could have and none of these has."""
        kind, there = self.column.kind, set(values)
        if isinstance(kind, Graded):
            return sorted({*there, *(grade.value for grade in kind.grades)})
        if isinstance(kind, Chosen):
            return list(kind.values)
        if isinstance(kind, Flag | Address):
            return [True, False]
        first = [name for name in kind.known if name in there] if isinstance(kind, Named) else []
        return [*first, *sorted(there.difference(first))]


ATTRIBUTES: Mapping[str, Attribute] = {
    column.asked: Attribute(column.asked, column)
    for column in COLUMNS
    if column.facet == "values" or (column.facet == "range" and column.asked in HISTOGRAMS)
}
