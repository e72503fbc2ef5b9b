"""Prices far below what natural stones cost, on all rows of a list of grown stones, or in another unit.

On some rows they make these dead letters (`mapping`); on all rows it is asked about once, before the list is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.grades import Clarity, Color
from ingest.feeds.pricelist import bands
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.verdicts import Answer, Means, Question

#: Fewer rows are dead letters; so large a share of those that can tell is the whole list, if they are so many of all.
MIN_ROWS, WHOLE, MOST = 5, 0.9, 0.5
_GROWN, _GROWN_FANCY = bands.Kind(lab_grown=True), bands.Kind(lab_grown=True, fancy=True)


def question_of(rows: Sequence[SampleRow], columns: Mapping[str, Means], parameters: Parameters) -> Question | None:
    """What to ask of a list whose prices are so low; `columns` are those of prices with what they mean."""
    priced = [(row, *found) for row in rows if row.carats and (found := per_carat(row, columns)) is not None]
    if len(priced) < MIN_ROWS:
        return None
    low = [(row, header) for row, header, price in priced if price < _least(row, parameters)]
    if len(low) >= WHOLE * len(priced):
        return _of_unit(*low[0], len(low), len(priced), parameters)
    if parameters.labgrown is not None:
        return None
    telling = [(row, header, price) for row, header, price in priced if _tells(row)]
    doubtful = [(row, header) for row, header, price in telling if price < _doubtful_below(row)]
    if len(doubtful) < max(MIN_ROWS, WHOLE * len(telling)) or len(telling) < MOST * len(priced):
        return None
    row, header = doubtful[0]
    return Question(
        f"On {len(doubtful):,} of {len(priced):,} rows {header!r} is far too low for natural stones of their colours and "
        f"grades, and nothing says whether they were grown in a laboratory: what are these stones?",
        (
            Answer("They are lab-grown", {"labgrown": True}),
            Answer("They are natural; what is so cheap stays a dead letter", {"labgrown": False}),
        ),
        f"Row {row.number}: {row.carats:g} ct, {row.cells[header]}.",
    )


def _of_unit(row: SampleRow, header: str, rows: int, of: int, parameters: Parameters) -> Question:
    in_cents = parameters.price_unit == "cents"
    return Question(
        f"The prices of {header!r} are below what such stones can cost on {rows:,} of {of:,} rows: what are they in? "
        + (
            "The feed says that they are cents."
            if in_cents
            else "Only dollars and cents can be read: ask the supplier."
        ),
        (Answer("They are dollars", {"price_unit": "dollars"}),) if in_cents else (),
        f"Row {row.number}: {row.carats:g} ct, {row.cells[header]}.",
    )


def _least(row: SampleRow, parameters: Parameters) -> float:
    """The least that a carat can cost; of a stone of which nothing says it, also if it was grown."""
    kind = row.kind
    if row.is_silent and parameters.labgrown is None:
        kind = _GROWN_FANCY if kind.fancy else _GROWN
    return bands.possible(row.carats or 1.0, kind)[0]


def _tells(row: SampleRow) -> bool:
    """Whether a price can show that a stone is hardly natural, as `mapping` judges it."""
    if not row.is_silent:
        return False
    if row.strong:
        return (row.carats or 0.0) >= bands.INTENSE_FROM and bands.doubtful_fancy_below(row.strong) > 0
    return row.color is not None and row.color <= Color.J and row.clarity is not None and row.clarity <= Clarity.SI2


def _doubtful_below(row: SampleRow) -> float:
    return bands.doubtful_fancy_below(row.strong) if row.strong else bands.doubtful_below(row.carats or 1.0)


def per_carat(row: SampleRow, columns: Mapping[str, Means]) -> tuple[str, float] | None:
    """The first price of a row, of a carat, and its column."""
    for header, means in columns.items():
        amount = row.amounts.get(header)
        if amount and amount > 0 and row.carats and means in (Means.TOTAL, Means.PER_CARAT, Means.EITHER):
            return header, amount if means is Means.PER_CARAT else amount / row.carats
    return None
