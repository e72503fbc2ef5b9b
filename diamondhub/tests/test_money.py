"""Cents, percentages and the one way to round."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from django.db import connection
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from diamondhub import money


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-0.5", -1), ("-2.5", -3), ("0", 0), ("1E+3", 1000)],
)
def test_halves_are_rounded_away_from_zero(amount: str, cents: int) -> None:
    assert money.round_half_up(Decimal(amount)) == cents


@given(cents=st.integers(0, 10**12), thousandths=st.integers(1, 10**8))
@example(cents=1, thousandths=2_000)
def test_a_price_per_unit_is_the_exact_quotient_rounded_once(cents: int, thousandths: int) -> None:
    exact = Fraction(cents * 1_000, thousandths)

    assert money.per_unit(cents, thousandths) == floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("cents", "percentage", "raised"),
    [(100, "40", 140), (1, "50", 2), (5, "10", 6), (333, "33.333", 444), (10**12, "79", 179 * 10**10), (1, "-99.9", 0)],
)
def test_a_percentage_is_added_exactly_and_rounded_once(cents: int, percentage: str, raised: int) -> None:
    assert money.add_percentage(cents, Decimal(percentage)) == raised


class OnTheDatabase(TestCase):
    """What PostgreSQL makes of the same numbers."""

    @given(amount=st.decimals(-(10**12), 10**12, places=3))
    @settings(max_examples=50)
    def test_rounding_is_the_database_s(self, amount: Decimal) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT round(%s::numeric)", [amount])
            (rounded,) = cursor.fetchone() or (None,)

        assert money.round_half_up(amount) == rounded


@given(cents=st.integers(-(10**14), 10**14))
def test_text_and_cents_say_the_same(cents: int) -> None:
    text = money.to_text(cents)

    assert text is not None
    assert Decimal(text) * 100 == cents
    if cents >= 0:
        assert money.from_text(text) == cents


def test_no_amount_is_no_text() -> None:
    assert money.to_text(None) is None


@pytest.mark.parametrize(("text", "cents"), [("1", 100), ("1.5", 150), ("1.05", 105), ("0.00", 0), ("1.", 100)])
def test_plain_amounts_are_read(text: str, cents: int) -> None:
    assert money.from_text(text) == cents


@pytest.mark.parametrize(
    "text", ["", ".5", "-1", "+1", "1e3", "1,000", "1.234", " 1", "1\n", "١٢", "1_000", "NaN", "²"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount of money"):
        money.from_text(text)
