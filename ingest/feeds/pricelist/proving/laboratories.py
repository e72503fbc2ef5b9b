"""A column called by certificates ("Report" beside "Report No") that names their laboratories and has no numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.labs import KNOWN_LABS
from ingest.feeds.pricelist import certificates
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import key, ranked_columns
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: The share of a column's filled cells that name laboratories which certify stones.
KNOWN = 0.9


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """The column of laboratories, in a list that has none by its header."""
    ranked = ranked_columns(headers, parameters.chosen)
    if "lab" in ranked:
        return NOTHING
    for header in ranked.get("certificate_number", ()):
        filled = [cell for cell in cells_below(header, sample) if is_filled(cell)]
        if key(header) in parameters.chosen or any(any(map(str.isdigit, cell)) for cell in filled):
            continue
        known = sum(certificates.lab[cell] in KNOWN_LABS for cell in filled)
        if known and known >= KNOWN * len(filled):
            note = f"{header!r} names laboratories on {known:,} of {len(filled):,} rows, and no numbers"
            return Finding({header: "lab"}, (note,))
    return NOTHING
