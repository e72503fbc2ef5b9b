"""What prices are in: cents beside dollars, other currencies beside prices that name none, and prices of grown stones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone
from ingest.feeds.pricelist.tests.prices import Row, asked, carats_of, costs, plain, unpriced

CENTS = {row["Stock #"]: round(float(row["Price/Ct"]) * float(row["Carat"]) * 100) for row in map(stone, range(24))}


def priced(*columns: tuple[str, Callable[[float, float], str]]) -> list[Row]:
    """Stones with these columns of money, made of a carat's price and the weight."""
    rows = []
    for number in range(24):
        full = stone(number)
        per_carat, carats = float(full["Price/Ct"]), carats_of(full)
        rows.append(unpriced(number) | {header: written(per_carat, carats) for header, written in columns})
    return rows


def per_carat(price: float, carats: float) -> str:
    return f"{price:.2f}"


def total(price: float, carats: float) -> str:
    return f"{price * carats:.2f}"


# --- cents ----------------------------------------------------------------------------------------------------------------


def test_a_total_in_cents_beside_a_carats_price_in_dollars_is_one_question(tmp_path: Path) -> None:
    rows = priced(("Price/Ct", per_carat), ("Total", lambda price, carats: f"{price * carats * 100:.0f}"))

    question = asked(tmp_path, rows)

    assert question.words == (
        "On 24 of 24 rows 'Total' is 100 times what 'Price/Ct' makes it by the weight: is 'Total' in cents?"
    )
    assert costs(tmp_path, rows, **question.answers[0].parameters) == CENTS


def test_a_carats_price_in_cents_beside_a_total_in_dollars_is_one_question(tmp_path: Path) -> None:
    rows = priced(("Price/Ct", lambda price, carats: f"{price * 100:.0f}"), ("Total", total))

    question = asked(tmp_path, rows)

    assert "is 'Price/Ct' in cents?" in question.words
    paid = costs(tmp_path, rows, **question.answers[0].parameters)
    assert all(abs(paid[number] - cents) <= 1 for number, cents in CENTS.items())


def test_prices_in_cents_beside_a_list_price_in_dollars_are_one_question(tmp_path: Path) -> None:
    rows = priced(
        ("Rap", lambda price, carats: f"{2 * price:.0f}"),
        ("Rap %", lambda price, carats: "-50"),
        ("Price/Ct", lambda price, carats: f"{price * 100:.0f}"),
    )

    question = asked(tmp_path, rows)

    assert "times 100.00: are these US dollars?" in question.words
    assert question.answers[0].parameters == {"columns": {"Rap": ""}, "price_unit": "cents"}
    assert costs(tmp_path, rows, **question.answers[0].parameters) == CENTS


def test_dollars_of_a_feed_that_says_cents_are_one_question(tmp_path: Path) -> None:
    rows = [{**row, "Report Type": "Natural Diamond Report"} for row in priced(("Price/Ct", per_carat))]

    question = asked(tmp_path, rows, price_unit="cents")

    assert "below what such stones can cost on 24 of 24 rows" in question.words
    assert costs(tmp_path, rows, **question.answers[0].parameters) == CENTS


def test_prices_of_nothing_that_is_known_are_one_clear_line(tmp_path: Path) -> None:
    """In hundreds of dollars."""
    rows = [
        unpriced(number) | {"Carat": f"{5 + number / 10:.2f}", "Price/Ct": f"{110 + number}", "Lab Grown": "No"}
        for number in range(24)
    ]

    question = asked(tmp_path, rows)

    assert question.words.endswith("what are they in? Only dollars and cents can be read: ask the supplier.")
    assert question.answers == ()


# --- prices far above what stones cost ------------------------------------------------------------------------------------


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


# --- other currencies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Total (EUR)", "Amount CHF", "Total €", "Amt in Euro"])
def test_prices_of_which_another_currencys_column_is_the_total_are_asked_about(tmp_path: Path, header: str) -> None:
    rows = priced(("Price/Ct", per_carat), (header, total))

    question = asked(tmp_path, rows)

    assert question.words.startswith(
        f"{header!r} is in another currency, and 'Price/Ct' holds the same: are its prices"
    )
    assert costs(tmp_path, rows, **question.answers[0].parameters) == CENTS


def test_a_list_price_that_is_shown_in_another_currency_is_asked_about(tmp_path: Path) -> None:
    rows = priced(("Price/Ct", per_carat), ("Rap Price", lambda price, carats: f"€ {price * (2 + carats):,.0f}"))

    assert asked(tmp_path, rows).words.startswith("'Rap Price' is in another currency, and 'Price/Ct' names none")


@pytest.mark.parametrize(
    ("columns", "parameters"),
    [
        # The rate of exchange is the same on all rows, so the other one is another currency.
        ([("Price/Ct", per_carat), ("Price/Ct EUR", lambda price, carats: f"{price * 0.97:.2f}")], {}),
        ([("Price/Ct", per_carat), ("Total INR", lambda price, carats: f"{price * carats * 83.2:.0f}")], {}),
        # What names dollars is in dollars.
        ([("Price/Ct (USD)", per_carat), ("Total EUR", total)], {}),
        ([("Price/Ct", lambda price, carats: f"${price:,.2f}"), ("Total EUR", total)], {}),
        ([("Price/Ct", per_carat), ("Currency", lambda price, carats: "USD"), ("Total EUR", total)], {}),
        # The feed says it.
        ([("Price/Ct", per_carat), ("Total EUR", total)], {"price_unit": "dollars"}),
        ([("Price/Ct", per_carat), ("Total EUR", total)], {"columns": {"Total EUR": ""}}),
        # A rate, and a remark.
        ([("Price/Ct", per_carat), ("INR Rate", lambda price, carats: "83.20")], {}),
        ([("Price/Ct", per_carat), ("Comments", lambda price, carats: "inscribed, € sign on girdle")], {}),
        # Rapaport's list is in dollars.
        (
            [
                ("Rap", lambda price, carats: f"{2 * price:.0f}"),
                ("Rap %", lambda price, carats: "-50"),
                ("Price/Ct", per_carat),
                ("Total EUR", total),
            ],
            {},
        ),
    ],
)
def test_what_is_shown_to_be_in_dollars_is_not_asked_about(
    tmp_path: Path, columns: list[tuple[str, Callable[[float, float], str]]], parameters: dict[str, object]
) -> None:
    assert costs(tmp_path, priced(*columns), **parameters) == CENTS


# --- too cheap to be natural ----------------------------------------------------------------------------------------------


def cheap(color: str, dollars: float, **cells: str) -> list[Row]:
    return [unpriced(number) | {"Color": color, "Price/Ct": f"{dollars + number}", **cells} for number in range(24)]


@pytest.mark.parametrize(("color", "dollars"), [("Fancy Vivid Pink", 900), ("Fancy Intense Yellow", 250), ("E", 210)])
def test_a_list_of_stones_too_cheap_to_be_natural_is_asked_about_once(
    tmp_path: Path, color: str, dollars: float
) -> None:
    rows = cheap(color, dollars)

    question = asked(tmp_path, rows)

    assert question.words == (
        "On 24 of 24 rows 'Price/Ct' is far too low for natural stones of their colours and grades, and nothing says "
        "whether they were grown in a laboratory: what are these stones?"
    )
    grown, natural = (answer.parameters for answer in question.answers)
    mapper = Mapper(parameters_of({"source": "x", **grown}))
    assert all(mapper.to_diamond(item).lab_grown for item in made(tmp_path, plain(rows), **grown).payloads())
    (tmp_path / "made").unlink()
    held = Mapper(parameters_of({"source": "x", **natural}))
    for item in made(tmp_path, plain(rows), **natural).payloads():
        with pytest.raises(MappingError, match="far too few"):
            held.to_diamond(item)


@pytest.mark.parametrize(
    "rows",
    [
        cheap("Fancy Vivid Pink", 900, **{"Lab Grown": "Yes"}),
        cheap("Fancy Vivid Pink", 900, Treatment="Irradiated"),
        cheap("Fancy Light Pink", 900),
        cheap("Fancy Vivid Pink", 9_000),
        # Of a list of natural stones the few that are too cheap are dead letters.
        [*priced(("Price/Ct", per_carat))[:20], *cheap("Fancy Vivid Pink", 900)[20:]],
    ],
    ids=["says it", "treated", "light", "dear", "few"],
)
def test_a_list_that_says_what_its_stones_are_or_is_as_dear_as_natural_ones_is_not_asked_about(
    tmp_path: Path, rows: list[Row]
) -> None:
    assert made(tmp_path, plain(rows)).census().offered == 24
