"""Columns below unknown headers that hold other prices than those that are read: which is paid is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.feeds.pricelist.tests.natural_stones import STONES
from ingest.feeds.pricelist.tests.prices import Row, asked, carats_of, costs, unpriced


def beside(header: str, cell: Callable[[int, Row], str]) -> list[Row]:
    return [row | {header: cell(number, row)} for number, row in enumerate(STONES)]


def answered(folder: Path, rows: list[Row], **parameters: object) -> dict[str, int]:
    """What stones cost by a list that was asked about before."""
    (folder / "made").unlink(missing_ok=True)
    return costs(folder, rows, **parameters)


@pytest.mark.parametrize(
    "header", ["Net", "Net $", "Final", "Sale", "Asking", "Web Price", "Base Rate", "T. Net", "Column 7", "Payable"]
)
@pytest.mark.parametrize("of", ["Total", "Price/Ct"])
def test_another_price_on_all_rows_is_asked_about_whatever_its_header(tmp_path: Path, header: str, of: str) -> None:
    rows = beside(header, lambda number, row: f"{float(row[of]) * (0.9 + number % 4 / 100):.2f}")

    question = asked(tmp_path, rows)

    assert header in question.words
    assert "Which of them are paid?" in question.words
    (paid,) = (answer for answer in question.answers if answer.words == f"What is in {header!r} is paid")
    stone = answered(tmp_path, rows, **paid.parameters)
    for row in rows:
        weight = 1 if of == "Total" else carats_of(row)
        assert abs(stone[row["Stock #"]] - round(float(row[header]) * weight * 100)) <= 1


@pytest.mark.parametrize("share", [0.95, 0.99, 1.02])
@pytest.mark.parametrize("header", ["Net $", "Net Price", "Payable"])
def test_one_factor_by_which_another_column_differs_is_no_rounding(tmp_path: Path, header: str, share: float) -> None:
    rows = beside(header, lambda _, row: f"{float(row['Total']) * share:.2f}")

    assert repr(header) in asked(tmp_path, [row | {"Disc%": "5"} for row in rows]).words


def test_what_list_and_discount_give_is_compared_with_an_unknown_price_too(tmp_path: Path) -> None:
    rows = [
        unpriced(number) | {"Rap": f"{8_000 + number % 5 * 500}", "Disc%": f"-{30 + number % 3}"}
        for number in range(24)
    ]
    for row in rows:
        row["Payable"] = f"{float(row['Rap']) * (1 + float(row['Disc%']) / 100) * carats_of(row) * 0.9:.2f}"

    question = asked(tmp_path, rows)

    assert question.words == "'Payable' holds other prices than list and discount give: which of them are paid?"
    for answer, share in zip(question.answers, (1, 0.9), strict=True):
        stone = answered(tmp_path, rows, **answer.parameters)
        assert abs(stone["AB0003"] - float(rows[3]["Payable"]) / 0.9 * share * 100) <= 2


@pytest.mark.parametrize(
    "header",
    [
        *("Sale", "Spl Rate", "Special", "Offer", "Promo", "Net", "Net $", "Final", "Deal Price", "Bargain"),
        *("Clearance", "Ask $/ct", "Today's Price", "Revised", "Spl P/Ct", "Sale $/Cts", "Bid"),
        *("Special Rate", "Revised Rate", "New Rate", "Final Rate", "Net Rate"),
    ],
)
@pytest.mark.parametrize("filled", [{7}, {2, 9, 17}])
def test_another_price_on_few_rows_is_asked_about(tmp_path: Path, header: str, filled: set[int]) -> None:
    rows = beside(header, lambda number, row: f"{float(row['Price/Ct']) * 0.9:.0f}" if number in filled else "")

    question = asked(tmp_path, rows)

    assert question.words == f"{header!r} holds another price on {len(filled)} of 24 rows: is it paid?"
    paid, unpaid = (answered(tmp_path, rows, **answer.parameters) for answer in question.answers)
    for number, row in enumerate(rows):
        read = paid[row["Stock #"]], unpaid[row["Stock #"]]
        assert (read[0] < 0.95 * read[1]) is (number in filled)


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Net $", lambda number, row: row["Total"]),
        ("Col X", lambda number, row: row["Price/Ct"]),
        ("Net $", lambda number, row: f"{float(row['Total']):,.0f}"),
        ("Ext", lambda number, row: f"{round(float(row['Total']), -1):.0f}"),
        ("Rap Amt", lambda number, row: f"{float(row['Total']) * 1.4:.2f}"),
        ("Retail", lambda number, row: f"{float(row['Total']) * 1.4:.2f}"),
        ("Total (EUR)", lambda number, row: f"{float(row['Total']) * 0.92:.2f}"),
        ("HKD", lambda number, row: f"{float(row['Total']) * 7.8:.2f}"),
        ("Ex Rate", lambda number, row: "83.5"),
        ("Extra col", lambda number, row: "2"),
        ("Cert Year", lambda number, row: f"{2019 + number % 5}"),
        ("Box", lambda number, row: f"{1000 + number * 37}"),
        ("Offer No", lambda number, row: f"{2000 + number}"),
        ("Crown", lambda number, row: f"{34 + number % 3}.5"),
        ("Score", lambda number, row: f"{90 + number % 9}"),
        ("Ref no 2", lambda number, row: f"{7_000_000 + number}"),
        ("Serial date", lambda number, row: f"{45_000 + number}"),
        ("Share", lambda number, row: f"{number % 3 + 1}%"),
    ],
)
def test_what_is_no_other_price_is_not_asked_about(
    tmp_path: Path, header: str, cell: Callable[[int, Row], str]
) -> None:
    assert len(costs(tmp_path, beside(header, cell))) == 24


def test_small_totals_that_are_rounded_to_ten_dollars_are_no_other_price(tmp_path: Path) -> None:
    small = [
        row | {"Carat": "0.30", "Price/Ct": f"{700 + 7 * number}", "Total": f"{0.3 * (700 + 7 * number):.2f}"}
        for number, row in enumerate(STONES)
    ]
    rows = [row | {"Ext": f"{round(float(row['Total']), -1):.0f}"} for row in small]

    assert len(costs(tmp_path, rows)) == 24


def test_an_unknown_list_price_that_a_discount_makes_the_price_of_is_not_asked_about(tmp_path: Path) -> None:
    rows = [
        row | {"Base": f"{float(row['Price/Ct']) / (0.8 - number % 3 / 100):.2f}", "Disc": f"-{20 + number % 3}"}
        for number, row in enumerate(STONES)
    ]

    assert len(costs(tmp_path, rows)) == 24
