"""Weight and dimensions of a row's stone, from whichever columns have them: carats, millimetres, percent.

How measures are written, and which can be true of a stone: `measures`.
"""

from __future__ import annotations

from decimal import Decimal

from ingest.feeds import values
from ingest.feeds.pricelist import measures, numbers
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.values import Reader

#: No stone is as deep as this (mm), and no stone as shallow (%): it tells what a column "Depth" holds.
MILLIMETRES_BELOW = 30
carats_in = Reader(lambda cell: _weight(cell))
_millimetres = Reader(lambda cell: measure(cell, 2, 10_000))
depth_pct_of = Reader(lambda cell: _share(cell, 1_000))
table_pct_of = Reader(lambda cell: _share(cell, 100))
_ratio = Reader(lambda cell: measure(cell, 3, 10_000))


def carats_of(cells: Cells) -> Decimal | None:
    """The row's weight."""
    return carats_in[cells["carats"]]


def dimensions(
    cells: Cells, carats: Decimal | None, depth_pct: Decimal | None
) -> tuple[Decimal | None, Decimal | None, Decimal | None, bool]:
    """Length, width and depth in mm as far as they can be true, and whether they are of several stones."""
    plain = measures.PLAIN.fullmatch(cells["measurements"])
    if plain and not (cells["length"] or cells["width"]):
        # What nearly all rows write.
        length, width, depth = (_millimetres[side] for side in plain.groups())
        if length and width and depth and carats and measures.is_ordinary(length, width, depth, carats):
            return length, width, depth, False
    if (
        not cells["measurements"]
        and not cells["length"]
        and not cells["width"]
        and not cells["depth_mm"]
        and not cells["depth"]
    ):
        return None, None, None, False
    sizes = measures.judged(said_measures(cells), carats, depth_pct)
    return sizes.length, sizes.width, sizes.depth, sizes.several


def said_measures(cells: Cells) -> measures.Written:
    """Length, width and depth in mm as the row gives them, from columns of their own or from "6.45-6.48x3.99"."""
    length, width = _millimetres[cells["length"]], _millimetres[cells["width"]]
    depth = _millimetres[cells["depth_mm"]]
    if depth is None:
        depth = next(
            (mm for cell in cells.each("depth") if (mm := _millimetres[cell]) and mm < MILLIMETRES_BELOW), None
        )
    said = cells["measurements"]
    written = measures.written(said) if said else measures.NOTHING
    if length is None and width is None and depth is None:
        return written
    whole = not any("." in cells[field] or "," in cells[field] for field in ("length", "width"))
    # Columns of their own say which measure is which.
    return measures.Written(
        length or written.length,
        width or written.width,
        depth or written.depth,
        whole and length is not None,
        labelled=True,
    )


def length_to_width(cells: Cells, length: Decimal | None, width: Decimal | None) -> Decimal | None:
    """Length to width, the longer side first; the list's own word if it does not give both."""
    if length is None or width is None:
        return _ratio[cells["ratio"]]
    return values.rounded(max(length, width) / min(length, width), 3, 10_000)


def _share(cell: str, below: int) -> Decimal | None:
    """A depth or a table in percent. None is below one: what spreadsheets show as 62.5 % they may write as 0.625."""
    number = numbers.measure(cell)
    if number is not None and 0 < number < 1 and "%" not in cell:
        number *= 100
    return None if number is None else values.rounded(number, 2, below)


def measure(cell: str, places: int, below: int) -> Decimal | None:
    """The number of a cell, rounded to so many places; None from `below` on."""
    number = numbers.measure(cell)
    return None if number is None else values.rounded(number, places, below)


def _weight(cell: str) -> Decimal | None:
    number = numbers.carats(cell)
    return None if number is None else values.rounded(number, 3, 100_000)
