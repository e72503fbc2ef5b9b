"""Colour and clarity in one cell: "G/VS1", "G VS1", "VS1 - G". A column is one of both where all that it holds is so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.grades import Clarity, fold
from ingest.feeds import values
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist.headers import field_of, key, ranked_columns
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.values import Reader

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper
    from ingest.feeds.pricelist.parameters import Parameters

#: What may stand between both.
_BETWEEN = re.compile(r"\s*[/|,;+_-]\s*|\s+")
#: Rows from which on a column tells by itself what it holds.
MIN_ROWS = 5


def _parts(cell: str) -> tuple[str, str] | None:
    """Colour and clarity of a cell that has both, and nothing else; None for any other."""
    for between in _BETWEEN.finditer(cell):
        before, behind = cell[: between.start()].strip(), cell[between.end() :].strip()
        for color, clarity in ((before, behind), (behind, before)):
            if values.grade(Clarity, clarity) is not None and fancy_facts(color, None, None, None).color:
                return color, clarity
    return None


#: The colour and the clarity of a cell that has both.
parts = Reader(_parts)


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """The column that holds both on all rows, in a list that has no column of its own for one of them."""
    named = ranked_columns(headers, parameters.chosen)
    if "color_clarity" in named or ("color" in named and "clarity" in named):
        return NOTHING
    found = []
    for header in headers:
        known = field_of(header)
        if key(header) in parameters.chosen or (known and known[0] not in ("", "color", "clarity")):
            continue
        filled = [cell for cell in cells_below(header, sample) if fold(cell) not in values.NOTHING]
        if len(filled) >= MIN_ROWS and all(parts[cell] for cell in filled):
            found.append((header, len(filled)))
    if len(found) != 1:
        return NOTHING
    header, rows = found[0]
    return Finding({header: "color_clarity"}, (f"{header!r} holds colour and clarity, on all of its {rows:,} rows",))
