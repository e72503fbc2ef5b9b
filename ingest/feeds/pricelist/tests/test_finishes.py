"""Cut, polish and symmetry that stand in one cell."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import LabFinish
from ingest.feeds.pricelist import finishes
from ingest.feeds.pricelist.tests.lists import mapped, stone

ID, EX, VG, GD = LabFinish.IDEAL, LabFinish.EXCELLENT, LabFinish.VERY_GOOD, LabFinish.GOOD


def graded(**cells: str) -> tuple[int | None, ...]:
    """Cut, polish and symmetry of a row with these cells."""
    facts = mapped(stone(**cells))
    return facts.cut, facts.polish, facts.symmetry


@pytest.mark.parametrize("header", ["Cut", "C/P/S", "Cut/Pol/Sym", "Finish"])
@pytest.mark.parametrize(
    ("cell", "grades"),
    [
        *[
            (cell, (EX, EX, EX))
            for cell in ("3EX", "3X", "XXX", "Triple EX", "Triple Excellent", "EX-EX-EX", "EXEXEX", "TEX")
        ],
        ("000", (ID, ID, ID)),
        ("EX/EX/VG", (EX, EX, VG)),
        ("EX - VG - GD", (EX, VG, GD)),
        ("EX VG EX", (EX, VG, EX)),
        ("Very Good-Excellent-Good", (VG, EX, GD)),
        ("3VG", (VG, VG, VG)),
        # A fancy shape has no grade of its cut.
        ("-/EX/VG", (None, EX, VG)),
        ("/EX/VG", (None, EX, VG)),
    ],
)
def test_three_grades_of_one_cell_are_those_of_cut_polish_and_symmetry(
    header: str, cell: str, grades: tuple[int | None, ...]
) -> None:
    assert graded(**{header: cell}) == grades


@pytest.mark.parametrize("header", ["Pol/Sym", "Polish-Symmetry"])
@pytest.mark.parametrize(
    ("cell", "grades"), [("EX/VG", (EX, VG)), ("VG EX", (VG, EX)), ("Excellent, Good", (EX, GD)), ("2EX", (EX, EX))]
)
def test_two_grades_of_a_column_of_both_are_polish_and_symmetry(
    header: str, cell: str, grades: tuple[int | None, ...]
) -> None:
    assert graded(**{header: cell, "Cut": "GD"}) == (GD, *grades)


@pytest.mark.parametrize(
    ("cell", "cut"),
    [
        ("EX", EX),
        ("EX H&A", EX),
        ("GIA EX", EX),
        ("AGS 0", ID),
        ("GO", GD),
        ("VG-EX", VG),
        ("VGEX", VG),
        ("3", None),
        ("EX/EX/blue", None),
    ],
)
def test_what_is_not_three_grades_is_a_cut_alone(cell: str, cut: int | None) -> None:
    assert graded(Cut=cell) == (cut, None, None)


def test_columns_of_their_own_go_before_one_of_all() -> None:
    assert graded(Cut="3EX", Polish="VG", Symmetry="") == (EX, VG, EX)
    assert graded(**{"C/P/S": "EX/EX/EX", "Cut": "GD"}) == (GD, EX, EX)


GRADES = {"EX": EX, "VG": VG, "GD": GD, "FR": LabFinish.FAIR}


@given(
    st.lists(st.sampled_from(sorted(GRADES)), min_size=3, max_size=3),
    st.sampled_from(["/", "-", " - ", " ", ", ", "|", ""]),
)
def test_any_three_grades_come_back_from_any_writing(grades: list[str], between: str) -> None:
    assert finishes.all_three[between.join(grades)] == tuple(GRADES[grade] for grade in grades)


@pytest.mark.parametrize("pair", product(GRADES, repeat=2))
def test_a_range_of_two_grades_is_never_three(pair: tuple[str, str]) -> None:
    assert finishes.all_three["-".join(pair)] == finishes.NONE
