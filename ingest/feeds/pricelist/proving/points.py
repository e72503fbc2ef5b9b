"""Weights in points, hundredths of a carat, in a column that is called by carats: other columns of a row say so.

A total is a carat's price times the weight, and measures bound what a stone can weigh. Where neither is there, whole numbers
that no usual stone weighs in carats are asked about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from ingest.feeds.pricelist import measures, numbers
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.pricelist.headers import key, ranked_columns
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.verdicts import Answer, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Whole numbers from which on a weight may be in points: a usual stone of so many carats is none of a list of such stones.
LEAST = 10
#: Rows that have to tell, and the share of them that has to agree.
MIN_TELLING, AGREE = 3, 0.9
#: Total and price per carat give the weight within this share.
_WITHIN = 0.02


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """The column of weights as one of points where the rows prove it; a question where they neither prove nor deny it."""
    weights = ranked_columns(headers, parameters.chosen).get("carats", ())
    if len(weights) != 1 or key(weights[0]) in parameters.chosen:
        return NOTHING
    header = weights[0]
    cells = [cell for cell in cells_below(header, sample) if cell]
    whole = [int(cell) for cell in cells if cell.isascii() and cell.isdigit()]
    if len(whole) < max(1, AGREE * len(cells)) or median(whole) < LEAST:
        return NOTHING
    votes = Counter(vote for _, row in sample if (vote := _vote(mapper.cells_of(dict(row)))))
    if votes["points"] >= max(MIN_TELLING, AGREE * votes.total()):
        note = f"{header!r} is in points, hundredths of a carat: {votes['points']:,} of {votes.total():,} rows prove it"
        return Finding({header: "points"}, (note,))
    if votes["carats"] > votes["points"]:
        return NOTHING
    return Finding(
        question=Question(
            f"{header!r} holds whole numbers, {median(whole):g} in the middle: are they points, hundredths of a carat?",
            (
                Answer("They are points", {"columns": {header: "points"}}),
                Answer("They are carats", {"columns": {header: "carats"}}),
            ),
        )
    )


def _vote(cells: Cells) -> str:
    """What a row says that its weight is in; empty if nothing of it tells."""
    weight = numbers.measure(cells["carats"])
    if not weight:
        return ""
    total, per_carat = (numbers.amount(cells[field], ".") for field in ("total_price", "price_per_carat"))
    if total and per_carat:
        for unit, carats in (("points", weight / 100), ("carats", weight)):
            if abs(float(total / (per_carat * carats)) - 1) <= _WITHIN:
                return unit
    length, width, depth, *_ = measures.written(cells["measurements"])
    if length and width and depth:
        fits = [
            unit
            for unit, carats in (("points", weight / 100), ("carats", weight))
            if measures.is_ordinary(length, width, depth, carats)
        ]
        return fits[0] if len(fits) == 1 else ""
    return ""
