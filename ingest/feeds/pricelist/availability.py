"""Whether a stone of a list is to be had: by its column, and by every other one in which suppliers write that it is gone."""

from __future__ import annotations

from catalog.models import Availability
from ingest.feeds.pricelist import artefacts, words
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.pricelist.headers import PRICES, fold
from ingest.feeds.pricelist.reading import BESIDE
from ingest.feeds.values import Reader

#: Fields of words in which suppliers write down in passing that a stone is not to be had, each with what reads it.
_REMARKS = (("comments", words.said_in_passing), ("location", words.said_in_place), ("city", words.said_in_place))
#: Headers of a number of pieces of which none means that nothing is left, after `fold`.
_IN_STOCK = frozenset(
    {
        "STOCK",
        "STK",
        "INVENTORY",
        "QTY",
        "QUANTITY",
        "STOCKQTY",
        "STOCKQUANTITY",
        "QTYINSTOCK",
        "QTYONHAND",
        "INVENTORYQTY",
        "INVENTORYQUANTITY",
    }
)
_NONE_LEFT = frozenset({"0", "0.0", "0.00", "NIL", "Nil", "nil"})
#: Fields of few words in whose cells suppliers write that a stone is gone.
_OVERWRITTEN = (
    *("shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "lab", "measurements", "depth_pct"),
    *("depth", "table_pct", *PRICES),
)
_DIGITS = frozenset("0123456789")
_availability = Reader(words.availability)


def availability_of(cells: Cells) -> str:
    """What the row promises of its stone, by all of its columns that say so."""
    said = {passing for field, said_in in _REMARKS if (passing := said_in[cells[field]]) is not None}
    if (behind := words.said_behind(cells["stock_number"])) is not None:
        said.add(behind)
    for field in _OVERWRITTEN:
        if (cell := cells[field]) and cell[0] not in _DIGITS and (over := words.typed_over[cell]) is not None:
            said.add(over)
    if BESIDE in cells.row:
        said |= {beside for text in cells.row[BESIDE] if (beside := words.said_beside[text]) is not None}
    if (_none_left(cells["stones"]) or "stones" in cells.of_list.others) and _is_out_of_stock(cells):
        said.add(Availability.SOLD.value)
    if not cells["availability"] and "availability" in cells.columns and _failed(cells):
        said.add(Availability.UNAVAILABLE.value)
    if "off_market" not in cells.columns and "availability" not in cells.of_list.others and not said:
        return _availability[cells["availability"]]
    return words.least({words.least_availability(list(cells.each("availability")), cells.all("off_market")), *said})


def is_available(cells: Cells) -> bool:
    """Whether the row offers its stone now."""
    return availability_of(cells) == Availability.AVAILABLE.value


def _none_left(cell: str) -> bool:
    """Whether a number of pieces says that nothing is left: none, or what was taken more than there was."""
    return cell in _NONE_LEFT or (cell[:1] == "-" and cell[1:2].isdigit())


def _is_out_of_stock(cells: Cells) -> bool:
    return any(_none_left(cell) and fold(header) in _IN_STOCK for header, cell in cells.all("stones"))


def _failed(cells: Cells) -> bool:
    """Whether a formula that should say if the stone is to be had has failed: "#N/A"."""
    headers = (cells.columns["availability"], *cells.of_list.others.get("availability", ()))
    return any(artefacts.is_error(cells.row[header]) for header in headers)
