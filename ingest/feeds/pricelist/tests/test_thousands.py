"""Points and commas that group thousands in lists whose weights have them as decimal signs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.pricelist.proving import thousands
from ingest.feeds.pricelist.tests.prices import asked, carats_of, costs, unpriced


def grouped(amount: float, sign: str) -> str:
    return f"{round(amount):,}".replace(",", sign)


@pytest.mark.parametrize("sign", [".", ","])
def test_thousands_grouped_by_the_sign_of_weights_are_read(tmp_path: Path, sign: str) -> None:
    rows = [unpriced(number) for number in range(24)]
    prices = {row["Stock #"]: round(3_000 * carats_of(row) ** 1.8) for row in rows}
    rows = [
        row | {"Carat": row["Carat"].replace(".", sign), "Total": grouped(prices[row["Stock #"]], sign)} for row in rows
    ]

    assert costs(tmp_path, rows) == {number: 100 * price for number, price in prices.items()}


@pytest.mark.parametrize(
    ("signs", "cells", "sign"),
    [
        (".", ["1.234", "5.678", "12.345.678", "900"], "."),
        (".", ["$ 1.234", "5.678 USD", "9.000"], "."),
        (".", ["1.234", "5.678"], None),  # too few
        (".", ["1.234", "5.678", "9.12"], None),
        (".", ["1.234", "5.678", "1234.567"], None),
        (".", ["0.234", "5.678", "1.567"], None),
        (".", ["1.234,50", "5.678", "1.567", "2.345"], None),
        (".,", ["1.234", "5.678", "1.567"], None),
        (",", ["1,234", "5,678", "1,567"], ","),
    ],
)
def test_what_groups_thousands_has_three_digits_behind_every_sign(
    signs: str, cells: list[str], sign: str | None
) -> None:
    assert thousands.grouping_sign(signs, cells) == sign


@given(st.lists(st.decimals(Decimal("0.01"), Decimal("99999.99"), places=2), min_size=1, max_size=30))
def test_amounts_with_cents_never_group_thousands(amounts: list[Decimal]) -> None:
    assert thousands.grouping_sign(["."], map(str, amounts)) is None


def test_three_decimals_of_cheap_stones_are_asked_about(tmp_path: Path) -> None:
    rows = [unpriced(number) | {"Price/Ct": f"{14.345 + number:.3f}", "Color": "M"} for number in range(5)]

    question = asked(tmp_path, rows, labgrown=True)

    assert [answer.parameters for answer in question.answers] == [{"decimal": ","}, {"decimal": "."}]
    assert costs(tmp_path, rows, decimal=".", labgrown=True)["AB0000"] == 717
