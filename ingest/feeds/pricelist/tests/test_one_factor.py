"""Prices that differ by one factor on all rows of a list, and what rounding makes of prices that are the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.feeds.pricelist.tests.lists import text
from ingest.feeds.pricelist.tests.natural_stones import made, stone, table
from ingest.feeds.pricelist.tests.test_proof import question_of, stones_of
from ingest.feeds.verdicts import SupplierAsks

Made = Callable[[float, float], dict[str, str]]


def listed(made: Made, rows: int = 24) -> str:
    """A list; `made` gives the cells of money by weight and what a carat of the stone costs to the cent."""
    chance = random.Random(7)
    stones = []
    for number in range(rows):
        weight = round(chance.uniform(0.3, 3.2), 2)
        per_carat = round(2_900 * weight**0.8 * chance.uniform(0.6, 1.5), 2)
        stones.append(
            {"Stock #": f"S-{number}", "Shape": "RB", "Weight": f"{weight:.2f}", "Color": "G", "Clarity": "VS1"}
            | made(weight, per_carat)
        )
    return text(stones)


@pytest.mark.parametrize("factor", [0.985, 0.995, 1.003, 1.01, 1.015, 1.019])
@pytest.mark.parametrize("places", [0, 2])
def test_a_total_that_is_price_times_weight_times_one_factor_is_asked_about_and_the_answer_is_taken(
    tmp_path: Path, factor: float, places: int
) -> None:
    content = listed(
        lambda weight, price: {"Price/Ct": f"{price:.2f}", "Total": f"{price * weight * factor:.{places}f}"}
    )

    question = question_of(tmp_path, content).verdict.question

    assert question is not None
    assert question.words == f"'Total' is 'Price/Ct' × weight, times {factor:.4g} on all rows: which of them is paid?"
    totals, carats = (stones_of(tmp_path, content, **answer.parameters)[0] for answer in question.answers)
    assert all(
        float(str(totals[number])) == pytest.approx(float(str(carats[number])) * factor, abs=60) for number in totals
    )


def test_a_further_tax_on_rounded_prices_of_a_carat_is_seen(tmp_path: Path) -> None:
    content = listed(
        lambda weight, price: {"Price/Ct": f"{price:.0f}", "Total": f"{round(price) * weight * 1.015:.2f}"}
    )

    assert "times 1.015 on all rows" in str(question_of(tmp_path, content))


@pytest.mark.parametrize(
    "made",
    [
        lambda weight, price: {"Price/Ct": f"{price:.2f}", "Total": f"{price * weight:.0f}"},
        lambda weight, price: {"Price/Ct": f"{price:.2f}", "Total": f"{int(price * weight)}"},
        lambda weight, price: {"Price/Ct": f"{price:.0f}", "Total": f"{price * weight:.2f}"},
        lambda weight, price: {"Price/Ct": f"{int(price)}", "Total": f"{price * weight:.2f}"},
        lambda weight, price: {"Price/Ct": f"{price:.0f}", "Total": f"{-(-price * weight // 10) * 10:.0f}"},
        lambda weight, price: {"Price/Ct": f"{round(price, -1):.0f}", "Total": f"{price * weight:.2f}"},
        lambda weight, price: {"Price/Ct": f"{price:.2f}", "Total": f"{price * (weight + 0.004):.2f}"},
        lambda weight, price: {"Price/Ct": f"{price:.2f}", "Total": f"{price * (weight + price % 1 / 100):.2f}"},
    ],
    ids=["whole", "cut", "carat-whole", "carat-cut", "both", "carat-tens", "weight-cut", "weight-rounded"],
)
def test_what_rounding_makes_of_prices_is_no_factor(tmp_path: Path, made: Made) -> None:
    read, verdict = stones_of(tmp_path, listed(made))

    assert verdict.question is None
    assert len(read) == 24


def of_the_list(factor: float, places: int) -> str:
    """A list of list price, discount of so many decimals, and the price that both give, times a factor."""

    def made(weight: float, price: float) -> dict[str, str]:
        rap = round(price / 55) * 100
        off = round(20 + price % 30, places)
        return {
            "Rap": f"{rap}",
            "Disc %": f"-{off:g}",
            "Price/Ct": f"{rap * (1 - off / 100) * factor:.2f}",
            "Total": f"{rap * (1 - off / 100) * factor * weight:.2f}",
        }

    return listed(made)


@pytest.mark.parametrize("factor", [0.95, 0.98, 0.995, 1.01, 1.03])
@pytest.mark.parametrize("places", [0, 1])
def test_a_price_that_is_list_and_discount_times_one_factor_is_asked_about_and_the_answer_is_taken(
    tmp_path: Path, factor: float, places: int
) -> None:
    content = of_the_list(factor, places)

    question = question_of(tmp_path, content).verdict.question

    assert question is not None
    assert "is 'Rap' with 'Disc %', times" in question.words
    prices, lists = (stones_of(tmp_path, content, **answer.parameters)[0] for answer in question.answers)
    for number, cents in prices.items():
        assert float(str(cents)) == pytest.approx(float(str(lists[number])) * factor, rel=1e-4, abs=2)


@pytest.mark.parametrize("places", [0, 1])
def test_a_discount_that_is_rounded_is_no_factor(tmp_path: Path, places: int) -> None:
    def made(weight: float, price: float) -> dict[str, str]:
        rap = round(price / 55) * 100
        shown: dict[str, Any] = {"Rap": f"{rap}", "Disc %": f"{100 * (price / rap - 1):.{places}f}"}
        return {**shown, "Price/Ct": f"{price:.2f}", "Total": f"{price * weight:.2f}"}

    read, verdict = stones_of(tmp_path, listed(made))

    assert verdict.question is None
    assert len(read) == 24


def test_few_rows_that_differ_are_no_factor_of_the_list(tmp_path: Path) -> None:
    content = listed(
        lambda weight, price: {
            "Price/Ct": f"{price:.2f}",
            "Total": f"{price * weight * (1.01 if weight < 1 else 1):.2f}",
        }
    )

    assert stones_of(tmp_path, content)[1].question is None


@pytest.mark.parametrize("factor", [7.8, 0.92, 83], ids=["HKD", "EUR", "INR"])
def test_prices_that_differ_from_list_and_discount_by_one_factor_are_asked_about(tmp_path: Path, factor: float) -> None:
    rows = []
    for number in range(30):
        row = stone(number, **{"Rap": f"{5_000 + 130 * number}", "Rap %": f"-{20 + number % 17}"})
        per_carat = float(row["Rap"]) * (1 + float(row["Rap %"]) / 100) * factor
        rows.append(row | {"Price/Ct": f"{per_carat:.2f}", "Total": f"{per_carat * float(row['Carat']):.2f}"})

    with pytest.raises(SupplierAsks, match=rf"times {factor:.2f}: are these US dollars"):
        made(tmp_path, table(rows))


def test_a_further_discount_is_no_other_currency(tmp_path: Path) -> None:
    rows = []
    for number in range(30):
        row = stone(number, **{"Rap": f"{5_000 + 130 * number}", "Rap %": f"-{20 + number % 17}"})
        per_carat = float(row["Rap"]) * (1 + float(row["Rap %"]) / 100) * 0.98
        rows.append(row | {"Price/Ct": f"{per_carat:.2f}", "Total": f"{per_carat * float(row['Carat']):.2f}"})

    with pytest.raises(SupplierAsks, match=r"is 'Rap' with 'Rap %', times 0.98 on all rows: which of them is paid"):
        made(tmp_path, table(rows))
    assert made(tmp_path, table(rows), columns={"Rap %": ""}).census().offered == 30
