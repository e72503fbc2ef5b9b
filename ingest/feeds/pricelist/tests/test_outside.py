"""What a list says outside of the columns that are known: nothing that bears on a sale is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.feeds.pricelist.outside import as_known, field_of_header, speaks
from ingest.feeds.pricelist.tests.natural_stones import STONES, faults, made, stone, table

#: Headings of stones that are not to be had.
_HEADINGS = {"ON MEMO", "SOLD", "Sold list November 2026"}


@pytest.mark.parametrize(
    "text",
    [
        "All prices in EURO, VAT excluded", "Note: all prices are quoted in HK$ net", "EUR", "LAB GROWN DIAMONDS (CVD)",
        "ON MEMO", "SOLD", "Treated stones", "Preise in €", "Stones in RED are on memo", "struck out = sold",
        "Yellow = on hold",
        "Stones marked # are on memo", "1 - in stock, 2 - on memo, 3 - sold", "* sold", "Sold list November 2026",
        "Stock out on show", "Items on memo are highlighted",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["above", "heading", "below"])
def test_what_stands_outside_of_the_rows_is_asked_about_on_the_first_day(tmp_path: Path, text: str, place: str) -> None:
    header, *rows = table(STONES)
    remark = [text, *[""] * (len(header) - 1)]
    written = {
        "above": [["Stock list of ACME"], [text], header, *rows],
        "heading": [header, *rows[:12], remark, *rows[12:]],
        "below": [header, *rows, remark],
    }[place]

    census = made(tmp_path, written).census()

    # What a heading says of the rows below it is told of these alone: see `test_beside`.
    taken = 12 if place == "heading" and text in _HEADINGS else 0
    assert census.offered == len(STONES) - taken
    assert census.outside == (text,)
    assert any(repr(text) in fault for fault in faults(census, len(STONES)))


@pytest.mark.parametrize(
    "text",
    [
        "Stock list of ACME, 3 May", "All prices in USD", "1 USD = 83 INR", "Natural diamonds", "Total", "E. & O.E.",
        "Goods remain our property until paid", "Available", "Blue diamonds", "All stones are sold as is",
        "Prices marked * are net", "1 - in stock", "2 - 3 ct",
    ],
)  # fmt: skip
def test_what_says_nothing_of_stones_is_not_asked_about(text: str) -> None:
    assert not speaks(text)


@pytest.mark.parametrize(
    "text",
    [
        "Prices are for memo, buying price 3% less", "Prices in thousands of USD", "Rates in Rs.", "Net prices in Sterling",
        "Price per pair", "Parcels of 2 pcs each", "All prices subject to additional 5% discount", "Prices incl. 21% VAT",
        "GST extra", "VAT is additional", "Prices + GST",
        "Amounts in USD x 100", "Pricelist for consignment clients (+8%)", "Prices in C$",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["above", "below"])
def test_what_is_said_of_all_prices_is_asked_about_on_the_first_day(tmp_path: Path, text: str, place: str) -> None:
    header, *rows = table([stone(number) for number in range(24)])
    remark = [text, *[""] * (len(header) - 1)]
    rows = [remark, header, *rows] if place == "above" else [header, *rows, remark]

    census = made(tmp_path, rows).census()

    assert any(text in fault for fault in faults(census, 24))


@pytest.mark.parametrize(
    "text",
    [
        "Price list of 1 November",
        "Prices in US$ per carat",
        "Rosy Diamonds, 24 stones",
        "Prices in USD",
        "100% natural",
    ],
)
def test_plain_titles_are_not_asked_about(tmp_path: Path, text: str) -> None:
    header, *rows = table([stone(number) for number in range(24)])

    census = made(tmp_path, [[text, *[""] * (len(header) - 1)], header, *rows]).census()

    assert not faults(census, 24)


@pytest.mark.parametrize(
    ("header", "cell", "may_say"),
    [
        ("Invoice No", "INV-202", "stones are not to be had"),
        ("Visible", "Hide", "stones are not to be had"),
        ("stage.code", "SOLD", "stones are not to be had"),
        ("extra.lab_grown", "true", "stones were grown or treated"),
        ("Remark of house", "CVD", "stones were grown or treated"),
        ("Currency of deal", "EUR", "in which currency"),
    ],
)
def test_a_column_that_nobody_knows_and_that_bears_on_a_sale_is_asked_about(
    tmp_path: Path, header: str, cell: str, may_say: str
) -> None:
    rows = [stone(number, **({header: cell} if number == 3 else {})) for number in range(24)]

    census = made(tmp_path, table(rows)).census()

    assert any(header in fault and may_say in fault for fault in faults(census, len(rows)))


def test_a_flag_that_says_no_everywhere_is_not_asked_about() -> None:
    assert field_of_header("MEMOFLAG", []) == ()
    assert field_of_header("SHELF", ["A1", "B2"]) == ()


@pytest.mark.parametrize(
    "header",
    [
        "Customer",
        "Issue To",
        "Issued To",
        "Sent To",
        "Taken By",
        "Bill To",
        "Assign To",
        "Assigned to",
        "Transferred To",
    ],
)
def test_a_column_of_customers_is_asked_about(tmp_path: Path, header: str) -> None:
    rows = [stone(number, **{header: "Tiffany" if number < 4 else ""}) for number in range(24)]

    census = made(tmp_path, table(rows)).census()

    assert any(header in fault and "not to be had" in fault for fault in faults(census, len(rows)))


@pytest.mark.parametrize(
    "header",
    [
        "Extra Disc %", "Additional Discount", "Markup %", "Final %", "Less", "Less 1", "Less2", "Disc 2", "Extra %",
        "Add. Disc", "CC", "Broker %", "Brokerage", "Comm", "Comm.1", "Net %", "Spl Disc %", "Special %", "Bonus", "Plus",
        "Member Disc %", "COD",
        "Term %", "G %", "Cash Back",
    ],
)  # fmt: skip
def test_a_further_discount_without_a_final_price_is_told_on_the_first_day(tmp_path: Path, header: str) -> None:
    census = made(tmp_path, table([stone(number, **{header: "5"}) for number in range(24)])).census()

    assert any(header in fault and "more or less is paid" in fault for fault in faults(census, 24))


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Less", "0.00"), ("Less", "n/a"), ("CC", "G-VS1"), ("Plus", "2100"), ("Star Length %", "52"),
        ("Lower Half %", "78"),
        ("Eye Clean %", "100"), ("Light Return %", "97"), ("Net Weight", "1.01"), ("Brokers", "5"), ("Extra Facets", "2"),
    ],
)  # fmt: skip
def test_a_column_that_adds_nothing_to_prices_is_no_further_discount(tmp_path: Path, header: str, cell: str) -> None:
    census = made(tmp_path, table([stone(number, **{header: cell}) for number in range(24)])).census()

    assert not any("more or less is paid" in fault for fault in faults(census, 24))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Prices less 2 %, valid 3 May 2026", "PRICES LESS 2% VALID"),
        ("Less 2% till May 31st", "LESS 2% TILL"),
        ("Less 2.5% (01/06/2026 10:30 AM)", "LESS 2.5%"),
        ("Mark-up 5%", "MARK UP 5%"),
        ("March: 5% off", "5% OFF"),
        ("+5% from 2026-06-01", "+5% FROM"),
    ],
)
def test_a_text_is_known_again_without_its_date(text: str, known: str) -> None:
    assert as_known(text) == known
