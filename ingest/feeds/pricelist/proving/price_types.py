"""A column that says beside a lone price what that is of: "Unit" with "per ct" on all rows, "Price Type" with "Total"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import PRICES, field_of, fold, key
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import Sample, cells_below
from ingest.feeds.verdicts import Means

#: Headers after `headers.fold`; what is called a unit may be that of the weight.
_OF_PRICES = re.compile(r"(?:PRICE|PRC|RATE|PRICING)(?:TYPE|UNIT|BASIS|PER|MODE|UOM)")
_OF_ANYTHING = frozenset({"UNIT", "UNITS", "UOM", "PER", "BASIS"})
#: Cells without signs: which need no header that speaks of prices, and which do.
_PER_CARAT = re.compile(r"(?:PRICE|RATE)?(?:USD|\$)?(?:PER|/|P/)(?:CARATS?|CTS?)")
_PER_STONE = re.compile(r"(?:PRICE|RATE)?(?:USD|\$)?(?:PER|/)(?:STONE|PIECE|PCS?)")
_CARAT, _STONE = frozenset({"CARAT", "CARATS", "CT", "CTS"}), frozenset({"TOTAL", "STONE", "PIECE", "WHOLE"})


def told(headers: Sequence[str], sample: Sample, parameters: Parameters) -> tuple[str, Means] | None:
    """The column that says on all rows what the price is of, and what it says; None if there is none."""
    if sum((field_of(header) or ("", 0))[0] in PRICES for header in headers) != 1:
        return None
    for header in headers:
        folded = fold(header)
        of_prices = _OF_PRICES.fullmatch(folded) is not None
        if key(header) in parameters.chosen or not (of_prices or folded in _OF_ANYTHING):
            continue
        cells = cells_below(header, sample)
        meant = {_means(cell, of_prices=of_prices) for cell in cells}
        if cells and all(map(is_filled, cells)) and len(meant) == 1 and (means := meant.pop()) is not None:
            return header, means
    return None


def _means(cell: str, *, of_prices: bool) -> Means | None:
    said = re.sub(r"[\s.()_-]+", "", cell.upper())
    if _PER_CARAT.fullmatch(said) or (of_prices and said in _CARAT):
        return Means.PER_CARAT
    return Means.TOTAL if _PER_STONE.fullmatch(said) or (of_prices and said in _STONE) else None
