"""Several tables below each other: only what stands below the list's own header is read by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone

_HEADER = ["Stock #", "Shape", "Carat", "Color", "Clarity", "Price/Ct"]
_ROWS = [[row[header] for header in _HEADER] for row in map(stone, range(24))]


def read(folder: Path, table: list[list[str]]) -> tuple[list[str], list[str], dict[str, int]]:
    """What is offered of a list by its stock numbers, the reasons of its letters, and what was left out."""
    kept, mapper = made(folder, table), Mapper(parameters_of({"source": "list.csv"}))
    offered, letters = [], []
    for payload in kept.payloads():
        try:
            offered.append(mapper.to_diamond(payload).offer_id)
        except MappingError as error:
            letters.append(str(error))
    return sorted(offered), letters, kept.census().left_out


_NUMBERS = sorted(row[0] for row in _ROWS)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Stock #,Shape,Carat,Color,Clarity,Total Price", "B{},OV,1.50,G,VS1,6750"),
        ("Stock #,Shape,Carat,Fancy Color,Clarity,Price/Ct", "B{},OV,1.50,Y,VS1,4500"),
        ("Stock #,Shape,Carat,Clarity,Color,Price/Ct", "B{},OV,1.50,VS1,G,4500"),
        ("Shape,Carat,Color,Clarity,Stock #,Price/Ct", "OV,1.50,G,VS1,B{},4500"),
        ("Stock #,Shape,Carat,Color,Clarity,Rap,Price/Ct", "B{},OV,1.50,G,VS1,9000,4500"),
        ("Stock #,Shape,Carat,Color,Clarity,Price EUR/Ct", "B{},OV,1.50,G,VS1,4500"),
        ("Stock #,Shape,Carat,Color,Clarity,Our house", "B{},OV,1.50,G,VS1,4500"),
        ("stock #,Shape,Carat,Color,Clarity,Total Price", "B{},OV,1.50,G,VS1,6750"),
    ],
)
@pytest.mark.parametrize("between", [[[""] * 6], [], [["FANCY SHAPES"] + [""] * 5]])
def test_rows_below_another_header_are_letters(tmp_path: Path, header: str, row: str, between: list[list[str]]) -> None:
    below = [row.format(number).split(",") for number in range(8)]

    offered, letters, left_out = read(tmp_path, [_HEADER, *_ROWS, *between, header.split(","), *below])

    assert offered == _NUMBERS
    assert len(letters) == len(below)
    assert all("stands below another header" in letter for letter in letters)
    assert left_out["sums"] == 1


@pytest.mark.parametrize(
    "header",
    [
        "Stock #,Shape,Carat,Color,Clarity,Price/Ct",
        "STOCK NO,SHAPE,CARAT,COLOUR,CLARITY,PRICE/CT",
        "Stock No.,Shape,Cts,Color,Cla,$/Ct",
        "Stock #,Shape,,Color,Clarity,Price/Ct",
    ],
)
def test_the_own_header_that_stands_again_changes_nothing(tmp_path: Path, header: str) -> None:
    table = [_HEADER, *_ROWS[:12], header.split(","), *_ROWS[12:]]

    assert read(tmp_path, table) == (_NUMBERS, [], {"sums": 1})


@pytest.mark.parametrize(
    "second",
    [
        "库存号,形状,重量,颜色,净度,总价",
        "Stock No,Shape,Weight,Colour,Clarity,Asking",
        "Stock #,Form,Cts,Colour,Purity,Price",
    ],
)
def test_a_header_in_two_languages_is_one_on_every_page(tmp_path: Path, second: str) -> None:
    below = second.split(",")

    offered, letters, _ = read(tmp_path, [_HEADER, below, *_ROWS[:12], _HEADER, below, *_ROWS[12:]])

    assert (offered, letters) == (_NUMBERS, [])


def test_below_the_own_header_rows_are_read_again(tmp_path: Path) -> None:
    other = ["Stock #", "Shape", "Carat", "Color", "Clarity", "Total Price"]
    table = [_HEADER, *_ROWS[:12], other, ["B1", "OV", "1.50", "G", "VS1", "6750"], _HEADER, *_ROWS[12:]]

    offered, letters, _ = read(tmp_path, table)

    assert (offered, len(letters)) == (_NUMBERS, 1)


def test_a_header_in_two_rows_that_stands_again_is_the_lists_own(tmp_path: Path) -> None:
    upper = ["", "", "", "", "", "", "Certificate", "", "Cut"]
    lower = [*_HEADER, "Lab", "No.", "Grade"]
    rows = [[*row, "GIA", str(6_200_000_000 + number * 7_919), "EX"] for number, row in enumerate(_ROWS)]
    table = [upper, lower, *rows[:12], upper, lower, *rows[12:]]

    assert read(tmp_path, table)[:2] == (_NUMBERS, [])


def test_a_table_of_sums_below_the_stones_is_no_list_of_stones(tmp_path: Path) -> None:
    sums = [["Shape", "Pcs", "Carats", "Avg", "", "Amount"], ["Round", "24", "33.60", "1.4", "", "160000"]]

    assert read(tmp_path, [_HEADER, *_ROWS, [""] * 6, *sums]) == (_NUMBERS, [], {"sums": 2})


def test_a_list_of_which_most_rows_stand_below_another_header_is_refused(tmp_path: Path) -> None:
    other = ["Stock #", "Shape", "Carat", "Color", "Clarity", "Total Price"]

    with pytest.raises(ListRefused, match="stands below another header"):
        read(
            tmp_path, [_HEADER, *_ROWS[:4], other, *([f"B{row}", "OV", "1.50", "G", "VS1", "6750"] for row in range(9))]
        )
