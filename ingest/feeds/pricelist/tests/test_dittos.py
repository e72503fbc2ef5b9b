"""Rows that are no stones or say what the one above says: dittos, heads and foots of pages, and lists of parcels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.feeds.pricelist.errors import ColumnsMissing
from ingest.feeds.pricelist.formats.dittos import carried_down
from ingest.feeds.pricelist.formats.layout import BEYOND, Row
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import STONES, made, stone, table


def facts(folder: Path, rows: list[list[str]]) -> list[Any]:
    mapper = Mapper(parameters_of({"source": "x"}))
    return [mapper.to_diamond(payload) for payload in made(folder, rows).payloads()]


@pytest.mark.parametrize("mark", ['"', "-do-", "do", "Do.", "ditto", "DITTO", "〃", "''", ' " '])
def test_a_ditto_is_what_stands_above_it(tmp_path: Path, mark: str) -> None:
    rows = [stone(number) for number in range(24)]
    rows[0] |= {"Shape": "Pear", "Clarity": "VVS2", "Lab": "IGI"}
    for number in (1, 2):
        rows[number] |= {"Shape": mark, "Clarity": mark, "Lab": mark}

    read = facts(tmp_path, table(rows))

    assert [(fact.shape, fact.clarity, fact.lab) for fact in read[:3]] == [(read[0].shape, read[0].clarity, "IGI")] * 3
    assert (read[0].shape, read[3].shape, read[3].lab) == ("PEAR", "ROUND", "GIA")


def test_a_ditto_of_a_price_is_the_price_above_and_one_of_a_number_is_refused(tmp_path: Path) -> None:
    rows = [{**stone(number, Carat="1.00"), "Price/Ct": "4000", "Total": "4000"} for number in range(24)]
    rows[1] |= {"Price/Ct": '"', "Total": '"'}
    rows[5] |= {"Stock #": "-do-", "Carat": "1.50", "Price/Ct": "4000", "Total": "6000"}

    kept = made(tmp_path, table(rows))

    assert Mapper(parameters_of({"source": "x"})).to_diamond(kept.lookup(["AB0001"])[0]).cost_cents == 400_000
    # Two weights of one number: nothing tells whose it is.
    assert kept.lookup(["AB0004"]) == []
    assert kept.census().nameless == 2


def test_a_ditto_below_a_title_or_a_head_repeats_the_stone_above_these(tmp_path: Path) -> None:
    header, *rows = table(STONES)
    width = len(header)
    rows[12][1] = "ditto"
    rows[11][1] = "Oval"

    read = facts(tmp_path, [header, *rows[:12], ["Page 1 of 2", *[""] * (width - 1)], header, *rows[12:]])

    assert [fact.shape for fact in read[10:14]] == ["ROUND", "OVAL", "OVAL", "ROUND"]


def test_do_in_a_column_of_countries_is_one(tmp_path: Path) -> None:
    rows = [stone(number, Country="India" if number % 2 else "DO") for number in range(24)]

    assert {row["Country"] for row in (row.cells for row in carried_down(Row(1, dict(cells)) for cells in rows))} == {
        "India",
        "DO",
    }


def test_a_ditto_below_nothing_and_in_a_row_that_is_too_long_stays() -> None:
    rows = [Row(2, {"a": '"', "b": "1", "c": "2"}), Row(3, {"a": '"', "b": "1", BEYOND: ["x"]})]

    assert [row.cells["a"] for row in carried_down(iter(rows))] == ['"', '"']


FOOTS = [
    "Page 2 of 9", "page 2/9", "Page No. 2", "- Page 2 -", "Carried forward", "Total c/f", "B/F", "Brought Forward:",
    "Contd...", "Continued on next page", "Amount carried forward", "Stock list of ACME Diamonds", "ROUND",
]  # fmt: skip


@pytest.mark.parametrize("text", FOOTS)
@pytest.mark.parametrize("column", [0, 1])
def test_heads_and_foots_of_pages_are_no_stones(tmp_path: Path, text: str, column: int) -> None:
    header, *rows = table(STONES)
    foot = [""] * len(header)
    foot[column] = text
    # Printed in capitals on the next page.
    again = [cell.upper() if "Stock" in cell else cell for cell in header]

    census = made(tmp_path, [header, *rows[:8], foot, again, *rows[8:16], foot, header, *rows[16:], foot]).census()

    assert (census.offered, census.nameless, census.stones) == (24, 0, 24)
    assert sum(census.left_out.values()) == 5


@pytest.mark.parametrize("text", ["Carried forward", "Page total", "Total C/F", "Brought forward"])
def test_what_is_carried_over_to_a_page_is_no_stone(tmp_path: Path, text: str) -> None:
    header, *rows = table(STONES)
    carats = sum(float(row[2]) for row in rows[:12])
    carried = [text, "", f"{carats:.2f}", "", "", "", "", "", "123,456.00"]

    census = made(tmp_path, [header, *rows[:12], carried, header, carried, *rows[12:]]).census()

    assert (census.offered, census.nameless, census.left_out) == (24, 0, {"sums": 3})


def test_a_number_alone_is_a_stone_of_which_the_rest_is_missing(tmp_path: Path) -> None:
    header, *rows = table(STONES)

    assert made(tmp_path, [header, *rows, ["A-17", *[""] * (len(header) - 1)]]).census().offered == 25


@pytest.mark.parametrize(
    ("above", "header", "by"),
    [
        ([], ["Sieve", "Color", "Clarity", "Cts", "Price/Ct"], "Sieve"),
        ([], ["Shape", "Avg Size", "Pcs", "Cts", "Price/Ct"], "Avg Size"),
        (["Melee list of May"], ["Shape", "Size", "Color", "Clarity", "Price/Ct"], "Melee list of May"),
        ([], ["Assortment", "Size", "Cts", "Price/Ct"], "Assortment"),
    ],
)
def test_a_list_of_parcels_without_stock_numbers_is_refused_as_that(
    tmp_path: Path, above: list[str], header: list[str], by: str
) -> None:
    rows = [["+2-6.5", "G", "VS", "12.50", "450"][: len(header)] for _ in range(6)]

    with pytest.raises(ColumnsMissing, match=f"one of parcels or melee, by '{by}', and names no stone") as refused:
        made(tmp_path, [*([above] if above else []), header, *rows])
    assert "\n" not in str(refused.value)


def test_a_list_of_stones_without_stock_numbers_is_asked_for_them(tmp_path: Path) -> None:
    with pytest.raises(ColumnsMissing, match="has no stock number column"):
        made(
            tmp_path, [["Shape", "Carat", "Report #", "Avg Size", "Price/Ct"], ["Round", "1", "2140000077", "", "4000"]]
        )
