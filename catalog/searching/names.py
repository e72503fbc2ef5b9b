"""Which names of shapes, laboratories, colours and countries there are: those that the trade uses, and those of the stones.

The lists are open, suppliers bring new names; but a search by a name that no stone ever had is a mistake, and is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from catalog import index
from catalog.columns import COLUMNS, Named
from catalog.models import Diamond
from catalog.searching.pages import SEARCH_SECONDS
from diamondhub.admin.base import bounded

#: Filters whose names are checked, each with its kind.
CHECKED: Mapping[str, Named] = {
    column.asked: column.kind for column in COLUMNS if isinstance(column.kind, Named) and column.kind.checked
}
_SOURCES = {column.asked: column.source for column in COLUMNS if column.asked in CHECKED}


def unknown(name: str, asked: Collection[str]) -> Sequence[str]:
    """Those of the names asked for by a filter that nothing is called.

    Only a name that the lists do not have is looked for: among the index's words, and where there is no index in the
    catalogue itself, which takes no longer than the search by it would.
    """
    strange = set(asked) - set(CHECKED[name].known)
    if not strange:
        return ()
    column = _SOURCES[name]
    if (snapshot := index.current()) is not None:
        return sorted(strange - snapshot.places(column).keys())
    stones = Diamond.objects.filter(**{f"{column}__in": strange})
    with bounded(SEARCH_SECONDS):
        return sorted(strange - set(stones.order_by().values_list(column, flat=True).distinct()))
