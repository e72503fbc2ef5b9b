"""What one client may see of the catalogue: every address that shows stones asks `reading.view_of` first, and keeps to it.

A view is part of all that is kept of answers: of cursors, of `ETag`s, of every cache's key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.currencies.converting import DOLLARS, Exchange
from catalog.searching.conditions import Asked, Condition


@dataclass(frozen=True)
class ClientView:
    """The view of a client. `key` is the same for the same view and another one for any other."""

    key: str
    #: As `key`, but the same whatever the currency and its rate: which stones are shown, and what of them.
    sight: str = ""
    #: Conditions that hold in every search, look-up, feed of changes and export, whatever the client asks; by attribute.
    forced: Mapping[str, Condition] = field(default_factory=dict)
    #: Values of filters, by parameter name, where the client says nothing of that attribute; money is cents.
    defaults: Mapping[str, Any] = field(default_factory=dict)
    #: Names of the columns that are shown at most; None: all that the client's scopes show.
    fields: frozenset[str] | None = None
    #: The currency of all money, in answers and in what is asked, with its rate.
    exchange: Exchange = DOLLARS
    #: Stones that one search or export shows at most, over all pages; None: all.
    max_rows: int | None = None
    #: The version of the catalogue at which the view became what it is: changes since an earlier one do not name the stones
    #: that left the view or came into it with that.
    since: int = 0

    @property
    def currency(self) -> str:
        """The currency of all money, in answers and in what is asked."""
        return self.exchange.currency

    def shows(self, column: str) -> bool:
        """Whether a column is shown, to clients whose scopes show it."""
        return self.fields is None or column in self.fields or column == "id"

    def narrowed(self, asked: Asked) -> Asked:
        """What is asked, within what is forced. Forced conditions are attributes of their own: no facet leaves them out."""
        return {**asked, **{f"view.{attribute}": condition for attribute, condition in self.forced.items()}}


#: The view of a client for whom nothing else is said.
EVERYTHING = ClientView(key="")
