"""Marks that repeat the cell above: `"`, "-do-", "ditto", 〃."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.feeds.pricelist.formats.layout import BEYOND, Row
from ingest.feeds.pricelist.headers import field_of

_WORDS = ("do", "do.", "-do-", "--do--", "- do -", "-do", "ditto", "-ditto-", "ditto.")
_SIGNS = ('"', "\u3003", "\u2033", "\u201d", "\u201c", "''", ",,", '" "', '-"-', '- " -', "-,,-")
_MARKS = frozenset(
    f"{before}{mark}{after}"
    for mark in (
        *_SIGNS,
        *(spelled for word in _WORDS for spelled in (word, word.upper(), word.title(), word.capitalize())),
    )
    for before in ("", " ")
    for after in ("", " ")
)
#: Where "DO" is a country, and words are no marks.
_PLACES = frozenset({"country", "location", "city", "origin"})
#: Filled cells that a row has at least which another one repeats: a title has fewer.
_MIN_FILLED = 3


def carried_down(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows with what stands above in the place of such marks; one below nothing stays, and is no word that anybody knows."""
    above: dict[str, str | list[str]] = {}
    for row in rows:
        cells = row.cells
        said = list(cells.values())
        # A row with more cells than the list has headers is refused for that.
        if BEYOND not in cells and not _MARKS.isdisjoint(said):
            for header, cell in cells.items():
                if cell in _MARKS and (over := above.get(header)) and not _is_place(header, str(cell)):
                    cells[header] = over
        if _is_row(said, cells):
            above = cells
        yield row


def _is_row(said: list[Any], cells: dict[str, Any]) -> bool:
    """Whether these are cells of a row that another one may repeat: no title, and no repeated header."""
    if len(said) >= _MIN_FILLED and "" not in said[:_MIN_FILLED]:
        # Most rows, which take no look at all of their cells.
        return said[0] != next(iter(cells)) or said != list(cells)
    return len(said) - said.count("") >= _MIN_FILLED and said != list(cells)


def _is_place(header: str, cell: str) -> bool:
    return cell.strip().upper() == "DO" and (field_of(header) or ("", 0))[0] in _PLACES
