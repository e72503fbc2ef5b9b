"""Fields of money in any currency, and of currencies."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from catalog.currencies.converting import Exchange
from catalog.currencies.units import PLACES
from diamondhub import money
from diamondhub.api import fields

#: The most decimals of any currency's unit.
MOST_PLACES = max(PLACES.values())
#: The highest amount that can be asked for (dollars, and as much in other currencies).
MAX_DOLLARS = 1_000_000_000

#: An amount of a currency in hundredths of its unit, as cents are: a whole number, but for what has a third decimal.
Hundredths = int | Decimal


class Amount(fields.Dollars):
    """An amount of money in the currency of who asks, in hundredths of the unit. `wrong_in` says whether it is one of it."""

    default_error_messages = {"invalid": "must be an amount of money such as 1234.50, without a sign"}

    def from_text(self, text: str) -> Any:
        plain = re.fullmatch(rf"[0-9]{{1,13}}(\.[0-9]{{1,{MOST_PLACES}}})?", text, re.ASCII)
        return self._checked(Decimal(text) if plain else None)

    def _checked(self, number: Decimal | None) -> Any:
        if number is None or number != round(number, MOST_PLACES) or not 0 <= number < 10**13:
            self.fail("invalid")
        hundredths = number * 100
        return int(hundredths) if hundredths == int(hundredths) else hundredths

    def to_representation(self, value: Any) -> str | None:
        return str((value / 100).normalize()) if isinstance(value, Decimal) else money.to_text(value)

    def schema(self) -> dict[str, Any]:
        if self.read_only:
            return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{2,3})?$", "example": "1234.50"}
        # What is taken in most currencies: in some there are no decimals, in some there is a third one.
        return {"type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,2})?$"}


class Currency(fields.OneOf):
    """A currency in which prices can be shown, if there is a rate for it."""

    def __init__(self) -> None:
        super().__init__(
            sorted(PLACES),
            required=False,
            help_text="The currency of all prices in the answer, and of those that are asked for; one for which there is a "
            "rate of exchange. Without it that of your client, which is `USD` where nothing else is said.",
        )


def exact(amount: Hundredths, exchange: Exchange) -> Fraction:
    """An amount in the smallest part of a currency."""
    return Fraction(amount) * Fraction(10**exchange.places, 100)


def wrong_in(exchange: Exchange, amount: Hundredths) -> str:
    """What is wrong with an amount as one of a currency; empty if nothing is."""
    most = exchange.amount(MAX_DOLLARS * 100)
    parts = exact(amount, exchange)
    if parts.denominator == 1 and parts <= most:
        return ""
    decimals = f"at most {exchange.places} decimals" if exchange.places else "no decimals"
    return f"must be an amount in {exchange.currency} from 0 to {most // 10**exchange.places} with {decimals}"
