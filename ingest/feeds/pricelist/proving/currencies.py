"""Other currencies in a list whose prices name none: a person says whether these are dollars all the same.

A header or a cell of prices in another currency is refused by itself (`headers.foreign`, `costs`). Here is what stands
beside prices that look as dollars do: a column "Total (EUR)" that is just their total, or a list price shown as "€ 9,500".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.headers import LIST_PRICE, OF_MONEY, field_of, foreign, key
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.evidence import SAME_WITHIN, SampleRow
from ingest.feeds.pricelist.proving.finding import Sample, cells_below
from ingest.feeds.verdicts import Answer, Means, Question

#: Fewer rows tell nothing; so large a share of a column's cells make it one of another currency.
MIN_ROWS, MOST = 3, 0.5
_SIGNS = (
    r"(?:[€£₹¥₪]|\b(?:EUR|GBP|INR|CHF|HKD|ILS|AED|CNY|RMB|AUD|CAD|SGD|JPY)\b|(?<![A-Z])(?:AU?|CA?|HK|SG?|NZ)\s?\$"
    r"|\bRS\.?(?=\s?\d))"
)
_SHOWN = re.compile(rf"{_SIGNS}\s?[\d.,\s'’]*\d|\d[\d.,\s'’]*\s?{_SIGNS}", re.IGNORECASE)
_SIGN = re.compile(_SIGNS, re.IGNORECASE)
_DOLLARS = re.compile(r"\bUSD\b|(?<![A-Z])(?:US\s?)?\$|\bDOLLARS?\b", re.IGNORECASE)


def question_of(
    headers: Sequence[str],
    sample: Sample,
    rows: Sequence[SampleRow],
    columns: Mapping[str, Means],
    parameters: Parameters,
) -> Question | None:
    """What to ask of a list that shows another currency while its prices name none; `columns` are those of prices."""
    if parameters.price_unit is not None or not columns or _name_dollars(rows, columns):
        return None
    if any((field_of(header) or ("", 0))[0] == "currency" and any(cells_below(header, sample)) for header in headers):
        return None
    for header in headers:
        if header in columns or key(header) in parameters.chosen:
            continue
        amounts = _amounts(header, sample)
        if amounts is None:
            continue
        same = _same_as(rows, columns, amounts)
        if same is None:
            continue
        priced, is_same = same
        says = f"{header!r} is in another currency"
        says += f", and {priced!r} holds the same" if is_same else f", and {priced!r} names none"
        return Question(
            f"{says}: are its prices US dollars? Prices of another currency cannot be read; ask the supplier for dollars "
            "then.",
            (Answer("They are dollars", {"price_unit": "dollars"}),),
        )
    return None


def _name_dollars(rows: Sequence[SampleRow], columns: Mapping[str, Means]) -> bool:
    """Whether a price says that it is in dollars, by its header or on most of its rows."""
    for header in columns:
        cells = [cell for row in rows if (cell := row.cells.get(header))]
        if _DOLLARS.search(header) or (
            cells and sum("$" in cell or "USD" in cell.upper() for cell in cells) > MOST * len(cells)
        ):
            return True
    return False


def _amounts(header: str, sample: Sample) -> list[float | None] | None:
    """The amounts of a column of another currency, by its header or its cells; None of any other column.

    A rate of exchange is one number on all rows, and no amount.
    """
    cells = cells_below(header, sample)
    filled = [cell for cell in cells if cell]
    shown = sum(bool(_SHOWN.fullmatch(cell)) for cell in filled)
    if len(filled) < MIN_ROWS or not (foreign(header) or (shown > MOST * len(filled) and _may_be_money(header))):
        return None
    amounts = [_amount(cell) for cell in cells]
    known = {amount for amount in amounts if amount}
    return amounts if len(known) > 1 else None


def _may_be_money(header: str) -> bool:
    field = field_of(header)
    return field is None or field[0] in OF_MONEY or field[0] == LIST_PRICE


def _amount(cell: str) -> float | None:
    amount = numbers.amount(_SIGN.sub("", cell).strip(), ".")
    return float(amount) if amount and amount > 0 else None


def _same_as(
    rows: Sequence[SampleRow], columns: Mapping[str, Means], amounts: Sequence[float | None]
) -> tuple[str, bool] | None:
    """The price that amounts are the same as, or any price where they are no multiple of one; None where they are.

    What is so many times a price on all rows is that price by the rate of exchange.
    """
    first: str | None = None
    for header in columns:
        for weighed in (0, 1, -1):
            ratios = [
                amount / (price * row.carats**weighed)
                for row, amount in zip(rows, amounts, strict=True)
                if amount and row.carats and (price := row.amounts.get(header)) and price > 0
            ]
            if len(ratios) < MIN_ROWS:
                continue
            middle = sorted(ratios)[len(ratios) // 2]
            if sum(abs(ratio / middle - 1) <= SAME_WITHIN for ratio in ratios) > MOST * len(ratios):
                return (header, True) if abs(middle - 1) <= SAME_WITHIN else None
            first = first or header
    return (first, False) if first is not None else None
