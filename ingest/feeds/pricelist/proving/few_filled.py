"""Columns whose headers mean several things, and whose filled cells tell which: parties, and counts of stones.

"Party" on a few rows is who has the stone, on all rows who sells it. "Nos" counts the stones of a row or the rows of the
list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import fold, key
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.verdicts import Answer, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Headers after `headers.fold`.
_PARTIES = frozenset({"PARTY", "PARTYNAME", "COMPANY", "COMPANYNAME", "DEALER", "DEALERNAME"}) | {
    *("BROKER", "BROKERNAME", "SALESMAN", "SALESPERSON", "SALESREP", "AGENT")
}
_COUNTS = frozenset({"NOS", "COUNT", "PIECESLOT", "PCSLOT", "STONESLOT", "NOOF"})
#: Shares of the rows: a party on fewer is asked about, and so many counts at least are one.
_FEW, _MOSTLY_ONE = 0.9, 0.5
#: Rows from which on a column can tell.
MIN_ROWS = 5
#: Most stones of a row (digits), and the longest party that a question shows (characters).
_COUNT_DIGITS, _SHOWN = 4, 60


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """What such columns hold, and a question of a party that is on some rows only."""
    found = NOTHING
    if len(sample) < MIN_ROWS:
        return found
    for header in headers:
        folded = fold(header)
        if key(header) in parameters.chosen or folded not in _PARTIES | _COUNTS:
            continue
        cells = cells_below(header, sample)
        if folded in _PARTIES:
            found |= _party(header, cells)
        else:
            found |= _count(header, cells)
    return found


def _party(header: str, cells: Sequence[str]) -> Finding:
    filled = [cell for cell in cells if is_filled(cell)]
    if not filled or len(filled) >= _FEW * len(cells):
        return NOTHING
    taken: Mapping[str, str] = {header: "off_market"}
    return Finding(
        question=Question(
            f"{header!r} is filled on {len(filled):,} of {len(cells):,} rows only ({filled[0][:_SHOWN]!r}): "
            "are these stones sold to it, or out with it?",
            (
                Answer("They are, and not to be had", {"columns": dict(taken)}),
                Answer("It is who sells them", {"columns": {header: "supplier_name"}}),
            ),
        )
    )


def _count(header: str, cells: Sequence[str]) -> Finding:
    """A count of stones: whole numbers most of which are 1, so that they count no rows."""
    filled = [cell for cell in cells if cell]
    counts = [int(cell) for cell in filled if numbers.is_count(cell, digits=_COUNT_DIGITS)]
    if not filled or len(counts) < len(filled) or counts.count(1) < _MOSTLY_ONE * len(counts) or max(counts) == 1:
        return NOTHING
    several = len(counts) - counts.count(1)
    return Finding({header: "stones"}, (f"{header!r} is the number of stones: {several:,} rows have several",))
