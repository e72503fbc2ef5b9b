"""Columns that say of a stone that it is not sold alone: by the other stone's number, a name that the stones of a pair or a
set share, or words for several stones ("Pair", "12 pcs").

Words for several stones count below any header that nobody knows. So do numbers of other stones, which are asked about where
the header says nothing of a pair: what a stone replaces is named so, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.feeds import nature, values
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import fold, key, ranked_columns, unknown_headers
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.verdicts import Answer, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Folded headers of pairs and layouts, whatever share of the rows they fill.
_OF_PAIRS = re.compile(
    r"TWINS?(?!NING)(?:STONE)?(?:NO|ID|REF)?|LAYOUTS?(?:NO|ID|NAME)?|JODI(?:NO|ID)?|COUPLE(?:NO|ID)?|.*(?:COMPANION|PAIR).*"
    r"|(?:MATE|PARTNER|MATCH(?:ING|ED)?)STONES?(?:NO|ID|REF)?"
)
#: Those that may be of anything else where they are on most rows: a box, or how well a stone matches.
_OF_SETS = re.compile(r"MATCH(?:ING|ED|NO)?|MATE|(?:SET|GROUP)S?(?:NO|ID|CODE)?|SUITE(?:NO)?")
_MOST_OF_SETS = 0.5
#: Rows from which on a column can tell, shortest number that is another stone's anywhere, and what is shown of one.
MIN_ROWS, _SHORTEST, _SHOWN = 5, 4, 40


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """What such columns hold, and a question of numbers of other stones that may mean something else."""
    found = NOTHING
    if len(sample) < MIN_ROWS:
        return found
    best, *others = ranked_columns(headers, parameters.chosen).get("stock_number", ("",))
    of_stones = cells_below(best, sample)
    unknown = unknown_headers(headers, parameters.chosen)
    for header in (*unknown, *(other for other in others if key(other) not in parameters.chosen)):
        cells = cells_below(header, sample)
        if several := [cell for cell in cells if cell and nature.of_text[cell].several]:
            note = f"{header!r} names several stones on {len(several):,} rows ({several[0][:_SHOWN]!r})"
            found |= Finding({header: "stones"}, (note,))
        elif header in unknown:
            found |= _mates(header, cells, of_stones)
    return found


def _mates(header: str, cells: Sequence[str], of_stones: Sequence[str]) -> Finding:
    """Mates: each a stock number of the list or the name of a set that several rows share."""
    filled = Counter(cell for cell in cells if is_filled(cell) and values.yes_or_no(cell) is not False)
    folded, known = fold(header), set(of_stones)
    if not filled or any(cell and cell == own for cell, own in zip(cells, of_stones, strict=True)):
        return NOTHING
    is_of_pairs = _OF_PAIRS.fullmatch(folded) is not None
    if is_of_pairs or (_OF_SETS.fullmatch(folded) and filled.total() <= _MOST_OF_SETS * len(cells)):
        forms = {_form(number) for number in of_stones} if is_of_pairs else set()
        if all(
            (is_of_pairs and values.yes_or_no(cell))
            or (any(map(str.isdigit, cell)) and (cell in known or count > 1 or _form(cell) in forms))
            for cell, count in filled.items()
        ):
            note = f"{header!r} names the other stones of pairs and sets, on {filled.total():,} rows"
            return Finding({header: "pair"}, (note,))
    elif all(cell in known and len(cell) >= _SHORTEST for cell in filled):
        return _asked(header, filled)
    return NOTHING


def _form(number: str) -> str:
    """How a number is written: `A1042` and `B7` are letters before digits."""
    return re.sub(r"[A-Z]+", "A", re.sub(r"\d+", "0", number.upper()))


def _asked(header: str, filled: Counter[str]) -> Finding:
    return Finding(
        question=Question(
            f"{header!r} names other stones of the list on {filled.total():,} rows ({next(iter(filled))[:_SHOWN]!r}): are "
            "they sold together only?",
            (
                Answer("They are", {"columns": {header: "pair"}}),
                Answer("Each is sold alone", {"columns": {header: ""}}),
            ),
        )
    )
