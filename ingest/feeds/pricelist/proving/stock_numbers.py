"""Which column of a list holds stock numbers, where its cells say it better than its header.

"Stock" beside "SKU" holds a quantity, a place or whether a stone is to be had. "Item" may hold the number of the row, which
is another stone's in the next list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ingest.feeds import values
from ingest.feeds.pricelist import numbers, words
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import fold, key, ranked_columns
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.verdicts import Answer, Question

#: The share of rows that a column of stock numbers fills, and of its filled cells that differ from all others.
FILLED, DISTINCT = 0.9, 0.95
#: A column of which so many cells at most are different ones names no stones, if it has so many cells.
REPEATED, MIN_REPEATED = 0.5, 4
#: Numbers that count the rows are taken for that from so many rows on; more where the header says that they are the stone's.
MIN_SERIAL, MIN_SERIAL_NAMED = 5, 20
#: Parts of a folded header that say that the number is the stone's own.
_NAMED = ("STOCK", "SKU", "STK", "PACKET", "PKT", "STONE", "BARCODE", "VENDOR", "SUPPLIER", "DEALER", "CERT")
#: Cells that a question shows, and the longest (characters).
_TOLD, _SHOWN = 4, 30
#: Headers, after `fold`, of what a house has of a stone, where another column has its number.
_STOCKS = frozenset({"STOCK", "STK", "INVENTORY"})
#: Longest number of pieces (digits).
_COUNT_DIGITS = 2


def find(headers: Sequence[str], sample: Sample, chosen: Mapping[str, str]) -> Finding:
    """The column of stock numbers if it is not the one that its header makes it; a question if rows are only counted."""
    ranked = ranked_columns(headers, chosen)
    candidates = ranked.get("stock_number", ())
    if not candidates:
        return NOTHING
    found = _number(candidates, ranked, sample, chosen)
    if found.question is not None:
        return found
    others = [header for header in candidates[1:] if key(header) not in chosen and header not in found.columns]
    return found | _stocks_beside(candidates[0], others, sample)


def _stocks_beside(best: str, others: Sequence[str], sample: Sample) -> Finding:
    """What columns hold that are called by stocks and stand beside one of stock numbers: "Stock" beside "Stock No"."""
    found = NOTHING
    for header in others:
        cells = cells_below(header, sample)
        if fold(header) not in _STOCKS or not any(cells) or not _names_nothing(cells):
            continue
        if (held := _held(cells)) is None:
            found |= Finding(question=_what_of(header, best, cells))
        else:
            found |= Finding({header: held[1]}, (f"{header!r} holds {held[0]} and no stock numbers",))
    return found


def _number(
    candidates: Sequence[str], ranked: Mapping[str, Sequence[str]], sample: Sample, chosen: Mapping[str, str]
) -> Finding:
    """The column of stock numbers of those that are called so, the best first."""
    best, *others = candidates
    if key(best) in chosen:
        return NOTHING
    cells = cells_below(best, sample)
    serial = _counts_rows(cells, sample)
    if not serial and not _names_nothing(cells):
        return NOTHING
    weights = cells_below(ranked["carats"][0], sample) if "carats" in ranked else [""] * len(cells)
    for other in others:
        beside = cells_below(other, sample)
        if _names_stones(beside) and not _counts_rows(beside, sample):
            if (held := ("the number of the row", "") if serial else _held(cells)) is None:
                # Rows of one name and one weight are one stone that the list has several times.
                several = len({*zip(cells, weights, strict=True)}) > len(set(cells))
                return Finding(question=_what_of(best, other, cells)) if several else NOTHING
            holds, field = held
            note = f"{best!r} holds {holds}, so {other!r} is read as the stock number"
            return Finding({best: field, other: "stock_number"}, (note,))
    named = any(part in fold(best) for part in _NAMED)
    if not serial or len(sample) < (MIN_SERIAL_NAMED if named else MIN_SERIAL):
        return NOTHING
    return Finding(
        question=Question(
            f"The numbers of {best!r} count the rows from {cells[0]} on: are they the stones' own, and the same in the next "
            "list? If they are those of the rows, ask the supplier for stock numbers.",
            (Answer(f"{best} is the stone's own number", {"columns": {best: "stock_number"}}),),
        )
    )


def _counts_rows(cells: Sequence[str], sample: Sample) -> bool:
    """Whether cells are whole numbers that begin where the rows do and grow by one from row to row, headings aside."""
    numbered = [
        (number, int(cell)) for (number, _), cell in zip(sample, cells, strict=True) if numbers.is_count(cell, digits=9)
    ]
    if len(numbered) < 3 or len(numbered) < sum(map(bool, cells)) or numbered[0][1] > max(1, numbered[0][0]):
        return False
    steps = [(row - before, value - counted) for (before, counted), (row, value) in pairwise(numbered)]
    grown = sum(step for _, step in steps)
    return all(0 < step <= rows for rows, step in steps) and grown >= FILLED * sum(rows for rows, _ in steps)


def _names_stones(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if is_filled(cell)]
    return len(filled) >= FILLED * len(cells) > 0 and len(set(filled)) >= DISTINCT * len(filled)


def _names_nothing(cells: Sequence[str]) -> bool:
    """Whether cells are too alike to be names, or words and numbers that no stone is called by."""
    filled = [cell for cell in cells if cell]
    if len(filled) >= MIN_REPEATED and len(set(filled)) <= REPEATED * len(filled):
        return True
    return bool(filled) and all(map(_is_promise, filled))


def _held(cells: Sequence[str]) -> tuple[str, str] | None:
    """What a column called by stocks holds instead of names, and the field of that; None if nothing tells.

    A word of an availability that nobody knows promises nothing, so one that is known is enough; of the others every cell
    has to be one.
    """
    filled = [cell for cell in cells if cell]
    if all(numbers.is_count(cell, digits=_COUNT_DIGITS) for cell in filled):
        return "the number of pieces", "stones"
    if any(map(_is_promise, filled)):
        return "whether stones are to be had", "availability"
    if all(words.location("", "", cell)[0] is not None for cell in filled):
        return "where stones are", "location"
    return None


def _what_of(header: str, other: str, cells: Sequence[str]) -> Question:
    shown = ", ".join(repr(cell[:_SHOWN]) for cell in list(dict.fromkeys(filter(None, cells)))[:_TOLD])
    return Question(
        f"{header!r} holds no stock numbers but {shown}, and {other!r} does: does it say whether a stone is to be had?",
        (
            Answer("It says nothing of that", {"columns": {header: "", other: "stock_number"}}),
            Answer("It does", {"columns": {header: "availability", other: "stock_number"}}),
        ),
    )


def _is_promise(cell: str) -> bool:
    return values.yes_or_no(cell) is not None or words.is_availability(cell)
