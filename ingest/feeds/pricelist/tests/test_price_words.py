"""Which of several prices of a list is paid: by their words, by what the rows prove, or by the answer to a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.headers import field_of
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone, table
from ingest.feeds.pricelist.tests.prices import Row, asked, carats_of, costs, plain, unpriced

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
