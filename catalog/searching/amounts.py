"""What a search asks of money, which is in the client's currency, as cents that the database and the index know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.columns import COLUMNS, Money
from catalog.currencies import converting
from catalog.currencies.converting import Exchange
from catalog.currencies.fields import exact, wrong_in
from catalog.searching.filters import FILTERS

#: The column of the price of stones, which has an ending; other money is converted as it is.
PRICE = "price_cents"
#: The columns of the filters that ask for money, by parameter name.
MONEY: Mapping[str, str] = {
    known.name: known.column
    for known in FILTERS
    for column in COLUMNS
    if column.source == known.column and isinstance(column.kind, Money)
}


def mistakes(filters: Mapping[str, Any], exchange: Exchange) -> Iterator[tuple[str, str]]:
    """The filters whose amounts are none of the currency, by parameter name, with what is wrong."""
    for name in MONEY.keys() & filters.keys():
        if wrong := wrong_in(exchange, filters[name]):
            yield name, wrong


def in_cents(filters: Mapping[str, Any], exchange: Exchange) -> Mapping[str, Any]:
    """The same filters with their amounts of money in US cents: those of the stones that are shown within the bounds."""
    if not exchange.is_needed:
        return filters
    return {name: _cents(name, value, exchange) if name in MONEY else value for name, value in filters.items()}


def _cents(name: str, amount: Any, exchange: Exchange) -> int:
    convert = exchange.price if MONEY[name] == PRICE else exchange.amount
    bound = converting.least if name.endswith("_min") else converting.greatest
    return bound(convert, exact(amount, exchange))
