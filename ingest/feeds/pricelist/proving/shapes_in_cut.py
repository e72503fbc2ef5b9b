"""A column "Cut" that holds shapes, in lists that have no other column of shapes: its words say so, its header does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ingest.feeds.pricelist import vocabulary
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import columns_of, key

#: The share of the filled cells that must be shapes. Fewer must be grades: `E` and `P` are both.
SHAPES = 0.9


def candidate(headers: Sequence[str], chosen: Mapping[str, str]) -> str:
    """The column that may hold shapes instead of grades; empty if there is none, or somebody has said what it holds."""
    columns = columns_of(headers, chosen)
    cut = columns.get("cut", "")
    return "" if "shape" in columns or key(cut) in chosen else cut


def shapes_among(cells: Iterable[str]) -> tuple[int, int] | None:
    """How many of how many filled cells are shapes, if the column holds shapes."""
    filled = [cell for cell in cells if is_filled(cell)]
    shapes, grades = (
        sum(bool(vocabulary.FIELDS[field].understood[cell]) for cell in filled) for field in ("shape", "cut")
    )
    return (shapes, len(filled)) if shapes > grades and shapes >= SHAPES * len(filled) else None
