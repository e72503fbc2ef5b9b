"""Grades with something written beside them: what it says of the stone is read, and the grade is not lost."""

from __future__ import annotations

import pytest

from catalog import words
from catalog.grades import Clarity, Color, LabFinish, alone
from ingest.errors import MappingError
from ingest.feeds import nature
from ingest.feeds.pricelist import words as words_of_lists
from ingest.feeds.pricelist.finishes import of_finish
from ingest.feeds.pricelist.tests.lists import mapped, stone


@pytest.mark.parametrize(
    ("cell", "clarity", "treated"),
    [
        ("SI1 LD", Clarity.SI1, True), ("SI2 CE", Clarity.SI2, True), ("VS1 FF", Clarity.VS1, True),
        ("VS2*", Clarity.VS2, None), ("SI1 EC", Clarity.SI1, None), ("SI1 eye clean", Clarity.SI1, None),
        ("SI1 (Eye Clean)", Clarity.SI1, None), ("VS1 KM", Clarity.VS1, True),
        ("VVS2 (laser drilled)", Clarity.VVS2, True), ("SI2, clarity enhanced", Clarity.SI2, True),
        ("VS1 - GIA", Clarity.VS1, None), ("VS1 NO BGM", Clarity.VS1, None), ("VS2 - SI1 GIA", Clarity.SI1, None),
        ("VS1", Clarity.VS1, None), ("VS2-SI1", Clarity.SI1, None), ("VS1 LG", Clarity.VS1, None),
    ],
)  # fmt: skip
def test_a_clarity_is_read_with_what_stands_beside_it(cell: str, clarity: Clarity, treated: bool | None) -> None:
    found = mapped(stone(Clarity=cell))

    assert (found.clarity, found.treated) == (clarity, treated)


@pytest.mark.parametrize(
    ("cell", "color", "treated"),
    [
        ("G tinge", Color.G, None), ("E rare", Color.E, None), ("G, milky", Color.G, None),
        ("F irradiated", Color.F, True), ("Color: G", None, None), ("Fancy Black (heated)", Color.FANCY, True),
        ("Irradiated Green", Color.FANCY, True), ("G", Color.G, None), ("K, Faint Brown", Color.K, None),
    ],
)  # fmt: skip
def test_a_colour_is_read_with_what_stands_beside_it(cell: str, color: Color, treated: bool | None) -> None:
    found = mapped(stone(Color=cell))

    assert (found.color, found.treated) == (color, treated)


def test_hpht_beside_a_colour_is_either() -> None:
    with pytest.raises(MappingError, match="may mean a lab-grown stone or a natural one"):
        mapped(stone(Color="HPHT D"))


def test_a_colour_of_one_house_is_fancy() -> None:
    found = mapped(stone(Color="Argyle 5PP", Total_Price="250000"))

    assert (found.color, found.fancy_color) == (Color.FANCY, "PURPLISH_PINK")


def test_every_word_beside_a_grade_leaves_it_alone() -> None:
    for word, meaning in words.table("beside_grades").items():
        assert alone(f"VS1 {word.lower()}") == "VS1"
        assert alone(f"G ({word})") == "G"
        if word != "HPHT":
            assert bool(nature.of_grade[f"VS1 {word}"].treated) is (meaning == "TREATED"), word


@pytest.mark.parametrize("cell", ["VS1 / VS2", "SI1, SI2", "D to F", "Fancy Yellow", "not a grade"])
def test_what_is_beside_no_grade_stays(cell: str) -> None:
    assert alone(cell) == cell


@pytest.mark.parametrize("cell", ["NT", "Not treated", "nil", "unbehandelt"])
def test_what_was_not_treated_is_said_so(cell: str) -> None:
    assert nature.of_treatment[cell].treated is False


@pytest.mark.parametrize(
    "text",
    [
        "CE stone",
        "Irrad.",
        "GE POL",
        "Bellataire",
        "Behandelt",
        "laserbehandeld",
        "traité laser",
        "Heated",
        "KM treatment",
    ],
)
def test_remarks_name_treatments(text: str) -> None:
    assert nature.of_text[text].treated is True


@pytest.mark.parametrize("text", ["nicht behandelt", "niet behandeld", "non traité", "unbehandelt", "not heated"])
def test_remarks_deny_treatments(text: str) -> None:
    assert nature.of_text[text].treated is not True


@pytest.mark.parametrize("cell", ["NT", "MT1", "MT2", "MT-3", "BR1", "N"])
def test_degrees_of_tinges_are_known(cell: str) -> None:
    assert words_of_lists.are_shades(cell)


def test_a_fancy_shape_has_no_cut_in_a_cell_of_three() -> None:
    assert of_finish["NA-EX-VG"] == (None, LabFinish.EXCELLENT, LabFinish.VERY_GOOD)
