"""What columns and remarks say of treatments: which are named, which are denied, and what is none."""

from __future__ import annotations

import pytest

from ingest.feeds import deciding_nature, nature
from ingest.feeds.pricelist.headers import field_of

DENIED = [
    "HPHT: none", "HPHT - No", "HPHT no", "No HPHT", "HPHT = nil", "Treatment: none", "Treatment - nil",
    "Treatment: untreated", "Nil treatment", "HPHT: Negative", "HPHT not detected", "HPHT/CVD: No", "CVD: No, HPHT: No",
    "CVD/HPHT: None", "HPHT: NOT TREATED", "No Laser Drilling", "Laser drilled: No", "Clarity enhanced: No", "CE: No",
    "LD: no", "KM - No", "Irradiated: No", "not irradiated", "uncoated", "non-coated", "Coated (no)", "unfilled",
    "no fracture filling", "No known treatment", "No Colour Treatment", "HPHT Treated: No", "HPHT treatment: none",
    "Not HPHT treated", "HPHT: False", "Treatment: No treatment", "no HPHT; laser inscription",
]  # fmt: skip
NOTHING = [
    "N/A", "n.a.", "?", "-", "Unknown", "not applicable", "Treatment: N/A", "HPHT: N/A", "none known", "Laser inscription",
    "Laser inscribed", "inscribed", "laser inscription(ed)", "Inscription: GIA 2140000077", "Laserscribed",
    "laser-inscribed", "Laser inscription: Yes", "girdle inscribed",
]  # fmt: skip
TREATED = [
    "lasered", "laser drilled", "LD", "L.D.", "CE", "C.E.", "clarity enhanced", "fracture filled", "KM", "K.M.", "ILD",
    "irradiated", "HPHT treated", "coated", "laser drill holes", "CE and LD", "Treatment: CE", "KM treatment", "Laser KM",
    "Laser drilled, inscribed", "Treated, laser inscription", "No HPHT, laser drilled", "HPHT: no, irradiated",
    "Treatment: yes",
]  # fmt: skip


@pytest.mark.parametrize("text", DENIED)
def test_a_treatment_that_is_denied_makes_no_stone_treated_or_grown(text: str) -> None:
    for column in (nature.of_treatment, nature.of_treatment_flag):
        said = column[text]
        assert (said.treated, said.grown, said.unclear) == (False, None, False)
    said = nature.of_text[text]
    assert said.treated is not True
    assert (said.grown, said.unclear) == (None, False)


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_treatment_says_nothing(text: str) -> None:
    for column in (nature.of_treatment, nature.of_treatment_flag, nature.of_text):
        assert column[text] is nature.SILENT


@pytest.mark.parametrize("text", TREATED)
def test_a_treatment_that_is_named_makes_a_stone_treated(text: str) -> None:
    for column in (nature.of_treatment, nature.of_treatment_flag, nature.of_text):
        said = column[text]
        assert (said.treated, said.grown, said.unclear) == (True, None, False)


@pytest.mark.parametrize(
    "text",
    ["Screened natural by Yehuda Sherlock", "no filling", "not filled", "No surface coating", "Laser inscribed"],
)
def test_remarks_that_name_a_treatment_as_absent_or_something_else_are_none(text: str) -> None:
    assert nature.of_text[text].treated is None


@pytest.mark.parametrize(
    "text",
    [
        "CE", "KM", "Yehuda", "HTHP treated", "CE Yehuda", "C.E.", "laser lines", "filled", "fissure filling",
        "L.D. visible", "surface coating", "bleached", "IRR", "Irr.", "Clarity enh.", "Col enh", "clr enh", "Laser holes",
        "Drill hole", "Heat treatment", "color by treatment", "artificial color", "Clarity has been improved",
        "Color has been changed", "colour was altered by irradiation",
    ],
)  # fmt: skip
def test_codes_of_treatments_as_whole_remarks(text: str) -> None:
    assert nature.of_text[text].treated is True


@pytest.mark.parametrize(
    "text",
    [
        "Eye clean, LD", "EC; CE", "Laser inscribed; KM", "Clarity Enh. (CE)", "Eye clean - CE", "VS1 after KM",
        "No BGM, LD",
        "EC / K.M.", "HPHT: no, LD", "Very good make, clean to the eye, hand picked by us, LD",
        "This diamond has been processed by high pressure/high temperature (HPHT) to change its color.",
        "Treated by HPHT to improve its colour",
    ],
)  # fmt: skip
def test_a_treatment_among_other_remarks_makes_a_stone_treated(text: str) -> None:
    said = nature.of_text[text]
    assert (said.treated, said.grown, said.unclear) == (True, None, False)


@pytest.mark.parametrize(
    "text",
    [
        "EC, no CE", "no CE, LD", "Certified by EGL CE", "CE marking of the box, see below", "No laser holes", "LI, EC",
        "laser inscribed, EC", "Color has not been changed", "not artificial color", "Cut under artificial light", "No irr",
        "Treated? No", "Enhanced? N", "has not been processed by HPHT", "This diamond has not been HPHT processed",
        "Clarity has been improved from SI1 to VS2 by a recut", "Color has been changed to H by the laboratory",
    ],
)  # fmt: skip
def test_remarks_that_only_look_like_treatments_are_none(text: str) -> None:
    assert nature.of_text[text].treated is not True


@pytest.mark.parametrize(
    "text",
    [
        "None detected", "None observed", "Not detected", "None visible", "No indication", "None - natural",
        "None (as mined)",
        "No disclosed treatment", "As mined",
    ],
)  # fmt: skip
def test_a_column_of_treatments_says_in_many_words_that_there_is_none(text: str) -> None:
    assert nature.of_treatment[text] == nature.UNTREATED
    assert nature.of_treatment_flag[text] == nature.Said(treated=False, one_treatment=True)


@pytest.mark.parametrize(
    "text", ["Natural color", "None, natural colour", "Natural fancy color", "Color origin: natural"]
)
def test_a_natural_colour_denies_treatments_of_the_colour_only(text: str) -> None:
    assert nature.of_treatment[text] == nature.Said(treated=False, one_treatment=True)


@pytest.mark.parametrize(
    "text", ["None reported", "None disclosed", "Normal", "Standard", "OK", "Regular", "Undisclosed"]
)
def test_a_column_of_treatments_says_nothing_by_such_words(text: str) -> None:
    for column in (nature.of_treatment, nature.of_treatment_flag):
        assert column[text] is nature.SILENT


@pytest.mark.parametrize(
    ("grade", "treated"),
    [
        ("FANCY BLUE IRR", True), ("Fancy Blue (Irr.)", True), ("SI1 (LASER)", True), ("SI1 laser", True), ("LD SI1", True),
        ("SI1 laser drill", True), ("SI1 laser inscribed", None), ("SI1 (laser inscription)", None),
    ],
)  # fmt: skip
def test_a_treatment_beside_a_grade_is_read(grade: str, treated: bool | None) -> None:
    assert (nature.of_grade[grade].treated, nature.of_grade[grade].grown) == (treated, None)


def test_a_no_to_one_treatment_denies_no_other() -> None:
    denied = deciding_nature.Evidence("Treatment", "HPHT: none", nature.of_treatment["HPHT: none"])
    drilled = deciding_nature.Evidence("Comments", "laser drilled", nature.of_text["laser drilled"])

    assert deciding_nature.decide([denied, drilled], default=False) == deciding_nature.Nature(False, None, True)


@pytest.mark.parametrize("text", ["HPHT no BGM", "HPHT - No milky"])
def test_a_no_of_what_comes_next_denies_no_treatment(text: str) -> None:
    assert nature.of_treatment[text].treated is True
    assert nature.of_text[text].unclear


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Treatment Type", "treatment"), ("Enhancement Type", "treatment"), ("Is Treated", "treatment"),
        ("HPHT Treated", "treated_by"), ("HPHT Treatment", "treated_by"), ("Laser Drill", "treated_by"),
        ("Laser Drilling", "treated_by"), ("Fracture Filling", "treated_by"), ("Coated", "treated_by"),
        ("Irradiation", "treated_by"), ("Clarity Treated", "treated_by"),
    ],
)  # fmt: skip
def test_headers_of_treatments_are_known(header: str, field: str) -> None:
    found = field_of(header)
    assert found is not None
    assert found[0] == field
