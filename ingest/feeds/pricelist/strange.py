"""What of a row nobody understands, or could keep: words that nothing tells the meaning of, and cells that were ruined."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.grades import fold
from ingest.feeds.pricelist import artefacts, dimensions, measures, vocabulary, words
from ingest.feeds.pricelist.colors import color_of
from ingest.feeds.pricelist.columns import Cells, is_filled

#: What stands in a column of colours where another one has the colour.
_SEE_ELSEWHERE = frozenset({"*", "FANCY", "F", "SEEFANCY"})


def strange_words(cells: Cells) -> Iterator[tuple[str, str]]:
    """The words of a row that nobody knows, nothing else of it tells what they stand for either: field, and cell."""
    for field, cell in vocabulary.strange(cells):
        if field == "color" and fold(cell) in _SEE_ELSEWHERE and color_of(cells).color is not None:
            continue
        if field == "shape" and _shape_by_measures(cells) is not None:
            continue
        yield field, cell
    if "shade" in cells.of_list.others:
        yield from (("shade", cell) for cell in list(cells.each("shade"))[1:] if not words.are_shades(cell))


def lost(cells: Cells) -> Iterator[tuple[str, str]]:
    """Cells that say something of which nothing could be kept: column of the catalogue, and the cell."""
    number = artefacts.numbered(cells["certificate_number"])
    if ruin := artefacts.ruin(number):
        yield "certificate_number", f"{number} ({ruin})"
    carats = dimensions.carats_of(cells)
    if carats is None and is_filled(cells["carats"]):
        yield "carats", cells["carats"]
    said = dimensions.said_measures(cells)
    written_somehow = any(map(str.isdigit, cells["measurements"])) and cells["measurements"].strip("0xX .,-*/|") != ""
    if measures.judged(said, carats, dimensions.depth_pct_of[cells["depth_pct"]]).implausible:
        yield "length_mm", " x ".join(str(side) for side in said[:3] if side is not None)
    elif said == measures.NOTHING and written_somehow:
        yield "length_mm", cells["measurements"]


def _shape_by_measures(cells: Cells) -> str | None:
    """The shape of a word that may mean two."""
    carats, depth_pct = dimensions.carats_of(cells), dimensions.depth_pct_of[cells["depth_pct"]]
    return words.shape_by_measures(cells["shape"], carats, *dimensions.dimensions(cells, carats, depth_pct)[:3])
