"""Fancy colours by letters: columns of intensities under any header, and letters beside them that are no grades."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.grades import Color, FancyIntensity
from catalog.rows import StoneFacts
from ingest.errors import MappingError
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.reading import PROVEN
from ingest.feeds.pricelist.tests.lists import mapped
from ingest.feeds.pricelist.tests.lists import stone as lone
from ingest.feeds.pricelist.tests.natural_stones import faults, made, stone, table
from ingest.feeds.verdicts import SupplierAsks

#: Intensity and colour of the rows of a list, in turn, with dollars a carat.
LETTERS = [("FI", "Y", 11_000), ("FV", "Y", 24_000), ("F", "G", 38_000), ("FI", "P", 190_000), ("FV", "O", 60_000)]
CODES = [("FD", "BR", 3_000), ("FL", "G", 26_000), ("F", "B", 160_000), ("F", "GR", 20_000), ("FI", "Y", 11_000)]
NAMES = {"Y": "YELLOW", "G": "GREEN", "P": "PINK", "O": "ORANGE", "BR": "BROWN", "B": "BLUE", "GR": "GRAY"}
DEGREES = {
    "FI": FancyIntensity.FANCY_INTENSE,
    "FV": FancyIntensity.FANCY_VIVID,
    "F": FancyIntensity.FANCY,
    "FL": FancyIntensity.FANCY_LIGHT,
    "FD": FancyIntensity.FANCY_DEEP,
}


def fancies(header: str, said: list[tuple[str, str, int]], *, white: int = 0) -> list[dict[str, str]]:
    """Rows of fancy stones, and so many white ones behind them, which have no intensity."""
    rows = []
    for number in range(25):
        degree, color, per_carat = said[number % len(said)]
        row = stone(number, Color=color, **{header: degree})
        rows.append({**row, "Price/Ct": str(per_carat), "Total": f"{per_carat * float(row['Carat']):.2f}"})
    return [*rows, *(stone(number, **{header: ""}) for number in range(25, 25 + white))]


def read(folder: Path, rows: list[dict[str, str]], **parameters: Any) -> list[StoneFacts]:
    """The stones of a list in its order."""
    mapper = Mapper(parameters_of({"source": "x", **parameters}))
    return [mapper.to_diamond(payload) for payload in made(folder, table(rows), **parameters).payloads()]


@pytest.mark.parametrize("header", ["Int", "Int.", "Intensity", "Strength", "X1"])
@pytest.mark.parametrize("said", [LETTERS, CODES])
@pytest.mark.parametrize("white", [0, 40])
def test_letters_beside_intensities_are_colours_under_any_header(
    tmp_path: Path, header: str, said: list[tuple[str, str, int]], white: int
) -> None:
    stones = read(tmp_path, fancies(header, said, white=white))

    for number, found in enumerate(stones[:25]):
        degree, color, _ = said[number % len(said)]
        assert (found.color, found.fancy_color) == (Color.FANCY, NAMES[color])
        assert found.fancy_intensity == DEGREES[degree]
    assert {found.color for found in stones[25:]} <= {Color.F, Color.G, Color.H}


def test_a_column_that_its_cells_explain_is_not_asked_about(tmp_path: Path) -> None:
    census = made(tmp_path, table(fancies("Int", LETTERS))).census()

    assert (census.unknown_headers, census.likely, census.unknown_words) == ({}, {}, {})
    assert faults(census, 25) == []


@pytest.mark.parametrize("degree", ["F", "FL", "L", "V"])
def test_cells_that_may_be_intensities_or_something_else_are_asked_about(tmp_path: Path, degree: str) -> None:
    rows = [stone(number, Int=degree) for number in range(25)]

    with pytest.raises(SupplierAsks, match=r"'Int' may hold intensities of fancy colours") as asked:
        made(tmp_path, table(rows))

    for number, answer in enumerate(asked.value.verdict.question.answers):  # type: ignore[union-attr]
        (folder := tmp_path / str(number)).mkdir()
        assert made(folder, table(rows), **answer.parameters).census().offered == 25


@pytest.mark.parametrize("cells", [("N", "F", "M", "S"), ("EX", "VG", "F"), ("Yes",), ("1", "2"), ("",)])
def test_other_cells_are_no_intensities(tmp_path: Path, cells: tuple[str, ...]) -> None:
    rows = [stone(number, Int=cells[number % len(cells)]) for number in range(25)]

    assert {found.color for found in read(tmp_path, rows)} == {Color.F, Color.G, Color.H}


def test_an_f_beside_fc_is_faint(tmp_path: Path) -> None:
    said = [("FC", "Y", 9_000), ("F", "P", 9_000), ("FI", "O", 9_000)]

    assert read(tmp_path, fancies("Intensity", said))[1].fancy_intensity == FancyIntensity.FAINT


def test_grades_beside_an_intensity_stay_grades(tmp_path: Path) -> None:
    rows = [stone(number, **{"Fancy Intensity": "Fancy"}) for number in range(25)]

    assert {found.color for found in read(tmp_path, rows)} == {Color.F, Color.G, Color.H}


def test_a_letter_beside_a_strong_intensity_is_no_grade() -> None:
    assert fancy_facts("Y", None, "Fancy Intense", None).color == fancy_facts("FANCY", None, None, None).color
    assert fancy_facts("G", None, "Fancy", None).color != fancy_facts("FANCY", None, None, None).color


@pytest.mark.parametrize("letter", ["Y", "P", "O", "N", "W-X", "S-T"])
def test_a_white_stone_of_such_a_letter_is_not_so_dear(letter: str) -> None:
    with pytest.raises(MappingError, match="may be the name of a fancy colour"):
        mapped(lone(Color=letter, Total_Price="40000"))

    assert mapped(lone(Color=letter, Total_Price="3500")).color is not None


@pytest.mark.parametrize(("color", "carats", "price"), [("D", "1.00", "25000"), ("U-V", "20.00", "900000")])
def test_dear_white_stones_are_offered(color: str, carats: str, price: str) -> None:
    assert mapped(lone(Color=color, Weight=carats, Total_Price=price)).color != Color.FANCY


def test_what_a_list_proves_of_words_is_read_again() -> None:
    row = {
        **lone(Color="G", Intensity="F"),
        PROVEN: '{"words":{"fancy_intensity":{"F":"FANCY"}},"named_beside":true}',
    }

    found = Mapper(parameters_of({"source": "x"})).to_diamond(msgspec.json.encode(row))

    assert (found.fancy_color, found.fancy_intensity) == ("GREEN", FancyIntensity.FANCY)


def with_columns(fluorescence: str, header: str, said: list[tuple[str, str]], **others: str) -> list[dict[str, str]]:
    return [
        stone(number, **others, **{fluorescence: said[number % len(said)][0], header: said[number % len(said)][1]})
        for number in range(24)
    ]


@pytest.mark.parametrize(("fluorescence", "header"), [("Fluorescence", "Color (2)"), ("Fluor", "F Color")])
def test_a_colour_behind_fluorescence_is_that_of_fluorescence(tmp_path: Path, fluorescence: str, header: str) -> None:
    said = [("Medium", "Blue"), ("None", ""), ("Strong", "Blue"), ("Faint", "Yellow")]

    stones = read(tmp_path, with_columns(fluorescence, header, said))

    assert {found.color for found in stones} == {Color.F, Color.G, Color.H}
    assert [found.fluorescence_color for found in stones[:4]] == ["BLUE", None, "BLUE", "YELLOW"]


def test_a_fancy_colour_behind_fluorescence_of_none_stays_one(tmp_path: Path) -> None:
    stones = read(tmp_path, with_columns("Fluor", "F Color", [("None", "Yellow"), ("Faint", "Blue")], Color=""))

    assert {(found.color, found.fancy_color) for found in stones} == {(Color.FANCY, "YELLOW"), (Color.FANCY, "BLUE")}


@pytest.mark.parametrize("header", ["Fancy", "FC", "Fcy", "Fancy Description", "FNC COL", "Fancy Clr", "Fcy Color"])
def test_names_of_fancy_colours_are_read_below_all_their_headers(tmp_path: Path, header: str) -> None:
    rows = [stone(1, Color="", **{header: "Fancy Intense Yellow"}), stone(2, **{header: "N"}), stone(4, **{header: ""})]
    rows[0] |= {"Price/Ct": "11000", "Total": f"{11_000 * float(rows[0]['Carat']):.2f}"}

    first, *others = read(tmp_path, rows)

    assert (first.color, first.fancy_color) == (Color.FANCY, "YELLOW")
    assert first.fancy_intensity == FancyIntensity.FANCY_INTENSE
    assert [found.color for found in others] == [Color.H, Color.G]


def test_a_flag_of_fancy_stones_names_no_colour(tmp_path: Path) -> None:
    rows = [stone(number, Fancy="NY"[number % 2]) for number in range(24)]

    assert {found.color for found in read(tmp_path, rows)} == {Color.F, Color.G, Color.H}


@pytest.mark.parametrize("heading", ["FANCY COLORS", "Fancy Colour Diamonds:", "FANCY YELLOW"])
def test_codes_of_colours_below_a_heading_of_fancy_ones_name_them(tmp_path: Path, heading: str) -> None:
    whites, fancy = [stone(number) for number in range(6)], ["Y", "FIY", "P", ""]
    header, *rows = table([*whites, *(stone(6 + number, Color=color) for number, color in enumerate(fancy))])
    width = [""] * (len(header) - 1)
    end = table([stone(20, Color="G")])[1]
    listed = [header, *rows[:6], [heading, *width], rows[6], ["ROUND", *width], *rows[7:], ["WHITE", *width], end]

    kept = made(tmp_path, listed)
    stones = [Mapper(parameters_of({"source": "x"})).to_diamond(payload) for payload in kept.payloads()]

    assert [found.color for found in stones] == [*(found.color for found in stones[:6]), *[Color.FANCY] * 4, Color.G]
    assert [found.fancy_color for found in stones[6:9]] == ["YELLOW", "YELLOW", "PINK"]
    assert Color.FANCY not in {found.color for found in stones[:6]}


@pytest.mark.parametrize("heading", ["FANCY SHAPES", "FANCY", "Fancy cuts"])
def test_a_heading_of_fancy_shapes_says_nothing_of_colours(tmp_path: Path, heading: str) -> None:
    header, *rows = table([stone(number, Color="FGY"[number % 3]) for number in range(6)])

    kept = made(tmp_path, [header, [heading, *[""] * (len(header) - 1)], *rows])

    assert [Mapper(parameters_of({"source": "x"})).to_diamond(payload).color for payload in kept.payloads()] == [
        *(Color.F, Color.G, Color.Y) * 2
    ]
