"""Amounts below headers that nobody knows, or on few rows, that are about as high as the prices read: which is paid?

"Net $" at 95 % of the amount on all rows, "Spl" on three of them. An amount that stands beside a price on nearly all of its
rows at between half and one and a half times it is no measure and no number: those do not grow as prices do. What is called
a price needs no more than that; what is called anything else has to grow with them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, pstdev

from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.discounts import Writing
from ingest.feeds.pricelist.headers import DISCOUNT, LIST_PRICE, fold, foreign, key, unknown_headers
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving import evidence, rivals
from ingest.feeds.pricelist.proving.case import FIELD, Hint
from ingest.feeds.pricelist.proving.evidence import ROUNDED_BY, SAME_WITHIN, SampleRow
from ingest.feeds.pricelist.proving.finding import Sample, cells_below
from ingest.feeds.pricelist.proving.price_columns import OTHER_PRICE
from ingest.feeds.verdicts import Answer, Column, Means, Question

#: How many times the price that is read another one may be, and on which share of its filled rows.
LEAST, MOST, ALIKE_ON = 0.5, 1.5, 0.9
#: A column that differs from the price on a smaller share of its rows is a copy of it.
DIFFERS = 0.05
#: Rows from which on a column that is not called a price may be one, and how much less than prices its ratio to them varies.
MIN_ROWS, GROWS_WITH = 5, 0.5
#: One factor on nearly all rows that is no rounding (shares).
_FACTOR, _NOISE = 0.002, 0.0005
#: What amounts of a column may be rounded to (dollars), the coarsest first.
_STEPS, _CENT = (10.0, 5.0), 0.01
#: Headers after `headers.fold` of what is paid, of other prices than are paid, and of what is no price.
_PRICES = re.compile(
    r"PRICE|PRC|RATE|NET|FINAL|SALE|SELL|ASK|OFFER|PROMO|DEAL|SPECIAL|SPL|BARGAIN|CLEARANCE|REVISED|REDUCED|TODAY|NEW|LAST"
    r"|BEST|USD|AMT|AMOUNT|VALUE|COST|TOTAL|TTL|CASH|PAY|QUOTE|BID|DISCOUNTED|LOWEST|OUTRIGHT|MEMO|WEB|BASE|NETTO|PREIS|PRIX"
)
_NOT_PAID = re.compile(r"RAP|LIST|IDEX|GUIDE|OLD(?!EN)|PREV|WAS|RETAIL|MSRP|RRP|APPRAIS|INSUR|REPLACEMENT")
_NO_PRICES = re.compile(r"(?:NO|(?<!B)(?<!PA)ID|CODE|DATE|REF|TIME|URL|LINK|YEAR|DAYS|QTY|PCS)$")
_SHARE = re.compile(r"%|PERCENT", re.IGNORECASE)
#: Of known prices on few rows, those that may be paid in the place of the price of all.
_LOWERED = re.compile(r"SALE(?!S)|SPECIAL|SPL|PROMO|OFFER|REVISED|REDUCED|NEW|FINAL|NET")


@dataclass(frozen=True, slots=True)
class _Beside:
    """A row with an amount of a column, the price of a carat that is read of it, and the share by which both are rounded."""

    row: SampleRow
    amount: float
    per_carat: float
    rounded: float

    def ratio(self, means: Means) -> float:
        return self.amount / self.price(means)

    def price(self, means: Means) -> float:
        return self.per_carat * (self.row.carats or 1 if means is Means.TOTAL else 1)


def question_of(
    headers: Sequence[str],
    sample: Sample,
    rows: Sequence[SampleRow],
    hints: Sequence[Hint],
    columns: Sequence[Column],
    writing: Writing | None,
    parameters: Parameters,
    unit: int,
) -> Question | None:
    """Which is paid, of a price that is read and a column that holds another one; `columns` are those of the verdict."""
    prices = {column.header: column.means for column in columns if column.means in FIELD}
    listed = next((column.header for column in columns if column.means is Means.LIST), "")
    few = _lowered_on_few(rows, prices, parameters)
    prices = {header: means for header, means in prices.items() if header not in few}
    read = _read_from(columns, prices, listed, writing)
    if read is None:
        return None
    replacing = [
        hint.header
        for hint in hints
        if hint.field == "price"
        and not hint.said
        and hint.header not in prices
        and OTHER_PRICE.search(hint.header.upper())
    ]
    for header in (*few, *replacing, *unknown_headers(headers, parameters.chosen)):
        folded = fold(header)
        if foreign(header) or _SHARE.search(header) or _NOT_PAID.search(folded) or _NO_PRICES.search(folded):
            continue
        cells = cells_below(header, sample)
        filled = [is_filled(cell) for cell in cells]
        found = []
        for row, cell, is_one in zip(rows, cells, filled, strict=True):
            amount = evidence.amount_of(cell, row.sign) if is_one else None
            if amount and amount > 0 and row.carats and (price := read(row)) is not None:
                per_carat, rounded = price
                found.append(
                    _Beside(row, amount / unit, per_carat, rounded + (0.006 if amount % 1 else ROUNDED_BY) / amount)
                )
        if len(found) < ALIKE_ON * sum(filled) or not found:
            continue
        means = _other_price(found, named=_PRICES.search(folded) is not None)
        if means is None or _is_before_discount(found, means, hints):
            continue
        if len(found) < rivals.FILLED * len(rows):
            return _of_few_rows(header, means, found, prices, len(rows))
        for beside in found:
            beside.row.amounts[header] = beside.amount
        return _of_all_rows(header, means, found, prices, listed, rows)
    return None


def _lowered_on_few(rows: Sequence[SampleRow], prices: Mapping[str, Means], parameters: Parameters) -> list[str]:
    """The known columns of prices that few rows fill, and that are called lower ones, beside one that most rows fill."""
    filled = {header: sum(bool(row.amounts.get(header)) for row in rows) for header in prices}
    few = [
        header
        for header, count in filled.items()
        if count < rivals.FILLED * len(rows) and key(header) not in parameters.chosen and _LOWERED.search(fold(header))
    ]
    return few if any(count >= rivals.FILLED * len(rows) for count in filled.values()) else []


def _read_from(
    columns: Sequence[Column], prices: Mapping[str, Means], listed: str, writing: Writing | None
) -> Callable[[SampleRow], tuple[float, float] | None] | None:
    """What a carat costs by the columns that are read, and the share by which that is rounded."""
    off = next((column.header for column in columns if column.means is Means.DISCOUNT), "")

    def by_prices(row: SampleRow) -> tuple[float, float] | None:
        for header, means in prices.items():
            if (amount := row.amounts.get(header)) and amount > 0 and row.carats:
                rounded = (0.006 if amount % 1 else ROUNDED_BY) / amount
                return amount / (1 if means is Means.PER_CARAT else row.carats), rounded
        return None

    def by_list(row: SampleRow) -> tuple[float, float] | None:
        said, of_list = row.discounts.get(off), row.amounts.get(listed)
        factor = None if said is None or writing is None else said.factor(writing)
        return None if factor is None or not of_list else (of_list * float(factor), 0.0)

    if prices:
        return by_prices
    return by_list if listed and off and writing is not None else None


def _other_price(found: Sequence[_Beside], *, named: bool) -> Means | None:
    """What a column holds if that is another price: of the two meanings the one whose ratio to it varies less."""
    best: tuple[float, Means] | None = None
    for means in (Means.TOTAL, Means.PER_CARAT):
        ratios = [beside.ratio(means) for beside in found]
        near = [math.log(ratio) for ratio in ratios if LEAST <= ratio <= MOST]
        if len(near) < ALIKE_ON * len(found):
            continue
        if _is_copy(found, means):
            return None
        spread = pstdev(near)
        grown = pstdev(math.log(beside.price(means)) for beside in found)
        if not named and (len(found) < MIN_ROWS or spread > GROWS_WITH * grown):
            continue
        if best is None or spread < best[0]:
            best = spread, means
    return best[1] if best is not None else None


def _is_copy(found: Sequence[_Beside], means: Means) -> bool:
    """Whether a column holds the price that is read: what rounding does is no other price, one factor on all rows is."""
    ratios = [beside.ratio(means) for beside in found]
    step = next((step for step in _STEPS if all(beside.amount % step == 0 for beside in found)), 0.0)
    others = sum(
        abs(ratio - 1) > max(SAME_WITHIN, beside.rounded, (step / 2 + _CENT) / beside.amount)
        for ratio, beside in zip(ratios, found, strict=True)
    )
    if others > DIFFERS * len(found):
        return False
    middle = median(ratios)
    alike = sum(abs(ratio / middle - 1) <= _NOISE + beside.rounded for ratio, beside in zip(ratios, found, strict=True))
    rounded = median(beside.rounded for beside in found)
    is_factor = len(found) >= MIN_ROWS and alike >= ALIKE_ON * len(found)
    return not (is_factor and abs(middle - 1) > _FACTOR + 2 * rounded)


def _is_before_discount(found: Sequence[_Beside], means: Means, hints: Sequence[Hint]) -> bool:
    """Whether a higher amount is the list price that the list has elsewhere, or what its discount makes the price of."""
    if median(beside.ratio(means) for beside in found) <= 1:
        return False
    ratios = [
        [
            beside.amount / (of_list * (beside.row.carats or 1) ** weighed)
            for beside in found
            if (of_list := beside.row.amounts.get(hint.header)) and of_list > 0
        ]
        for hint in hints
        if hint.field == LIST_PRICE
        for weighed in (0, 1)
    ]
    ratios += [
        [
            beside.ratio(means) * float(factor)
            for beside in found
            if (said := beside.row.discounts.get(hint.header)) is not None
            and (factor := said.factor(writing)) is not None
        ]
        for hint in hints
        if hint.field == DISCOUNT
        for writing in Writing
    ]
    return any(
        len(of_one) >= ALIKE_ON * len(found)
        and sum(abs(ratio - 1) <= SAME_WITHIN for ratio in of_one) >= ALIKE_ON * len(of_one)
        for of_one in ratios
    )


def _of_all_rows(
    header: str,
    means: Means,
    found: Sequence[_Beside],
    prices: Mapping[str, Means],
    listed: str,
    rows: Sequence[SampleRow],
) -> Question:
    if prices:
        return rivals.question_of(rows, {**prices, header: means}, [list(prices), [header]])
    return Question(
        f"{header!r} holds other prices than list and discount give: which of them are paid?",
        (
            Answer("What list and discount give is paid", {"columns": {header: ""}}),
            Answer(f"What is in {header!r} is paid", {"columns": {header: FIELD[means], listed: ""}}),
        ),
        _example(header, means, found),
    )


def _of_few_rows(
    header: str, means: Means, found: Sequence[_Beside], prices: Mapping[str, Means], count: int
) -> Question:
    answers = [Answer(f"What is in {header!r} is not paid", {"columns": {header: ""}})]
    if means in prices.values() or not prices:
        others = [other for other, meant in prices.items() if meant is not means]
        paid = dict.fromkeys(others, "") | {header: FIELD[means]}
        answers.insert(0, Answer(f"What is in {header!r} is paid where it is filled", {"columns": paid}))
    return Question(
        f"{header!r} holds another price on {len(found):,} of {count:,} rows: is it paid?",
        tuple(answers),
        _example(header, means, found),
    )


def _example(header: str, means: Means, found: Sequence[_Beside]) -> str:
    beside = max(found, key=lambda beside: abs(beside.ratio(means) - 1))
    return f"Row {beside.row.number}: {header} {beside.amount:,.2f}, beside {beside.price(means):,.2f}."
