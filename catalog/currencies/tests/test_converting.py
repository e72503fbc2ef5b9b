"""Conversions keep the order of prices, round as the currency does, keep endings, and bounds find what is shown."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.currencies.converting import Ending, Exchange, greatest, least
from catalog.currencies.fields import exact
from catalog.currencies.units import OTHERS
from catalog.searching.amounts import in_cents

CENTS = st.integers(0, 10**13)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Any currency at any rate that the column takes, with an ending or without."""
    rate = Decimal(draw(st.integers(1, 10**13))).scaleb(-8)
    ending = None
    if draw(st.booleans()):
        step = draw(st.sampled_from([2, 5, 10, 100, 1_000, 10_000, 100_000]))
        ending = Ending(draw(st.integers(0, step - 1)), step)
    return Exchange(draw(st.sampled_from(OTHERS)), rate, ending=ending)


@given(exchange=exchanges(), first=CENTS, second=CENTS)
def test_a_dearer_stone_is_never_shown_cheaper(exchange: Exchange, first: int, second: int) -> None:
    low, high = sorted((first, second))

    assert exchange.price(low) <= exchange.price(high)
    assert exchange.amount(low) <= exchange.amount(high)


@given(exchange=exchanges(), cents=CENTS)
def test_an_amount_is_the_exact_one_rounded_half_up_to_the_unit(exchange: Exchange, cents: int) -> None:
    rounded = (cents * exchange.rate / 100).quantize(Decimal(1).scaleb(-exchange.places), ROUND_HALF_UP)

    assert exchange.amount_text(cents) == f"{rounded:f}"


@given(exchange=exchanges(), cents=CENTS)
def test_a_price_has_its_ending_and_is_the_nearest_that_has_it(exchange: Exchange, cents: int) -> None:
    amount, price = exchange.amount(cents), exchange.price(cents)

    if exchange.ending is None:
        assert price == amount
    else:
        assert price % exchange.ending.step == exchange.ending.ending
        assert amount < exchange.ending.ending or abs(price - amount) <= exchange.ending.step / 2


@given(exchange=exchanges(), cents=st.integers(1, 10**9))
def test_a_stone_is_found_by_the_price_at_which_it_is_shown_and_by_no_less_or_more(
    exchange: Exchange, cents: int
) -> None:
    shown = exchange.price(cents)

    assert least(exchange.price, shown) <= cents <= greatest(exchange.price, shown)
    assert greatest(exchange.price, shown - 1) < cents < least(exchange.price, shown + 1)


@given(exchange=exchanges(), cents=st.integers(1, 10**9), amount=st.integers(0, 10**10))
def test_bounds_hold_for_exactly_the_stones_that_are_shown_within_them(
    exchange: Exchange, cents: int, amount: int
) -> None:
    filters = in_cents({"price_min": amount, "price_max": amount, "cost_min": amount, "cost_max": amount}, exchange)
    asked = exact(amount, exchange)

    assert (cents >= filters["price_min"]) is (exchange.price(cents) >= asked)
    assert (cents <= filters["price_max"]) is (exchange.price(cents) <= asked)
    assert (cents >= filters["cost_min"]) is (exchange.amount(cents) >= asked)
    assert (cents <= filters["cost_max"]) is (exchange.amount(cents) <= asked)


@pytest.mark.parametrize(
    ("currency", "rate", "ending", "cents", "shown"),
    [
        ("EUR", "0.92", None, 1_299_00, "1195.08"),
        ("EUR", "0.92", Ending(99_00, 100_00), 1_299_00, "1199.00"),
        ("EUR", "0.92", Ending(99, 100), 1_299_00, "1194.99"),
        ("JPY", "151.25", None, 1_299_00, "196474"),
        ("JPY", "151.25", Ending(900, 1000), 1_299_00, "196900"),
        ("KWD", "0.3075", None, 1_299_00, "399.443"),
        ("KWD", "0.3075", None, 1, "0.003"),
        ("JPY", "0.5", None, 1_00, "1"),
        ("JPY", "0.5", None, 99, "0"),
        ("EUR", "0.92", Ending(99_00, 100_00), 1, "99.00"),
    ],
)
def test_prices_are_shown_as_the_trade_writes_them(
    currency: str, rate: str, ending: Ending | None, cents: int, shown: str
) -> None:
    assert Exchange(currency, Decimal(rate), ending=ending).price_text(cents) == shown


def test_bounds_that_no_price_meets_find_nothing() -> None:
    exchange = Exchange("EUR", Decimal("0.92"), ending=Ending(99_00, 100_00))

    assert greatest(exchange.price, Fraction(1)) == -1
    assert least(Exchange("EUR", Decimal("0.00000001")).price, 10**15) == 10**15
