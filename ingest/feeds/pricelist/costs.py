"""What a row of a price list says that its stone costs, in whichever columns, units and writing.

Whether a stone of its kind can cost so much is asked where the row is mapped (`mapping`); what the columns of a list hold is
found out before any row is read (`proof`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from catalog.grades import fold
from diamondhub import money
from ingest.errors import MappingError
from ingest.feeds import values
from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.pricelist.discounts import discount
from ingest.feeds.pricelist.parameters import Parameters

#: US dollars by any of their names, without what stands between their letters.
_DOLLARS = frozenset(
    {"USD", "US$", "$", "$US", "USD$", "$USD", "US", "USA", "DOLLAR", "DOLLARS", "USDOLLAR", "USDOLLARS"}
) | {*("UNITEDSTATESDOLLAR", "UNITEDSTATESDOLLARS", "USADOLLAR", "USADOLLARS", "AMERICANDOLLAR", "AMERICANDOLLARS")}
_BETWEEN = re.compile(r"[\s.,()/_-]+")
#: More than any stone costs (cents): 10 billion dollars.
MAX_PRICE = 10**12
#: A total and a price per carat that differ by more than this share cannot both be right.
PRICES_AGREE_WITHIN = Decimal("0.02")
#: Whole dollars are rounded by so many cents.
ROUNDED_BY = Decimal(51)
#: A price that list and discount give within this share is what they prove: discounts are written in whole percents.
ROWS_PROVE_WITHIN = Decimal("0.01")
#: So far from list and discount (share) is neither rounding nor a further discount.
DENIED_FROM = Decimal("0.06")
#: From so many cents on an amount of nothing but nines stands for a price on request: 99,999.99.
NINES_FROM = 9_999_900
#: Columns of numbers other than money, in the order in which they tell a row's decimal sign.
_MEASURES = ("carats", "depth_pct", "table_pct", "measurements", "length", "width", "depth_mm", "depth", "ratio")


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of a stone: cents, and cents per carat where the weight is known."""

    total: int
    per_carat: int | None


class Costs:
    """Reads the prices of one feed's rows."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        #: How many of what prices are written in are a dollar.
        self.unit = 100 if parameters.price_unit == "cents" else 1

    def said(self, cells: Cells, carats: Decimal | None) -> tuple[Price, str]:
        """The price from total, price per carat, both, or list and discount, and the field that it is from.

        Raises `MappingError` for one that is missing, is no US dollars, or contradicts another.
        """
        currency = cells["currency"]
        if currency and not _is_dollars(currency):
            raise MappingError(
                cells.header("currency"), f"{currency.upper().replace('.', '')[:20]!r} is not US dollars"
            )
        sign = self.decimal_sign(cells)
        of_list = _off_the_list(cells, sign, self.unit)
        total_column, per_carat_column = self._columns(cells, carats, of_list, sign)
        total = _cents(cells, total_column, sign, self.unit)
        per_carat = _cents(cells, per_carat_column, sign, self.unit)
        if per_carat is None and total is not None:
            _refuse_placeholder(cells, total_column, total)
        if total is None and per_carat is None and of_list is not None:
            per_carat_column, per_carat = "list_price", of_list
        if total is None and per_carat is not None and carats is not None:
            total = per_carat * carats
        if total is None:
            column = total_column if total_column in cells.columns else per_carat_column
            if column not in cells.columns and "list_price" in cells.columns:
                column = "list_price" if not cells["list_price"] else "discount"
            why = "is per carat, and the weight is unknown" if per_carat is not None else "is missing"
            raise MappingError(cells.header(column), why)
        if per_carat is not None and carats and abs(per_carat * carats - total) > PRICES_AGREE_WITHIN * total:
            raise MappingError(
                cells.header(per_carat_column),
                f"{money.to_text(int(per_carat))} a carat and {money.to_text(int(total))} for {carats} carats disagree",
            )
        cents = money.round_half_up(total)
        column = total_column if cells[total_column] else per_carat_column
        if not 0 < cents <= MAX_PRICE:
            raise MappingError(cells.header(column), f"{money.to_text(cents)} is no price of a stone")
        if not carats:
            return Price(cents, None), column
        if of_list is not None:
            _refuse_other_meaning(cells.header(column), total, carats, of_list)
            if cells.of_list.binding and abs(total - of_list * carats) > DENIED_FROM * of_list * carats:
                _refuse_denied(cells, column, total, carats, of_list, sign)
        return Price(cents, money.round_half_up(total / carats)), column

    def dollars_per_carat(self, cells: Cells, carats: Decimal | None) -> int:
        """What the row says that a carat costs, in whole dollars, possible or not; 0 where it does not say."""
        try:
            return (self.said(cells, carats)[0].per_carat or 0) // 100
        except MappingError:
            return 0

    def decimal_sign(self, cells: Cells) -> str:
        """The sign before decimals in a row's prices."""
        return (
            self._parameters.decimal
            or cells.of_list.decimal
            or numbers.decimal_sign(cells[field] for field in _MEASURES)
        )

    def _columns(self, cells: Cells, carats: Decimal | None, of_list: Decimal | None, sign: str) -> tuple[str, str]:
        """The fields of the total and of the price per carat: a plain "Price" is whichever has no column of its own.

        Raises `MappingError` for one that stands alone and that nobody has told the meaning of.
        """
        has_total, has_per_carat = "total_price" in cells.columns, "price_per_carat" in cells.columns
        means: str | None = self._parameters.price_means
        if means is None and "price" in cells.columns and not has_total and not has_per_carat and cells["price"]:
            means = _meaning_in_row(cells, carats, of_list, sign, self.unit)
        if (means or ("per_carat" if has_total else "total")) == "total":
            return "total_price" if has_total else "price", "price_per_carat"
        # Of a second price of a carat, such as one for cash, most rows have none.
        filled = has_per_carat and (cells["price_per_carat"] or not cells["price"])
        return "total_price", "price_per_carat" if filled else "price"


@lru_cache(maxsize=256)
def _is_dollars(currency: str) -> bool:
    """Whether a cell of a column of currencies names US dollars, or nothing."""
    folded = _BETWEEN.sub("", currency.upper())
    return not folded or folded in _DOLLARS


def _cents(cells: Cells, field: str, sign: str, unit: int) -> Decimal | None:
    cell = cells[field]
    if not cell:
        return None
    dollars = numbers.amount(cell, sign)
    if dollars is None:
        if fold(cell) in values.NOTHING:
            return None
        raise MappingError(cells.header(field), f"{cell[:60]!r} is no amount of US dollars")
    if dollars == 0:
        return None
    return dollars * 100 / unit


def _refuse_placeholder(cells: Cells, column: str, total: Decimal) -> None:
    """Refuse an amount that stands for a price on request, where no other column has the price."""
    nines = total >= NINES_FROM and set(str(int(total) // 100)) == {"9"}
    if nines or (
        cells.of_list.placeholders and cells[column] in cells.of_list.placeholders.get(cells.header(column), ())
    ):
        raise MappingError(
            cells.header(column), f"{cells[column][:60]!r} is no price of a stone, but stands for one on request"
        )


def _off_the_list(cells: Cells, sign: str, unit: int) -> Decimal | None:
    """Cents per carat by the Rapaport list and the discount of it; None where the row or its list does not tell."""
    listed, said = cells["list_price"], cells["discount"]
    if not listed or cells.of_list.discounts is None:
        return None
    dollars, off = numbers.amount(listed, sign), discount(said)
    factor = None if off is None else off.factor(cells.of_list.discounts)
    return None if dollars is None or factor is None or dollars <= 0 else dollars * factor * 100 / unit


def _meaning_in_row(cells: Cells, carats: Decimal | None, of_list: Decimal | None, sign: str, unit: int) -> str:
    """What a lone price holds by its own row: by list and discount, or because the stone weighs one carat."""
    said = _cents(cells, "price", sign, unit)
    if said is None or carats == 1:
        return "total"
    if of_list is not None and carats is not None:
        for means, expected in (("per_carat", of_list), ("total", of_list * carats)):
            if abs(said - expected) <= ROWS_PROVE_WITHIN * expected:
                return means
    raise MappingError(
        cells.header("price"),
        'nothing proves whether it is the price of a carat or of the stone: set price_means to "per_carat" or "total"',
    )


def _refuse_denied(cells: Cells, column: str, total: Decimal, carats: Decimal, of_list: Decimal, sign: str) -> None:
    """Refuse a price that list and discount of its row deny, as one in another currency."""
    listed = numbers.amount(cells["list_price"], sign) or Decimal(0)
    # Of steep discounts whole percents are much of what is left.
    rounded_by = max(ROUNDED_BY * max(carats, Decimal(1)), listed * carats)
    if abs(total - of_list * carats) > DENIED_FROM * of_list * carats + rounded_by:
        raise MappingError(
            cells.header(column),
            f"list and discount of this row give {money.to_text(int(of_list * carats))} for the stone, and not "
            f"{money.to_text(int(total))}: it may be in another currency",
        )


def _refuse_other_meaning(header: str, total: Decimal, carats: Decimal, of_list: Decimal) -> None:
    """Refuse a price that list and discount of its row prove to hold the other thing."""
    if abs(carats - 1) <= 3 * PRICES_AGREE_WITHIN:
        return
    taken_wrongly = (
        (of_list, ROUNDED_BY, "of a carat, not of the stone"),
        (of_list * carats**2, ROUNDED_BY * carats, "of the stone, not of a carat"),
    )
    for expected, rounded_by, means in taken_wrongly:
        if abs(total - expected) <= max(ROWS_PROVE_WITHIN * expected, rounded_by):
            raise MappingError(header, f"list and discount of this row prove that it is the price {means}")
