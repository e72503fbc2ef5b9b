"""Depth and table in each other's columns: the measures of a row say how deep its stone is.

The depth in percent is the depth in mm of the width: of the shorter side, and of a round stone's mean diameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from ingest.feeds.pricelist import measures, numbers
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.pricelist.headers import key, ranked_columns
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Rows that are looked at, those that have to tell, and the share of them that has to agree.
MOST, MIN_TELLING, AGREE = 400, 5, 0.9
#: No stone is as shallow (%).
_SHALLOWEST = 30
#: A depth is that of the measures within so many percents, and is not if it is further from it than so many.
_SAME_WITHIN, _OTHER_FROM = Decimal("0.6"), Decimal("1.2")


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """Depth and table by each other's column, if the measures of the rows prove that they are there."""
    ranked = ranked_columns(headers, parameters.chosen)
    depths = (*ranked.get("depth_pct", ()), *ranked.get("depth", ()))
    tables = ranked.get("table_pct", ())
    if len(depths) != 1 or len(tables) != 1 or {key(depths[0]), key(tables[0])} & parameters.chosen.keys():
        return NOTHING
    some = sample[:: max(1, len(sample) // MOST)]
    told = [swapped for _, row in some if (swapped := _are_swapped(mapper.cells_of(dict(row)))) is not None]
    if len(told) < MIN_TELLING or sum(told) < AGREE * len(told):
        return NOTHING
    note = (
        f"{depths[0]!r} holds the table and {tables[0]!r} the depth: {sum(told):,} of {len(told):,} rows prove it by their "
        "measures"
    )
    return Finding({depths[0]: "table_pct", tables[0]: "depth_pct"}, (note,))


def _are_swapped(cells: Cells) -> bool | None:
    """Whether the measures of a row give what stands in the column of the table as the depth; None if they do not tell."""
    depth, table = numbers.measure(cells["depth_pct"] or cells["depth"]), numbers.measure(cells["table_pct"])
    length, width, deep, *_ = measures.written(cells["measurements"])
    length, width = numbers.measure(cells["length"]) or length, numbers.measure(cells["width"]) or width
    deep = numbers.measure(cells["depth_mm"]) or deep
    if not (depth and table and min(depth, table) >= _SHALLOWEST and length and width and deep):
        return None
    of_width = [100 * deep / side for side in (min(length, width), (length + width) / 2)]
    by_depth, by_table = (min(abs(of - said) for of in of_width) for said in (depth, table))
    if min(by_depth, by_table) > _SAME_WITHIN or max(by_depth, by_table) < _OTHER_FROM:
        return None
    return by_table < by_depth
