"""Which names of shapes and laboratories there are: those that the trade uses, and those of the catalogue's stones.

The lists are open, suppliers bring new names; but a search by a name that no stone ever had is a mistake, and is told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from catalog.models import Diamond
from catalog.searching.pages import SEARCH_SECONDS
from catalog.shapes import KNOWN_SHAPES
from diamondhub.admin.base import bounded

#: Laboratories that certify stones of the trade.
KNOWN_LABS = ("GIA", "IGI", "HRD", "GCAL", "AGS", "EGL", "GSI", "NONE")
KNOWN = {"shape": KNOWN_SHAPES, "lab": KNOWN_LABS}


def unknown(column: str, names: Collection[str]) -> Sequence[str]:
    """Those of the names that are none of a shape, or of a lab.

    Only a name that the lists do not have is looked for in the catalogue; that takes no longer than the search by it would.
    """
    strange = set(names) - set(KNOWN[column])
    if not strange:
        return ()
    # Both kinds are all stones; naming them lets the index of shapes serve.
    stones = Diamond.objects.filter(**{f"{column}__in": strange, "lab_grown__in": [False, True]})
    with bounded(SEARCH_SECONDS):
        return sorted(strange - set(stones.order_by().values_list(column, flat=True).distinct()))
