"""What suppliers' fields say of what a stone is, and what they say together."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import MappingError
from ingest.feeds import nature, several
from ingest.feeds.deciding_nature import Evidence, decide
from ingest.feeds.nature import GROWN, NATURAL, SILENT, TREATED, UNTREATED, Said

_GROWN_BY_CVD = (
    "This Laboratory Grown Diamond was created by Chemical Vapor Deposition (CVD) growth process "
    "and may include post-growth treatment."
)
_GROWN_BY_HPHT = (
    "This Laboratory-Grown Diamond was produced by High Pressure High Temperature (HPHT) growth process. Type II"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_GROWN_BY_CVD, Said(grown=True, method="CVD")),
        (_GROWN_BY_HPHT, Said(grown=True, method="HPHT")),
        ("Lab grown diamond report", GROWN),
        ("LGDR", GROWN),
        ("LABGROWN_DIAMOND", GROWN),
        ("As grown, no indication of post-growth treatment", Said(grown=True, treated=False)),
        ("Post growth treated", Said(grown=True, treated=True)),
        ("This is not a natural diamond", GROWN),
        ("Laser inscription: LABGROWN", GROWN),
        ("Natural diamond, not lab grown", NATURAL),
        ("100% natural, CVD HPHT tested", NATURAL),
        ("Laboratory-grown: No", NATURAL),
        ("HPHT annealed", TREATED),
        ("HPHT processed", TREATED),
        ("Clarity enhanced, laser drilled", TREATED),
        ("Not treated", UNTREATED),
        ("HPHT", Said(unclear=True)),
        ("Same optical properties as natural diamonds; lab grown", GROWN),
        ("Indented natural on girdle", SILENT),
        ("No CVD / No HPHT", SILENT),
        ("Free of CVD and HPHT", SILENT),
        ("Color graded by lab", SILENT),
        ("Can be sold as pair", SILENT),
        ("Sold as a pair", Said(several="a pair")),
        ("25 pcs", Said(several="a parcel")),
    ],
)
def test_comments_say_what_they_say_and_nothing_that_they_deny_or_only_speak_of(text: str, said: Said) -> None:
    assert nature.of_text[text] == said


@pytest.mark.parametrize(
    "text",
    [
        "made in lab", "grown diamond", "LG Dossier", "L/G", "LAB", "ECO diamond", "synth", "LABGROWN IGI LG512345678",
        "not natural", "non-natural", "Not a natural diamond", "created diamond", "Diamond Foundry", "above-ground",
        "lab dia", "LG stone", "IGI LG", "Failed CVD screening", "LG633445566", "IGI LG633445566", "633445566-LG",
        "Type: LG", "Diamond type: Lab", "Type - Lab", "Origin: Lab, eye clean", "LCD", "LG DIA",
    ],
)  # fmt: skip
def test_remarks_that_say_that_a_stone_was_grown(text: str) -> None:
    assert nature.of_text[text].grown is True


@pytest.mark.parametrize(
    "text",
    [
        "Passed HPHT/CVD screening", "Passed CVD screening", "HPHT & CVD passed", "CVD/HPHT: Pass", "HPHT: none",
        "CVD screening: passed", "CVD: none", "HPHT and CVD tested", "No naturals", "not natural color", "GIA, LG girdle",
        "Laboratory: IGI", "Ground floor safe", "Lab Grown? No", "Labgrown N", "Lab-grown (no)", "tested with CVD machine",
        "Lab grown - No, natural - yes",
        "Checked by CVD detector", "Report type: Lab", "Type: Lab report", "LG: N", "Algeria 633445566",
    ],
)  # fmt: skip
def test_remarks_of_screening_say_of_no_stone_that_it_was_grown(text: str) -> None:
    said = nature.of_text[text]
    assert (said.grown, said.unclear, said.treated) in {(None, False, None), (False, False, None)}


@pytest.mark.parametrize(
    "text",
    ["Matching pair, sold together", "must be sold with PR1017", "not to be split", "Price for both", "Set of 3"],
)
def test_what_is_not_sold_alone(text: str) -> None:
    assert nature.of_text[text].several


def test_what_is_no_diamond_by_its_remark() -> None:
    assert nature.of_text["Moissanite"].other == "moissanite"
    assert nature.of_text["Simulated"].other == "simulated"
    assert nature.of_text["Diamond simulant, not natural"].other == "simulant"
    assert not nature.of_text["Seen under simulated daylight"].other
    assert not nature.of_text["Tested, no moissanite"].other


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Natural", NATURAL),
        ("N", NATURAL),
        ("Non-lab-grown", NATURAL),
        ("L", GROWN),
        ("LG", GROWN),
        ("Lab-Created", GROWN),
        ("Non-natural", GROWN),
        ("Y", GROWN),
        ("CVD", Said(grown=True, method="CVD")),
        ("Lab-Grown HPHT", Said(grown=True, method="HPHT")),
        ("HPHT treated", TREATED),
        ("Natural/Lab Grown", Said(unclear=True)),
        ("IIa", SILENT),
        ("Parcel", Said(several="a parcel")),
        ("Moissanite", Said(other="moissanite")),
        ("LGDIA", GROWN),
        ("Syn", GROWN),
        ("Natural CE", Said(grown=False, treated=True)),
    ],
)
def test_a_kind_of_stones_is_read_in_every_writing(kind: str, said: Said) -> None:
    assert nature.of_grown_flag[kind] == said


@pytest.mark.parametrize(("cell", "said"), [("Y", NATURAL), ("No", GROWN), ("1", NATURAL), ("Lab", GROWN)])
def test_a_flag_that_asks_whether_a_stone_is_natural_is_the_other_way_round(cell: str, said: Said) -> None:
    assert nature.of_natural_flag[cell] == said


def test_a_bare_yes_to_natural_or_lab_grown_says_neither() -> None:
    assert nature.of_either["Y"] == Said(unclear=True)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("HPHT", TREATED),
        ("Laser Drilled", TREATED),
        ("Y", TREATED),
        ("None", UNTREATED),
        ("Natural", UNTREATED),
        ("Lab grown", GROWN),
        ("CVD", Said(grown=True, method="CVD")),
        ("As Grown", Said(grown=True, treated=False)),
        ("Possible post growth treatment", GROWN),
        ("NA", SILENT),
    ],
)
def test_hpht_in_a_column_of_treatments_is_what_was_done_to_a_stone(cell: str, said: Said) -> None:
    assert nature.of_treatment[cell] == said


@pytest.mark.parametrize(
    ("read", "cell", "said"),
    [
        (nature.of_origin, "LAB-CREATED", GROWN),
        (nature.of_origin, "Natural", NATURAL),
        (nature.of_origin, "Russia", SILENT),
        (nature.of_origin, "IN", SILENT),
        (nature.of_shape, "LG ROUND", GROWN),
        (nature.of_shape, "Oval (pair)", Said(several="a pair")),
        (nature.of_shape, "PR", SILENT),
        (nature.of_lab, "IGI-LG", GROWN),
        (nature.of_lab, "GIA", SILENT),
        *((nature.of_lab, lab, GROWN) for lab in ("IGILG", "LGIGI", "GIALG", "IGI LGD")),
        *(
            (nature.of_lab, lab, nature.HINT)
            for lab in ("IGI LAB", "IGI-Lab", "IGI(LAB)", "GIA (Lab)", "IGI-L", "GIA L")
        ),
        *(
            (nature.of_lab, lab, SILENT)
            for lab in ("GIA LAB", "HRD Lab", "AGS-L", "AGSL", "EGL L.A.", "EGL LA", "GEM LAB")
        ),
        *((nature.of_lab, lab, TREATED) for lab in ("EGL CE", "GIA (treated)", "EGL USA CE")),
        (nature.of_lab, "IGI HPHT", Said(unclear=True)),
        *((nature.of_shape, shape, nature.HINT) for shape in ("LGRD", "RDLG", "L.RD", "L/RD")),
        *((nature.of_shape, shape, SILENT) for shape in ("LR", "L.RAD", "LOZ", "Long Radiant", "Laser cut round")),
        *((nature.of_shape, shape, TREATED) for shape in ("Round CE", "Round Treated", "Oval (treated)")),
    ],
)
def test_origin_shape_and_laboratory_bear_on_it_as_well(read: Any, cell: str, said: Said) -> None:
    assert read[cell] == said


@pytest.mark.parametrize(
    ("grade", "grown"),
    [("E (CVD)", True), ("VS1 LG", True), ("E", None), ("VS1", None), ("SI1 L", None), ("DCVD", True)],
)
def test_a_grade_may_say_that_a_stone_was_grown(grade: str, grown: bool | None) -> None:
    assert nature.of_grade[grade].grown is grown


@pytest.mark.parametrize(
    ("number", "grown"),
    [("LG123456789", True), ("lg 123-456", True), ("IGI LG123456789", True), ("2141438171", None), ("LGE", None)],
)
def test_the_prefix_of_a_certificate_says_that_a_stone_was_grown(number: str, grown: bool | None) -> None:
    assert nature.of_certificate(number).grown is grown


@pytest.mark.parametrize(
    "number", ["512345678LG", "IGI-512345678-LG", "LGD512345678", "IGI/LG569250136", "LG512345678", "lg 598312345"]
)
def test_a_number_of_a_grown_stone_is_known_in_every_writing(number: str) -> None:
    assert nature.of_certificate(number) == nature.GROWN


@pytest.mark.parametrize("number", ["2141438171", "GIA 2141438171", "LGM12", "HRD 190000123456", "1234567"])
def test_other_numbers_say_nothing(number: str) -> None:
    assert nature.of_certificate(number) == nature.SILENT


def test_words_of_growth_are_no_part_of_a_shape() -> None:
    shapes = ["LG ROUND", "Round (Lab Grown)", "CVD Oval", "Lab-Grown-Cushion", "Emerald", "LGRD", "Round CE"]

    alone = ["ROUND", "ROUND", "OVAL", "CUSHION", "Emerald", "RD", "ROUND"]
    assert [nature.without_growth(shape) for shape in shapes] == alone


def test_what_its_reports_are_of_is_no_part_of_a_laboratory() -> None:
    labs = [
        "IGILG",
        "LGIGI",
        "IGI LAB",
        "IGI-L",
        "GIA (L)",
        "IGI HPHT",
        "EGL USA CE",
        "GIA Treated",
        "GIA Lab",
        "EGL L.A.",
    ]

    alone = ["IGI", "IGI", "IGI", "IGI", "GIA", "IGI", "EGL USA", "GIA", "GIA Lab", "EGL L.A."]
    assert [nature.without_growth_of_lab(lab) for lab in labs] == alone


def test_the_feeds_word_holds_only_where_nothing_speaks() -> None:
    assert decide([], default=True).lab_grown
    assert not decide([Evidence("Type", "Natural", NATURAL)], default=True).lab_grown


def test_hpht_alone_is_asked_about_and_with_a_natural_stone_it_is_a_treatment() -> None:
    doubt = Evidence("Comments", "HPHT", nature.of_text["HPHT"])

    with pytest.raises(MappingError, match="may mean a lab-grown stone or a natural one"):
        decide([doubt], default=False)

    assert decide([doubt, Evidence("Type", "Natural", NATURAL)], default=False) == (False, None, True)
    assert decide([doubt, Evidence("Type", "Lab", GROWN)], default=False).lab_grown


_SAID = st.sampled_from([SILENT, NATURAL, GROWN, TREATED, UNTREATED, Said(grown=True, method="CVD")])


@given(st.lists(_SAID, max_size=6), st.booleans())
def test_stones_are_what_all_fields_say_or_nobody_sells_them(fields: list[Said], default: bool) -> None:
    evidence = [Evidence(f"column {number}", str(said), said) for number, said in enumerate(fields)]
    grown, treated = ({getattr(said, of) for said in fields} - {None} for of in ("grown", "treated"))

    if len(grown) == 2 or len(treated) == 2:
        with pytest.raises(MappingError, match=r"denies what column \d"):
            decide(evidence, default=default)
    else:
        decided = decide(evidence, default=default)
        assert {decided.lab_grown} == (grown or {default})
        assert {decided.treated} == (treated or {None})


@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (
        nature.of_text,
        nature.of_grown_flag,
        nature.of_treatment,
        nature.of_shape,
        nature.of_origin,
        nature.of_lab,
    ):
        assert isinstance(read[text], Said)
    nature.of_certificate(text)
    nature.without_growth(text)


#: All that a text is searched for.
_PHRASES = (
    nature._GROWN_PHRASE,
    nature._NATURAL_PHRASE,
    nature._POST_GROWTH,
    nature._UNTREATED_PHRASE,
    nature._TREATED_PHRASE,
    several._SAID_PARCEL,
    several._PIECES,
    several._SAID_PAIR,
    several._SAID_OF_ANOTHER,
    nature._NO_DIAMOND,
    *(written_out for written_out, _short in nature._WRITTEN_OUT),
)


@given(
    phrase=st.one_of([st.from_regex(re.compile(pattern.pattern, re.ASCII), fullmatch=True) for pattern in _PHRASES]),
    before=st.sampled_from(["", "Additional clouds are not shown. ", "Pinpoints and needles are not shown; "]),
    after=st.sampled_from(["", ". Pinpoints are not shown.", " - minor details of polish are not shown"]),
    space=st.sampled_from([" ", "-", "_", "  "]),
)
def test_no_phrase_is_passed_over_for_want_of_a_telling_part_of_a_word(
    phrase: str, before: str, after: str, space: str
) -> None:
    text = before + phrase.replace(" ", space).lower() + after

    assert nature._said_in_text(text) == nature._read_text(text)


@pytest.mark.parametrize("code", [*nature._WHOLE_TEXTS, *nature._SIMULANTS])
def test_a_code_is_read_whatever_white_space_is_around_it(code: str) -> None:
    written = code.replace(" / ", "/")

    assert nature._said_in_text(written.lower() + " " * 40) == nature._read_text(written) != SILENT


def test_what_laboratories_remark_most_is_not_read_any_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nature, "_read_text", lambda cell: pytest.fail(f"was read: {cell}"))

    for text in (
        "Additional clouds are not shown.",
        "Minor details of polish are not shown.",
        "Pinpoints and needles " * 90,
    ):
        assert nature._said_in_text(text) is SILENT
