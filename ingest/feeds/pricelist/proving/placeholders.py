"""Amounts that stand for a price on request: one total on stones of all sizes, whatever they weigh.

Stones of one total weigh about the same, give or take their grades. Where those of one amount are as unlike as all stones of
the list are, it is the price of none of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import pstdev

from ingest.feeds.pricelist.proving.case import Case
from ingest.feeds.verdicts import Means

#: Rows that one amount is on at least, their share of the filled ones, and how many different weights they have.
MIN_ROWS, SHARE, MIN_WEIGHTS = 5, 0.02, 3
#: Their weights spread (standard deviation of logarithms) by at least this share of those of all rows, which spread by this.
AS_UNLIKE, MIN_SPREAD = 0.7, 0.2


def find(case: Case) -> dict[str, tuple[str, ...]]:
    """The cells of each column of totals that are no prices; the case is told of them."""
    found: dict[str, tuple[str, ...]] = {}
    for hint in case.hints:
        if case.means(hint) is not Means.TOTAL:
            continue
        weights: dict[str, list[float]] = {}
        for row in case.filled(hint.header):
            if row.carats:
                weights.setdefault(row.cells[hint.header], []).append(row.carats)
        whole = [weight for of_cell in weights.values() for weight in of_cell]
        cells = [cell for cell, of_cell in weights.items() if _is_no_price(of_cell, whole)]
        for cell in cells:
            case.notes.append(
                f"{cell!r} in {hint.header!r} stands for a price on request and is not read: {len(weights[cell]):,} stones "
                f"of {min(weights[cell]):g} to {max(weights[cell]):g} ct have it"
            )
        if cells:
            found[hint.header] = tuple(cells)
    return found


def _is_no_price(weights: Sequence[float], whole: Sequence[float]) -> bool:
    """Whether stones of one total weigh as differently as all."""
    if len(weights) < max(MIN_ROWS, SHARE * len(whole)) or len(set(weights)) < MIN_WEIGHTS:
        return False
    spread = pstdev(map(math.log, whole))
    return spread >= MIN_SPREAD and pstdev(map(math.log, weights)) >= AS_UNLIKE * spread
