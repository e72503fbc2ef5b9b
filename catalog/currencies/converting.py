"""Converting prices: from US cents to units of another currency, and what is asked for in that currency back to cents.

Every conversion rises with the cents, or stays as it is: stones are in the same order in every currency. What is asked for
is never divided by the rate. The cents whose conversion lies within the bounds are looked for, so a stone that is shown at
100.00 is found by `price_min=100&price_max=100`, whatever was rounded.

Amounts of a currency are whole numbers of its smallest part: cents of a euro, yen, thousandths of a dinar.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from catalog.currencies.units import PLACES
from diamondhub import money

#: No price is as high (cents), and no bound needs to be higher.
_BEYOND = 10**15


@dataclass(frozen=True)
class Ending:
    """How prices end: on `ending`, in steps of `step`, both in the smallest part of the currency; as in rules of prices."""

    ending: int
    step: int

    def of(self, amount: int) -> int:
        """The nearest amount that ends so, the higher of two; none is below the ending itself."""
        return (max(amount - self.ending, 0) + self.step // 2) // self.step * self.step + self.ending


@dataclass(frozen=True)
class Exchange:
    """A currency, what one US dollar is in it, since which day, and how prices of stones end in it."""

    currency: str = money.CURRENCY
    rate: Decimal = Decimal(1)
    since: date | None = None
    ending: Ending | None = None

    @property
    def places(self) -> int:
        """Decimals of the currency's unit."""
        return PLACES[self.currency]

    @property
    def is_needed(self) -> bool:
        """Whether anything is converted at all."""
        return self.currency != money.CURRENCY

    @cached_property
    def ratio(self) -> tuple[int, int]:
        """What a cent is in the currency's smallest part, as a fraction."""
        part = Fraction(self.rate) * 10**self.places / 100
        return part.numerator, part.denominator

    def amount(self, cents: int) -> int:
        """An amount of cents in the currency, halves up."""
        if not self.is_needed:
            return cents
        times, parts = self.ratio
        return (2 * cents * times + parts) // (2 * parts)

    def price(self, cents: int) -> int:
        """The price of a stone in the currency, with its ending."""
        amount = self.amount(cents)
        return self.ending.of(amount) if self.ending else amount

    def text(self, amount: int) -> str:
        """An amount of the currency as the API shows it, with all decimals of the unit."""
        return f"{Decimal(amount).scaleb(-self.places):f}"

    def amount_text(self, cents: int) -> str:
        """Cents as the API shows them in the currency."""
        return self.text(self.amount(cents))

    def price_text(self, cents: int) -> str:
        """The price of a stone as the API shows it in the currency."""
        return self.text(self.price(cents))


def least(convert: Callable[[int], int], amount: Fraction | int) -> int:
    """The least cents that convert to an amount or more."""
    return bisect_left(range(_BEYOND), ceil(amount), key=convert)


def greatest(convert: Callable[[int], int], amount: Fraction | int) -> int:
    """The most cents that convert to an amount or less; -1 if none do."""
    return bisect_right(range(_BEYOND), floor(amount), key=convert) - 1


#: Prices as they are kept.
DOLLARS = Exchange()
