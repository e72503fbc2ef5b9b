"""Columns whose headers mean several things, and whose filled cells tell which: parties, counts of stones, and mates.

"Party" on a few rows is who has the stone, on all rows who sells it. "Nos" counts the stones of a row or the rows of the
list. "Match" names the other stone of a pair, or how well a stone matches anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.pricelist.headers import fold, key, ranked_columns
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.verdicts import Answer, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Headers after `headers.fold`.
_PARTIES = frozenset({"PARTY", "PARTYNAME", "COMPANY", "COMPANYNAME", "DEALER", "DEALERNAME"}) | {
    *("BROKER", "BROKERNAME", "SALESMAN", "SALESPERSON", "SALESREP", "AGENT")
}
_COUNTS = frozenset({"NOS", "COUNT", "PIECESLOT", "PCSLOT", "STONESLOT", "NOOF"})
_MATES = frozenset({"MATCH", "MATE", "MATCHNO", "MATCHING", "MATCHED", "SET", "SETNO", "SETID", "SETCODE"})
#: Shares of the rows: a party on fewer is asked about, a mate on more is none, and so many counts at least are one.
_FEW, _MOST_MATES, _MOSTLY_ONE = 0.9, 0.5, 0.5
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
        if key(header) in parameters.chosen or folded not in _PARTIES | _COUNTS | _MATES:
            continue
        cells = cells_below(header, sample)
        if folded in _PARTIES:
            found |= _party(header, cells)
        elif folded in _COUNTS:
            found |= _count(header, cells)
        else:
            named = ranked_columns(headers, parameters.chosen).get("stock_number", ())
            found |= _mates(header, cells, cells_below(named[0], sample) if named else [])
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


def _mates(header: str, cells: Sequence[str], of_stones: Sequence[str]) -> Finding:
    """Mates: on few rows, each a stock number of the list or the name of a set that several rows share."""
    filled = Counter(cell for cell in cells if is_filled(cell))
    if not filled or filled.total() > _MOST_MATES * len(cells):
        return NOTHING
    known = set(of_stones)
    if not all(any(map(str.isdigit, cell)) and (cell in known or count > 1) for cell, count in filled.items()):
        return NOTHING
    return Finding(
        {header: "pair"}, (f"{header!r} names the other stones of pairs and sets, on {filled.total():,} rows",)
    )
