"""Points that group thousands in a list whose weights have decimal points: `1.01` carats at `4.500` dollars; commas alike.

A row's own weight tells the decimal sign of its numbers (`numbers`), and is wrong of money where two hands wrote them. All
amounts of the list together tell: three digits behind every sign, never more than three before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingest.feeds.pricelist.proving.evidence import SampleRow, amount_of, is_possible
from ingest.feeds.verdicts import Answer, Question

#: Amounts with a sign that have to be there, and the share of them that must be possible as what they are taken for.
MIN_AMOUNTS, POSSIBLE = 3, 0.9
#: If more of them are possible as decimals, either may be meant.
DOUBTFUL = 0.5
OTHER = {".": ",", ",": "."}
_GROUPED = {sign: re.compile(rf"\D*[1-9]\d{{0,2}}(?:\{sign}\d{{3}})+\D*", re.ASCII) for sign in OTHER}


def decimal_sign(rows: Sequence[SampleRow], of_money: Sequence[str], prices: Sequence[str]) -> str | Question:
    """The decimal sign of amounts if it is not that of weights; empty if it is, and a question where nothing tells.

    `of_money` are the columns of amounts, `prices` those of them that stones could cost.
    """
    sign = grouping_sign((row.sign for row in rows), (row.cells[header] for row in rows for header in of_money))
    grouped = is_grouped(rows, prices, sign) if sign else False
    if isinstance(grouped, Question):
        return grouped
    return OTHER[sign] if sign and grouped else ""


def grouping_sign(signs: Iterable[str], cells: Iterable[str]) -> str | None:
    """The sign that groups thousands in all amounts that have it, although rows (`signs`) have it before their decimals."""
    told = set(signs)
    if len(told) != 1:
        return None
    (sign,) = told
    grouped = 0
    for cell in cells:
        if OTHER[sign] in cell:
            return None
        if sign in cell:
            if _GROUPED[sign].fullmatch(cell) is None:
                return None
            grouped += 1
    return sign if grouped >= MIN_AMOUNTS else None


def is_grouped(rows: Sequence[SampleRow], headers: Sequence[str], sign: str) -> bool | Question:
    """Whether the amounts of prices are thousands by what stones cost; a question where they may be either."""
    as_decimals = as_thousands = amounts = 0
    for row in rows:
        for header in headers:
            cell = row.cells[header]
            decimals, thousands = amount_of(cell, sign), amount_of(cell, OTHER[sign])
            if sign in cell and decimals and thousands:
                amounts += 1
                as_decimals += is_possible(row, decimals)
                as_thousands += is_possible(row, thousands)
    if amounts < MIN_AMOUNTS or as_thousands < POSSIBLE * amounts:
        return False
    if as_decimals <= DOUBTFUL * amounts:
        return True
    example = next(row.cells[header] for row in rows for header in headers if sign in row.cells[header])
    name = "point" if sign == "." else "comma"
    return Question(
        f"All prices with a {name} have three digits behind it, as {example}: does it group thousands?",
        (
            Answer("It groups thousands", {"decimal": OTHER[sign]}),
            Answer("Decimals stand behind it", {"decimal": sign}),
        ),
    )
