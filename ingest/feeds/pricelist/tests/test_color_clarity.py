"""Colour and clarity that a list writes in one cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.grades import Clarity, Color
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import color_clarity
from ingest.feeds.pricelist.tests.lists import STONE, adapter, mapped, put, text

GRADES = [("G", "VS1"), ("D", "IF"), ("K", "SI2"), ("E", "VVS1"), ("H", "I1"), ("J", "SI1")]


@pytest.mark.parametrize(
    ("cell", "both"),
    [
        ("G/VS1", ("G", "VS1")),
        ("G VS1", ("G", "VS1")),
        ("g - vvs2", ("g", "vvs2")),
        ("VS1/G", ("G", "VS1")),
        ("G-H / SI1", ("G-H", "SI1")),
        ("Fancy Yellow VS2", ("Fancy Yellow", "VS2")),
        ("VS1", None),
        ("G", None),
        ("G/H", None),
        ("SI1-SI2", None),
        ("G/VS1/EX", None),
        ("good stone", None),
        ("", None),
    ],
)
def test_a_cell_of_both_is_parted(cell: str, both: tuple[str, str] | None) -> None:
    assert color_clarity.parts[cell] == both


def listed(folder: Path, header: str, cells: list[str], **more: str) -> list[tuple[int | None, int | None]]:
    """Colour and clarity of the stones of a list that has both in one column."""
    blank = {name: cell for name, cell in STONE.items() if name not in ("Color", "Clarity")}
    rows = [{**blank, "Stock #": f"A-{number}", header: cell, **more} for number, cell in enumerate(cells)]
    put(folder, text(rows))
    reader = adapter(folder)
    moment = reader.server_time()
    items = reader.page(StoneQuery(window_to=moment, available_only=False), 0, 100).items
    stones = sorted((reader.to_diamond(item) for item in items), key=lambda stone: stone.offer_id)
    return [(stone.color, stone.clarity) for stone in stones]


@pytest.mark.parametrize(
    "header", ["Colour/Clarity", "Col-Cla", "Quality", "Grade", "Color", "Clarity", "Quality of it"]
)
@pytest.mark.parametrize("written", ["{}/{}", "{} {}", "{} - {}"])
def test_a_column_of_which_every_cell_is_both_is_read(tmp_path: Path, header: str, written: str) -> None:
    read = listed(tmp_path, header, [written.format(*both) for both in GRADES])

    assert read == [(Color[color], Clarity[clarity]) for color, clarity in GRADES]


def test_a_column_with_other_cells_is_no_column_of_both(tmp_path: Path) -> None:
    cells = [f"{color} {clarity}" for color, clarity in GRADES]

    assert listed(tmp_path, "Quality", [*cells, "eye clean"]) == [(None, None)] * 7


def test_a_column_of_both_beside_columns_of_each_is_not_read(tmp_path: Path) -> None:
    read = listed(tmp_path, "Quality", ["G VS1"] * 6, Color="H", Clarity="SI1")

    assert read == [(Color.H, Clarity.SI1)] * 6


def test_a_cell_of_such_a_column_that_is_not_both_is_told_of() -> None:
    row = {name: cell for name, cell in STONE.items() if name not in ("Color", "Clarity")}

    assert mapped(row | {"Colour/Clarity": "nice"}).color is None
    assert mapped(row | {"Colour/Clarity": "G/VS1"}).clarity == Clarity.VS1
