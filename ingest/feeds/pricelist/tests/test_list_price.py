"""The list price of a list and the discount of it: of a carat or of whole stones, and what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.feeds.pricelist.tests.natural_stones import HEADERS, made, stone
from ingest.feeds.pricelist.tests.prices import Row, asked, carats_of, costs, unpriced
from ingest.feeds.verdicts import SupplierAsks


def listed(*, of_stone: bool, count: int = 12) -> list[Row]:
    rows = []
    for number in range(count):
        row = unpriced(number + 2)
        per_carat = 100 * round(50 * carats_of(row) ** 0.9 + number % 5)
        price = per_carat * carats_of(row) if of_stone else per_carat
        rows.append(row | {"Rapaport": f"{price:.2f}", "Disc %": f"-{30 + number}"})
    return rows


def test_a_list_price_that_is_of_whole_stones_is_asked_about_and_the_answer_is_taken(tmp_path: Path) -> None:
    header = [*HEADERS[:-2], "List Price", "Discount"]
    rows = []
    for number in range(40):
        row = stone(number)
        carats = float(row["Carat"])
        rows.append([*(row[name] for name in HEADERS[:-2]), f"{4_000 * carats**2:.0f}", "20%"])

    with pytest.raises(SupplierAsks, match="as prices of whole stones are"):
        made(tmp_path, [header, *rows])
    assert made(tmp_path, [header, *rows], columns={"List Price": "list_price"}).census().offered == 40


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
