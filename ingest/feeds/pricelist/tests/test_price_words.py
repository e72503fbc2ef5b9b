"""Prices that differ, points that group thousands, other units, list prices of whole stones, and German lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import MappingError
from ingest.feeds.pricelist.errors import ColumnsMissing
from ingest.feeds.pricelist.headers import field_of
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.proving import thousands
from ingest.feeds.pricelist.reading import examine
from ingest.feeds.pricelist.snapshot import Snapshot
from ingest.feeds.pricelist.tests.natural_stones import faults, made, stone, table
from ingest.feeds.verdicts import Question, SupplierAsks

Row = dict[str, str]


def unpriced(number: int) -> Row:
    return {header: cell for header, cell in stone(number).items() if header not in ("Price/Ct", "Total")}


def carats_of(row: Row) -> float:
    return float(row["Carat"])


def asked(folder: Path, rows: Sequence[Row], **parameters: Any) -> Question:
    with pytest.raises(SupplierAsks) as raised:
        made(folder, plain(rows), **parameters)
    question = raised.value.verdict.question
    assert question is not None
    return question


def plain(rows: Sequence[Row]) -> list[list[str]]:
    """The rows of cells of a list with just these columns."""
    headers = list(dict.fromkeys(header for row in rows for header in row))
    return [headers, *([row.get(header, "") for header in headers] for row in rows)]


def costs(folder: Path, rows: Sequence[Row], **parameters: Any) -> dict[str, int]:
    """What stones cost by a list, in cents, by stock number."""
    mapper = Mapper(parameters_of({"source": "x", **parameters}))
    facts = [mapper.to_diamond(payload) for payload in made(folder, plain(rows), **parameters).payloads()]
    return {fact.offer_id: fact.cost_cents for fact in facts}


def notes_of(folder: Path) -> Sequence[str]:
    return Snapshot(folder / "made", 1).verdict().notes


# --- prices that differ ------------------------------------------------------------------------------------------------


def differing(first: str, second: str, share: float) -> list[Row]:
    """Stones with two prices of a carat, the second so much of the first."""
    rows = []
    for number in range(24):
        row = unpriced(number)
        per_carat = round(3_000 * carats_of(row) ** 0.8)
        rows.append(row | {first: f"{per_carat}", second: f"{per_carat * share:.2f}"})
    return rows


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ("Price/Ct", "New Price/Ct", 0.95),
        ("Asking Price/Ct", "Cash Price/Ct", 0.97),
        ("Rate", "Final Rate", 0.98),
        ("Price/Ct", "Special Price/Ct", 0.9),
        ("Price/Ct", "Net Price/Ct", 1.1),
    ],
)
def test_which_of_two_prices_is_paid_is_asked_and_the_answer_is_read(
    tmp_path: Path, first: str, second: str, share: float
) -> None:
    rows = differing(first, second, share)

    question = asked(tmp_path, rows)

    assert question.words == f"The list has prices that differ: {first!r}; {second!r}. Which of them are paid?"
    for answer, header in zip(question.answers, (first, second), strict=True):
        (tmp_path / "made").unlink(missing_ok=True)
        paid = costs(tmp_path, rows, **answer.parameters)
        expected = {row["Stock #"]: round(float(row[header]) * carats_of(row) * 100) for row in rows}
        assert all(abs(paid[number] - cents) <= 1 for number, cents in expected.items())


def test_prices_of_carat_and_stone_belong_together_in_the_question(tmp_path: Path) -> None:
    rows = [
        row
        | {
            "Amount": f"{float(row['Rate']) * carats_of(row):.2f}",
            "Final Amt": f"{float(row['Final Rate']) * carats_of(row):.2f}",
        }
        for row in differing("Rate", "Final Rate", 0.98)
    ]

    question = asked(tmp_path, rows)

    assert "'Rate' and 'Amount'; 'Final Rate' and 'Final Amt'" in question.words
    final = question.answers[1].parameters
    assert final["columns"] == {"Rate": "", "Amount": "", "Final Rate": "price_per_carat", "Final Amt": "total_price"}
    assert len(costs(tmp_path, rows, **final)) == 24


def test_a_price_of_a_carat_that_the_stones_price_contradicts_is_no_second_price(tmp_path: Path) -> None:
    """The weight may be wrong as well: each row is a dead letter, and nobody is asked to drop one of the two."""
    rows = [stone(number, Total=f"{float(stone(number)['Total']) * 1.1:.2f}") for number in range(24)]

    kept = made(tmp_path, table(rows))

    with pytest.raises(MappingError, match="disagree"):
        Mapper(parameters_of({"source": "x"})).to_diamond(kept.lookup(["AB0003"])[0])


def test_what_the_feed_says_that_a_price_holds_is_no_word_of_what_is_paid(tmp_path: Path) -> None:
    rows = differing("Price/Ct", "Cash Price/Ct", 0.97)

    assert "Which of them are paid?" in asked(tmp_path, rows, columns={"Price/Ct": "price_per_carat"}).words
    paid = costs(tmp_path, rows, columns={"Cash Price/Ct": ""})
    assert paid == {row["Stock #"]: round(float(row["Price/Ct"]) * carats_of(row) * 100) for row in rows}


def test_a_second_price_that_few_rows_have_is_not_asked_about(tmp_path: Path) -> None:
    rows = differing("RapNet Price", "Cash Price", 0.97)
    rows = [row | {"Cash Price": row["Cash Price"] if number < 4 else ""} for number, row in enumerate(rows)]

    assert made(tmp_path, plain(rows)).census().offered == 24


# --- names that one format only defines --------------------------------------------------------------------------------


def called(header: str, *, of_stone: bool, level: float = 3_000) -> list[Row]:
    """Stones near one carat, of which neither levels nor growth tell what a lone price holds."""
    rows = []
    for number in range(24):
        row = unpriced(number) | {"Carat": f"{0.9 + number / 100:.2f}"}
        per_carat = level * carats_of(row)
        rows.append(row | {header: f"{per_carat * (carats_of(row) if of_stone else 1):.2f}"})
    return rows


@pytest.mark.parametrize("header", ["Cash Price", "CashPrice", "Cash Price (USD)", "Index Price"])
@pytest.mark.parametrize("of_stone", [False, True])
def test_a_lone_price_by_the_word_of_one_format_is_asked_about(tmp_path: Path, header: str, of_stone: bool) -> None:
    rows = called(header, of_stone=of_stone)

    question = asked(tmp_path, rows)

    assert question.words == f"Does the column {header!r} hold the price of a carat or of the stone?"
    for answer, times in zip(question.answers, (False, True), strict=True):
        (tmp_path / "made").unlink(missing_ok=True)
        paid = costs(tmp_path, rows, **answer.parameters)
        for row in rows:
            cents = float(row[header]) * (carats_of(row) if times else 1) * 100
            assert abs(paid[row["Stock #"]] - cents) <= 1


@pytest.mark.parametrize("of_stone", [False, True])
def test_a_lone_price_by_the_word_of_one_format_is_what_the_rows_prove(tmp_path: Path, of_stone: bool) -> None:
    rows = []
    for number in range(40):
        row = unpriced(number) | {"Carat": f"{0.3 + number / 10:.2f}"}
        rows.append(row | {"Cash Price": f"{3_000 * carats_of(row) ** (1.8 if of_stone else 0.8):.2f}"})

    paid = costs(tmp_path, rows)

    for row in rows:
        cents = float(row["Cash Price"]) * (1 if of_stone else carats_of(row)) * 100
        assert abs(paid[row["Stock #"]] - cents) <= 1


def test_a_cash_price_beside_the_formats_own_columns_is_of_a_carat(tmp_path: Path) -> None:
    rows = [row | {"RapNet Discount %": ""} for row in called("Cash Price", of_stone=False)]

    paid = costs(tmp_path, rows)

    assert all(abs(paid[row["Stock #"]] - float(row["Cash Price"]) * carats_of(row) * 100) <= 1 for row in rows)


@pytest.mark.parametrize("beside", ["Price/Ct", "Total"])
def test_a_cash_price_beside_another_one_means_the_same(tmp_path: Path, beside: str) -> None:
    rows = [
        row | {beside: f"{float(row['Cash Price']) / 0.97:.2f}"}
        for row in called("Cash Price", of_stone=beside == "Total")
    ]

    question = asked(tmp_path, rows)

    assert "Which of them are paid?" in question.words
    field = "total_price" if beside == "Total" else "price_per_carat"
    assert {beside: "", "Cash Price": field} in [answer.parameters["columns"] for answer in question.answers]


def test_prices_that_are_rounded_otherwise_do_not_differ(tmp_path: Path) -> None:
    assert made(tmp_path, table([stone(number, Amount=stone(number)["Total"][:-3]) for number in range(24)]))


@pytest.mark.parametrize("header", ["Old Price", "Old Price/Ct", "Previous Price", "Old Amount"])
def test_an_old_price_is_not_read(tmp_path: Path, header: str) -> None:
    assert field_of(header) == ("", 0)
    rows = [stone(number, **{header: "9999"}) for number in range(24)]

    assert made(tmp_path, table(rows)).census().offered == 24


@pytest.mark.parametrize("header", ["New Price", "Sale Price", "Final Price", "Net Price"])
def test_a_price_of_the_stone_beside_prices_of_both_is_asked_about_if_it_may_replace_them(
    tmp_path: Path, header: str
) -> None:
    rows = [stone(number) for number in range(24)]
    rows = [row | {header: f"{float(row['Total']) * 0.95:.2f}"} for row in rows]

    question = asked(tmp_path, rows)

    assert (
        question.words
        == f"The list has prices that differ: 'Price/Ct' and 'Total'; {header!r}. Which of them are paid?"
    )
    paid = costs(tmp_path, rows, **question.answers[1].parameters)
    assert paid == {row["Stock #"]: round(float(row[header]) * 100) for row in rows}


@pytest.mark.parametrize("beside", [("Price/Ct", "Total"), ("Total",)])
def test_whether_another_price_of_few_rows_is_paid_is_asked_and_the_answer_is_read(
    tmp_path: Path, beside: tuple[str, ...]
) -> None:
    rows = [unpriced(number) | {header: stone(number)[header] for header in beside} for number in range(24)]
    rows = [
        row | {"Sale Price": f"{float(row['Total']) * 0.9:.2f}" if number < 5 else ""}
        for number, row in enumerate(rows)
    ]

    question = asked(tmp_path, rows)

    assert question.words == "'Sale Price' holds another price on 5 of 24 rows: is it paid?"
    for answer, header in zip(question.answers, ("Sale Price", "Total"), strict=True):
        (tmp_path / "made").unlink(missing_ok=True)
        paid = costs(tmp_path, rows, **answer.parameters)
        assert paid == {row["Stock #"]: round(float(row[header] or row["Total"]) * 100) for row in rows}


def test_a_price_that_has_no_such_name_beside_prices_of_both_is_not_read(tmp_path: Path) -> None:
    rows = [stone(number) for number in range(24)]
    rows = [row | {"Price": f"{float(row['Total']) * 1.4:.2f}"} for row in rows]

    assert costs(tmp_path, rows) == {row["Stock #"]: round(float(row["Total"]) * 100) for row in rows}


def test_a_cost_beside_a_total_that_is_no_price_of_a_carat_of_it_is_asked_about(tmp_path: Path) -> None:
    rows = [unpriced(number) for number in range(24)]
    rows = [row | {"Cost": f"{2_000 * carats_of(row)}", "Total": f"{2_900 * carats_of(row)}"} for row in rows]

    assert "'Cost'" in asked(tmp_path, rows).words


# --- points of thousands -------------------------------------------------------------------------------------------------


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


# --- units ---------------------------------------------------------------------------------------------------------------


def times(factor: float, written: Callable[[int], str]) -> list[Row]:
    rows = [unpriced(number) for number in range(24)]
    return [row | {"Total": written(round(4_500 * carats_of(row) ** 1.8 * factor))} for row in rows]


def in_lakhs(amount: int) -> str:
    digits = str(amount)
    head, tail = digits[:-3], digits[-3:]
    while len(head) > 2:
        head, tail = head[:-2], f"{head[-2:]},{tail}"
    return f"{head},{tail}"


@pytest.mark.parametrize(
    ("factor", "written", "offers_cents"),
    [(83, str, True), (100, str, True), (83, in_lakhs, False), (83, lambda amount: f"{amount}.37", False)],
    ids=["rupees", "cents", "lakhs", "paise"],
)
def test_prices_of_another_unit_are_asked_about_as_another_currency(
    tmp_path: Path, factor: float, written: Callable[[int], str], offers_cents: bool
) -> None:
    question = asked(tmp_path, times(factor, written))

    assert "ask the supplier for dollars" in question.words
    assert any(answer.parameters == {"price_unit": "cents"} for answer in question.answers) is offers_cents


# --- a list price of whole stones ----------------------------------------------------------------------------------------


def listed(*, of_stone: bool, count: int = 12) -> list[Row]:
    rows = []
    for number in range(count):
        row = unpriced(number + 2)
        per_carat = 100 * round(50 * carats_of(row) ** 0.9 + number % 5)
        price = per_carat * carats_of(row) if of_stone else per_carat
        rows.append(row | {"Rapaport": f"{price:.2f}", "Disc %": f"-{30 + number}"})
    return rows


def test_a_list_price_that_is_round_only_by_the_weight_is_asked_about_in_short_lists(tmp_path: Path) -> None:
    question = asked(tmp_path, listed(of_stone=True))

    assert "when it is divided by the weight" in question.words
    assert question.answers[0].parameters == {"columns": {"Rapaport": "list_price"}}


def test_a_list_price_of_a_carat_is_not_asked_about(tmp_path: Path) -> None:
    rows = listed(of_stone=False)

    paid = costs(tmp_path, rows)

    for row in rows:
        expected = float(row["Rapaport"]) * (1 + float(row["Disc %"]) / 100) * carats_of(row) * 100
        assert abs(paid[row["Stock #"]] - expected) <= 1


def test_a_list_price_of_stones_does_not_make_the_stones_price_one_of_a_carat(tmp_path: Path) -> None:
    rows = [
        row | {"Amount": f"{float(row['Rapaport']) * (1 + float(row['Disc %']) / 100):.2f}"}
        for row in listed(of_stone=True)
    ]

    paid = costs(tmp_path, rows)

    assert paid == {row["Stock #"]: round(float(row["Amount"]) * 100) for row in rows}


# --- German lists --------------------------------------------------------------------------------------------------------


def german(folder: Path, prices: str) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["Artikel-Nr.", "Form", "Gewicht ct", "Farbe", "Reinheit", "Zertifikat", prices])
    for number in range(24):
        row = unpriced(number)
        price = f"{3_000 * carats_of(row) ** 1.8:,.2f}".translate(str.maketrans(",.", " ,"))
        shape = ("Brillant", "Tropfen", "Herz")[number % 3]
        carats = row["Carat"].replace(".", ",")
        writer.writerow([row["Stock #"], shape, carats, "G", "VS1", f"GIA {row['Report #']}", price])
    source = folder / "liste.csv"
    source.write_text(text.getvalue())
    return source


def test_a_german_list_is_read(tmp_path: Path) -> None:
    told = parameters_of({"source": "x"})
    source = german(tmp_path, "Gesamtpreis USD")
    layout = examine(source, told, most_bytes=1_000_000)

    assert layout.delimiter == ";"
    with source.open(newline="") as file:
        payloads = list(csv.DictReader(file, delimiter=";"))
    facts = [Mapper(told).to_diamond(msgspec.json.encode(payload)) for payload in payloads]
    assert [fact.shape for fact in facts[:3]] == ["ROUND", "PEAR", "HEART"]
    assert (facts[23].carats, facts[23].cost_cents) == (Decimal("0.800"), round(3_000 * 0.8**1.8 * 100))
    assert (facts[0].lab, facts[0].certificate_number) == ("GIA", "6200000000")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Preis USD", "price"),
        ("Preis/ct", "price_per_carat"),
        ("Gesamtpreis (USD)", "total_price"),
        ("Maße (mm)", "measurements"),
        ("Gewicht (ct)", "carats"),
        ("Zertifikat-Nr.", "certificate_number"),
        ("Tiefe %", "depth_pct"),
        ("Preis EUR", None),
    ],
)
def test_german_headers(header: str, field: str | None) -> None:
    found = field_of(header)

    assert (found and found[0]) == field


def test_a_list_of_which_no_header_is_known_is_divided_by_what_makes_even_rows(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_text("Numéro X;Poids X;Prix X\n" + "".join(f"A{n};0,{n + 30};1 {n}00,50\n" for n in range(9)))

    with pytest.raises(ColumnsMissing) as missing:
        examine(source, parameters_of({"source": "x"}), most_bytes=1_000_000)

    assert missing.value.layout.headers == ("Numéro X", "Poids X", "Prix X")


# --- what the supplier asks of us and of others ------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Your Cost", "Dealer Net", "Sell"])
@pytest.mark.parametrize("beside", [("Price/Ct", "Total"), ("Total",)])
def test_a_price_for_us_beside_another_one_is_asked_about(tmp_path: Path, header: str, beside: tuple[str, ...]) -> None:
    rows = [unpriced(number) | {name: stone(number)[name] for name in beside} for number in range(24)]
    rows = [row | {header: f"{float(row['Total']) * 0.85:.2f}"} for row in rows]

    question = asked(tmp_path, rows)

    assert repr(header) in question.words
    paid = costs(tmp_path, rows, **question.answers[1].parameters)
    assert paid == {row["Stock #"]: round(float(row[header]) * 100) for row in rows}


def test_cost_and_sell_prices_of_a_carat_are_asked_about(tmp_path: Path) -> None:
    rows = differing("Cost/Ct", "Sell/Ct", 1.1)
    rows = [row | {"Sell Total": f"{float(row['Sell/Ct']) * carats_of(row):.2f}"} for row in rows]

    question = asked(tmp_path, rows)

    assert "'Cost/Ct'; 'Sell/Ct' and 'Sell Total'" in question.words


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


def test_by_which_of_two_discounts_a_list_is_paid_is_asked_and_the_answer_is_taken(tmp_path: Path) -> None:
    rows = [
        unpriced(number) | {"Rap": "8000", "Disc %": f"-{40 + number % 5}", "Final Disc %": f"-{43 + number % 5}"}
        for number in range(24)
    ]

    question = asked(tmp_path, rows)

    assert "and has two: 'Disc %' and 'Final Disc %'" in question.words
    for answer, header in zip(question.answers, ("Disc %", "Final Disc %"), strict=True):
        (tmp_path / "made").unlink(missing_ok=True)
        paid = costs(tmp_path, rows, **answer.parameters)
        expected = {row["Stock #"]: 8000 * (100 + int(row[header])) * carats_of(row) for row in rows}
        assert all(abs(paid[number] - cents) <= 1 for number, cents in expected.items())


@pytest.mark.parametrize(
    "text",
    [
        "Prices are for memo, buying price 3% less", "Prices in thousands of USD", "Rates in Rs.", "Net prices in Sterling",
        "Price per pair", "Parcels of 2 pcs each", "All prices subject to additional 5% discount", "Prices incl. 21% VAT",
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
