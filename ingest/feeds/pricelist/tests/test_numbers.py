"""Numbers in the writings of the world."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.tests.natural_stones import made, stone, table


@pytest.mark.parametrize(
    ("cell", "sign", "dollars"),
    [
        ("5000", ".", "5000"),
        ("5,000", ".", "5000"),
        ("5,000", ",", "5"),
        ("5.000", ",", "5000"),
        ("5.000", ".", "5"),
        ("1,234.50", ".", "1234.5"),
        ("1,234.50", ",", "1234.5"),
        ("1.234,50", ",", "1234.5"),
        ("1.234,50", ".", "1234.5"),
        ("1 234,50", ",", "1234.5"),
        ("1\u00a0234.50", ".", "1234.5"),
        ("1'234.50", ".", "1234.5"),
        ("12,34,567.5", ".", "1234567.5"),
        ("1,234,567", ".", "1234567"),
        ("12,5", ".", "12.5"),
        ("1234.5", ",", "1234.5"),
        ("$5,000", ".", "5000"),
        ("US$ 5,000.00", ".", "5000"),
        ("5000 USD", ".", "5000"),
        ("500/-", ".", "500"),
        ("5000 net", ".", "5000"),
        ("5,000 NET.", ".", "5000"),
        ("$5,000 nett", ".", "5000"),
        ("5000 dollars", ".", "5000"),
        ("5,000 US Dollars", ".", "5000"),
        ("5,000*", ".", None),
        ("5000 HK Dollars", ".", None),
        ("5000 AUS dollars", ".", None),
        ("€5,000", ".", None),
        ("5,000 EUR", ".", None),
        ("on request", ".", None),
        ("1,2,3", ".", None),
        ("1.2.3,4", ".", None),
        ("١٢٣", ".", None),
        ("1_000", ".", None),
        ("1e9", ".", None),
        ("", ".", None),
        ("9" * 5_000, ".", None),
    ],
)
def test_amounts_are_read_by_the_decimal_sign_of_their_row(cell: str, sign: str, dollars: str | None) -> None:
    assert numbers.amount(cell, sign) == (None if dollars is None else Decimal(dollars))


@given(
    cents=st.integers(1, 10**11),
    signs=st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ",")]),
)
def test_every_amount_comes_back_from_every_writing(cents: int, signs: tuple[str, str]) -> None:
    grouping, sign = signs
    written = f"{cents // 100:,}".replace(",", grouping) + f"{sign}{cents % 100:02}"

    assert numbers.amount(written, sign) == Decimal(cents) / 100


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1.25", "1.25"), ("1,250", "1.250"), ("0,9 ct", "0.9"), ("61.5%", "61.5"), ("6.45mm", "6.45"), ("x", None)],
)
def test_a_measures_one_sign_is_its_decimal_sign(cell: str, number: str | None) -> None:
    assert numbers.measure(cell) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1.02", "61,5"], "."),
        (["1,02"], ","),
        (["1", "", "61,5"], ","),
        (["1", "60", "6,45-6,48x3,99"], ","),
        (["1", "6.45 x 6.48 x 3.99"], "."),
        ([], "."),
    ],
)
def test_a_rows_weight_and_measures_tell_its_decimal_sign(cells: list[str], sign: str) -> None:
    assert numbers.decimal_sign(cells) == sign


def test_amounts_with_a_dash_for_cents_are_read(tmp_path: Path) -> None:
    rows = [stone(number) for number in range(24)]
    rows = [row | {"Total": f"{float(row['Total']):.0f},-"} for row in rows]

    assert made(tmp_path, table(rows)).census().offered == 24
