"""The trade's grades: their order, their spellings, and what is no grade."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import (
    NOT_GRADED,
    Clarity,
    Color,
    FancyIntensity,
    Finish,
    Fluorescence,
    UnknownGrade,
    fold,
    parse,
)

GRADES = (Color, Clarity, Finish, Fluorescence, FancyIntensity)
NAMES = [(grades, grade) for grades in GRADES for grade in grades]


def test_grades_follow_the_trade_s_order_best_first() -> None:
    assert [color.name for color in Color] == [*"DEFGHIJKLMNOPQRSTUVWXYZ", "FANCY"]
    assert " ".join(clarity.name for clarity in sorted(Clarity)) == "FL IF VVS1 VVS2 VS1 VS2 SI1 SI2 SI3 I1 I2 I3"
    assert Finish.EXCELLENT < Finish.VERY_GOOD < Finish.GOOD < Finish.FAIR < Finish.POOR
    assert Fluorescence.NONE < Fluorescence.FAINT < Fluorescence.VERY_STRONG
    for grades in GRADES:
        assert [grade.value for grade in grades] == list(range(1, len(grades) + 1))


@pytest.mark.parametrize(("grades", "grade"), NAMES)
def test_every_name_is_a_spelling_however_it_is_written(grades: type[Color], grade: Color) -> None:
    name = grade.name

    for spelling in (name, name.lower(), name.replace("_", " "), name.replace("_", "-"), f"  {name.title()} "):
        assert parse(grades, spelling) is grade


@pytest.mark.parametrize(
    ("grades", "spellings", "grade"),
    [
        (Finish, "EX Excellent EXCELLENT Ideal ID 3EX X", Finish.EXCELLENT),
        (Finish, "VG Very_Good VERY_GOOD very-good v.g.", Finish.VERY_GOOD),
        (Finish, "GD G Good", Finish.GOOD),
        (Fluorescence, "NON NONE None", Fluorescence.NONE),
        (Fluorescence, "FNT Faint", Fluorescence.FAINT),
        (Fluorescence, "MED Medium", Fluorescence.MEDIUM),
        (Fluorescence, "STG Strong", Fluorescence.STRONG),
        (Fluorescence, "VST Very_Strong VS", Fluorescence.VERY_STRONG),
        (Clarity, "VVS-1 vvs1", Clarity.VVS1),
        (Clarity, "LC Flawless_ IF", None),
        (Color, "FCY Fancy FANCY", Color.FANCY),
        (Color, "U-V", Color.V),
        (FancyIntensity, "FANCY_VIVID Fancy-Vivid VIVID", FancyIntensity.FANCY_VIVID),
    ],
)
def test_suppliers_spellings_are_known(grades: type[Finish], spellings: str, grade: Finish | None) -> None:
    for spelling in spellings.split():
        found = parse(grades, spelling)
        assert found is grade if grade is not None else found in (Clarity.IF, Clarity.FL)


@pytest.mark.parametrize("grades", [Color, Clarity, Finish, FancyIntensity])
@pytest.mark.parametrize("nothing", [*sorted(NOT_GRADED), "n/a", " Not Specified "])
def test_words_for_nothing_are_no_grade(grades: type[Color], nothing: str) -> None:
    assert parse(grades, nothing) is None


def test_no_fluorescence_is_a_grade_and_no_cut_is_none() -> None:
    assert parse(Fluorescence, "None") is Fluorescence.NONE
    assert parse(Finish, "None") is None


@pytest.mark.parametrize("grades", GRADES)
def test_what_nobody_knows_is_refused_by_its_kind_and_in_short(grades: type[Color]) -> None:
    with pytest.raises(UnknownGrade, match=f"is not a {grades.__name__.lower()} grade") as refused:
        parse(grades, "Zzz" * 1_000)

    assert len(str(refused.value)) < 120


@given(text=st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(text=st.text())
def test_any_text_is_a_grade_no_grade_or_refused(text: str) -> None:
    for grades in GRADES:
        try:
            found = parse(grades, text)
        except UnknownGrade:
            continue
        assert found is None or found in grades
