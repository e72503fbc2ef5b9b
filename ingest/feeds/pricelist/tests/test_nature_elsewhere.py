"""What a stone is, said where no list has a column for it: names of suppliers and brands, stock numbers, links, grades."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import Clarity, Color
from ingest.errors import MappingError
from ingest.feeds import nature
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.lists import mapped, stone
from ingest.feeds.pricelist.tests.natural_stones import made, table
from ingest.feeds.pricelist.tests.natural_stones import stone as natural
from ingest.feeds.verdicts import SupplierAsks

GROWN, HINT, SILENT = nature.GROWN, nature.HINT, nature.SILENT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CVD", GROWN),
        ("Lab Grown Diamonds", GROWN),
        ("Lumen Lab Grown Diamonds", HINT),
        ("Lab Diamonds Ltd", HINT),
        ("HPHT", HINT),
        ("Diamond Foundry", GROWN),
        ("Diamond Foundry Inc.", HINT),
        ("Foundry Diamonds", SILENT),
        ("Elab Gems", SILENT),
        ("Label Diamonds", SILENT),
        ("Rosy Blue", SILENT),
        ("Collab Diamonds", SILENT),
    ],
)
def test_a_name_hints_and_only_the_bare_kind_says(name: str, said: nature.Said) -> None:
    assert nature.of_name[name] == said


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://v.example.org/labgrown/1001", GROWN),
        ("https://v.example.org/lgd/CVD/1001.jpg", GROWN),
        ("https://www.gia.edu/lgdr/2141234567", GROWN),
        ("https://api.igi.org/viewpdf?r=512345679LG", GROWN),
        ("https://www.igi.org/verify?r=LG512345679", GROWN),
        ("labgrown/1001.jpg", GROWN),
        ("LG512345679.jpg", GROWN),
        ("https://v.example.org/lgd/1001.jpg", HINT),
        ("https://v.example.org/clarity-enhanced/1001.jpg", nature.TREATED),
        ("https://v.example.org/untreated/1001.jpg", SILENT),
        ("https://labgrown.example.org/1001.jpg", HINT),
        ("https://cdn.example.org/natural-and-lab-grown/1001.jpg", HINT),
        ("https://cdn.example.org/lab/1001.jpg", SILENT),
        ("https://labs.example.org/certificate-lab?lab=GIA&no=2141234567", SILENT),
        ("https://example.org/algo/belgium/1001.jpg", SILENT),
        ("1001.jpg", SILENT),
    ],
)
def test_an_address_says_by_its_path_and_hints_by_its_host(address: str, said: nature.Said) -> None:
    assert nature.of_address(address) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("LG-CVD-1015", GROWN),
        ("1015CVD", GROWN),
        ("LABGROWN-7", GROWN),
        ("LG-1015", HINT),
        ("LG1015", HINT),
        ("LAB-1015", HINT),
        ("1015-LG", HINT),
        ("1015LG", HINT),
        ("X-LG-1", HINT),
        ("LGMX-15", SILENT),
        ("LABEL-15", SILENT),
        ("ALG-15", SILENT),
        ("1015", SILENT),
    ],
)
def test_a_stock_number_says_or_hints(number: str, said: nature.Said) -> None:
    assert nature.of_stock_number(number) == said


@given(st.text(alphabet="ABDEFGHIJKMNOPQRSTUVWXYZ0123456789-/ ", max_size=20))
def test_a_stock_number_without_the_letters_of_a_grown_stone_says_nothing(number: str) -> None:
    """No L and no C: neither LG, LAB nor CVD can be in it."""
    if "HPHT" not in number and "GROWN" not in number:
        assert nature.of_stock_number(number) is SILENT


@pytest.mark.parametrize(
    "cells",
    [
        {"Brand": "CVD"},
        {"Stock_#": "LG-CVD-1015"},
        {"Image": "https://v.example.org/lgd/CVD/1001.jpg"},
        {"Video": "https://v.example.org/labgrown/1001"},
        {"Certificate_URL": "https://www.gia.edu/lgdr/2141234567"},
        {"Clarity": "VS1 LG"},
        {"Comments": "grown"},
        {"Private_Notes": "CVD"},
    ],
)
def test_what_says_it_in_any_column_makes_a_stone_lab_grown_and_contradicts_one_that_is_natural(
    cells: dict[str, str],
) -> None:
    assert mapped(stone(**cells)).lab_grown is True
    assert mapped(stone(**cells, Type="Lab Grown")).lab_grown is True
    with pytest.raises(MappingError, match="denies"):
        mapped(stone(**cells, Type="Natural"))


HINTS = [
    {"Supplier": "Lumen Lab Grown Diamonds"},
    {"Brand": "Lab Diamonds Ltd"},
    {"Stock_#": "LG-1015"},
    {"Image": "https://labgrown.example.org/1001.jpg"},
    {"Lab": "IGI(L)"},
    {"Lab": "IGI LAB"},
    {"Lab": "IGI-L"},
    {"Shape": "LGRD"},
    {"Color": "E Lab"},
    {"Clarity": "VS1 lab"},
    {"Lab": "IGI", "Report_#": "L604247243"},
]


@pytest.mark.parametrize("cells", HINTS)
def test_what_only_hints_is_held_until_a_column_or_the_feed_says_what_the_stone_is(cells: dict[str, str]) -> None:
    with pytest.raises(MappingError, match="may be said of a lab-grown stone"):
        mapped(stone(**cells))
    assert mapped(stone(**cells, Type="Natural")).lab_grown is False
    assert mapped(stone(**cells, Type="Lab Grown")).lab_grown is True
    assert mapped(stone(**cells), labgrown=False).lab_grown is False
    assert mapped(stone(**cells), labgrown=True).lab_grown is True


def test_a_list_that_hints_on_all_of_its_rows_is_asked_about_once(tmp_path: Path) -> None:
    rows = [natural(number, Supplier="Lab Diamonds Ltd") for number in range(24)]

    with pytest.raises(SupplierAsks, match="'Supplier' hints at it") as asked:
        made(tmp_path, table(rows))
    answers = [answer.parameters for answer in asked.value.verdict.question.answers]  # type: ignore[union-attr]

    assert answers == [{"labgrown": True}, {"labgrown": False}]
    assert made(tmp_path, table(rows), labgrown=False).census().offered == 24


def test_a_list_that_says_what_each_stone_is_is_not_asked_about_its_suppliers_name(tmp_path: Path) -> None:
    rows = [natural(number, Supplier="Lab Diamonds Ltd", Type="Natural") for number in range(24)]

    assert made(tmp_path, table(rows)).census().offered == 24


def test_a_list_of_which_some_rows_hint_is_read_and_these_are_held(tmp_path: Path) -> None:
    rows = [natural(number, Supplier="Lab Diamonds Ltd" if number < 4 else "Rosy") for number in range(24)]

    kept = made(tmp_path, table(rows))

    mapper = Mapper(parameters_of({"source": "x"}))
    (held,), (free,) = kept.lookup(["AB0003"]), kept.lookup(["AB0004"])
    with pytest.raises(MappingError, match="Lab Diamonds Ltd"):
        mapper.to_diamond(held)
    assert mapper.to_diamond(free).lab_grown is False


@pytest.mark.parametrize(
    "cells", [{"Brand": "Yehuda"}, {"Brand": "Clarity Enhanced"}, {"Image": "https://v.example.org/treated/1.jpg"}]
)
def test_what_says_that_a_stone_was_treated_is_read_and_contradicts_one_that_was_not(cells: dict[str, str]) -> None:
    assert mapped(stone(**cells)).treated is True
    with pytest.raises(MappingError, match="denies"):
        mapped(stone(**cells, Treatment="None, not treated"))


def test_a_supplier_called_as_a_brand_of_treated_stones_says_nothing() -> None:
    assert mapped(stone(Supplier="Yehuda Levi")).treated is None


def test_a_grade_beside_what_the_stone_is_is_read() -> None:
    assert mapped(stone(Clarity="VS1 LG")).clarity == Clarity.VS1
    assert mapped(stone(Clarity="SI1 CE")).treated is True
    assert mapped(stone(Lab="IGI(L)"), labgrown=False).lab == "IGI"
    assert mapped(stone(Color="E Lab"), labgrown=True).color == Color.E
    assert mapped(stone(Lab="EGL CE")).lab == "EGL"
    assert mapped(stone(Shape="LGRD"), labgrown=True).shape == "ROUND"
