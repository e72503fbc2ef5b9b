"""Columns that say whether stones are to be had, though their header says something else, or nothing that we know.

"State" is where a stone is or how it is, "Stage" and "Party Name" may be anything: cells that speak of availability in any
column, for stones that are to be had and for others, prove what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.feeds.pricelist import words
from ingest.feeds.pricelist.columns import NAMES, is_filled
from ingest.feeds.pricelist.headers import OF_MONEY, key, ranked_columns
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Fields whose columns are read for it, or hold names, money and numbers of stones.
_OTHERS = NAMES | {*OF_MONEY, "availability", "off_market", "comments", "stones", "carats"}
#: Rows from which on a column can tell, and the shares of them that it fills and whose words are known.
_MIN_ROWS, _FILLED, _KNOWN = 5, 0.9, 0.5


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """The columns whose cells speak of availability. A word of theirs that nobody knows promises nothing."""
    found = NOTHING
    if len(sample) < _MIN_ROWS:
        return found
    ranked = ranked_columns(headers, parameters.chosen)
    read = {header for field in _OTHERS for header in ranked.get(field, ())}
    for header in headers:
        if header in read or key(header) in parameters.chosen:
            continue
        filled = [cell for cell in cells_below(header, sample) if is_filled(cell)]
        if len(filled) < _FILLED * len(sample):
            continue
        known = [cell for cell in filled if words.is_availability(cell)]
        if len(known) < _KNOWN * len(filled):
            continue
        if any(words.typed_over[cell] for cell in known) and any(words.promises(cell) for cell in known):
            note = f"{header!r} says whether stones are to be had: {len(known):,} of {len(filled):,} cells are words for it"
            found |= Finding({header: "availability"}, (note,))
    return found
