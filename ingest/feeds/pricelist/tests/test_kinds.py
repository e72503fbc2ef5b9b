"""Columns of few words of which one is "natural": which of them are read, which are asked about, and which are neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog import words
from ingest.feeds import nature
from ingest.feeds.pricelist.errors import WrongParameters
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import faults, made, stone, table
from ingest.feeds.verdicts import SupplierAsks

ROWS = 24


def rows(header: str, natural: str, other: str, **more: str) -> list[dict[str, str]]:
    """Every other row has the other word."""
    return [stone(number, **{header: other if number % 2 else natural, **more}) for number in range(ROWS)]


def grown(folder: Path, written: list[dict[str, str]], **parameters: Any) -> list[bool]:
    """Whether each stone was grown."""
    mapper = Mapper(parameters_of({"source": "x", **parameters}))
    return [mapper.to_diamond(payload).lab_grown for payload in made(folder, table(written), **parameters).payloads()]


def answers(folder: Path, written: list[dict[str, str]], match: str, **parameters: Any) -> list[dict[str, Any]]:
    """The answers to what is asked of a list."""
    with pytest.raises(SupplierAsks, match=match) as asked:
        made(folder, table(written), **parameters)
    question = asked.value.verdict.question
    assert question is not None
    return [answer.parameters for answer in question.answers]


OTHER_ROWS = [bool(number % 2) for number in range(ROWS)]


@pytest.mark.parametrize(
    ("header", "natural", "other"),
    [
        ("Source", "Mined", "Created"), ("Herkunft", "Natur", "Labor"), ("种类", "天然", "培育"), ("סוג", "טבעי", "מעבדה"),
        ("Nature", "Naturel", "Synthèse"), ("Grading", "Natural", "LG Grading"), ("Col X", "Natural", "Lab grown CVD"),
        ("Herkomst", "Natuurlijk", "Laboratorium"), ("类别", "天然钻石", "培育钻石 (CVD)"), ("Made", "Real", "Cultivated"),
        ("Тип камня", "Природный", "Выращенный"), ("Kind", "Earth Mined", "Lab-Created"), ("Made", "Nature", "Lab"),
        ("Collection", "natural diamonds", "Lightbox"), ("Col X", "NAT", "LG"),
    ],
)  # fmt: skip
def test_words_that_say_how_stones_were_made_are_read_below_any_header(
    tmp_path: Path, header: str, natural: str, other: str
) -> None:
    assert grown(tmp_path, rows(header, natural, other)) == OTHER_ROWS


@pytest.mark.parametrize(
    ("header", "other"),
    [
        *((header, other) for header in ("Collection", "Diamond") for other in ("Solaria", "Certified", "HPHT", "Yes")),
        *((header, other) for header in ("Type", "Category") for other in ("Solaria", "Certified")),
    ],
)
def test_a_word_beside_natural_is_asked_about_whatever_it_is(tmp_path: Path, header: str, other: str) -> None:
    written = rows(header, "Natural", other)
    said = answers(tmp_path, written, rf"'{header}' says 'Natural' on 12 rows and '{other}' on 12")

    for number, (answer, made_of) in enumerate(zip(said, (OTHER_ROWS, [False] * ROWS, [False] * ROWS), strict=True)):
        (folder := tmp_path / str(number)).mkdir()
        assert grown(folder, written, **answer) == made_of


def test_a_word_that_comes_later_is_asked_about_though_the_column_is_known(tmp_path: Path) -> None:
    written = rows("Collection", "Natural", "Solaria")
    was = answers(tmp_path, written, "Solaria")[0]
    written[3]["Collection"] = "Lumen"

    assert answers(tmp_path, written, "'Lumen' on 1", **was)


@pytest.mark.parametrize(
    ("header", "natural", "other"),
    [
        ("N/L", "N", "L"), ("Origin", "N", "L"), ("Origin", "ND", "LD"), ("Country of Origin", "N", "LC"),
        ("Cat X", "ND", "LCD"),
    ],
)  # fmt: skip
def test_n_and_l_are_asked_about(tmp_path: Path, header: str, natural: str, other: str) -> None:
    written = rows(header, natural, other)

    said = answers(tmp_path, written, f"'{header}' is '{natural}' on 12 rows and '{other}' on 12")

    for number, (answer, made_of) in enumerate(zip(said, (OTHER_ROWS, [False] * ROWS), strict=True)):
        (folder := tmp_path / str(number)).mkdir()
        assert grown(folder, written, **answer) == made_of


@pytest.mark.parametrize(("natural", "other"), [("DIA", "LGDIA"), ("ND", "LCD"), ("Dia", "Lab Dia"), ("ND", "LG")])
def test_a_category_of_codes_says_which_stones_were_grown(tmp_path: Path, natural: str, other: str) -> None:
    assert grown(tmp_path, rows("Category", natural, other)) == OTHER_ROWS


@pytest.mark.parametrize(("natural", "other"), [("ND", "SD"), ("Stone", "L-Stone"), ("DM", "LGDM")])
def test_a_category_of_codes_that_nobody_knows_is_asked_about(tmp_path: Path, natural: str, other: str) -> None:
    written = rows("Category", natural, other)

    said = answers(tmp_path, written, f"'Category' says '{natural}' on 12 rows and '{other}' on 12")

    (folder := tmp_path / "told").mkdir()
    assert grown(folder, written, **said[0]) == OTHER_ROWS


def test_natural_on_some_rows_and_nothing_on_the_others_is_asked_about(tmp_path: Path) -> None:
    written = rows("Collection", "Natural", "")

    said = answers(tmp_path, written, "'Collection' says 'Natural' on 12 of 24 rows and nothing on the others")

    for number, (answer, made_of) in enumerate(zip(said, (OTHER_ROWS, [False] * ROWS), strict=True)):
        (folder := tmp_path / str(number)).mkdir()
        assert grown(folder, written, **answer) == made_of


@pytest.mark.parametrize(
    ("header", "natural", "other", "more"),
    [
        ("Inclusion 1", "Natural", "Feather", {}), ("Incl 2", "Natural", "", {}), ("Remark X", "Natural", "", {}),
        ("Source X", "Natural", "Natural", {}), ("Collection", "Natural", "Solaria", {"Lab Grown": "No"}),
        ("Collection", "", "Solaria", {}), ("Class", "Natural", "Type IIa", {}), ("N/L", "N", "N", {}),
        ("Color Source", "G", "H", {}), ("Origin", "NA", "LB", {}), ("Origin", "N", "L", {"Lab Grown": "No"}),
        ("Category", "Loose", "Certified", {}), ("Origin", "ZA", "L", {}),
    ],
)  # fmt: skip
def test_other_columns_are_not_asked_about(
    tmp_path: Path, header: str, natural: str, other: str, more: dict[str, str]
) -> None:
    written = rows(header, natural, other, **more)

    assert grown(tmp_path, written) == [False] * ROWS


@pytest.mark.parametrize("cell", ["hpht", "CVD", "LG", "Lab-grown"])
def test_what_may_be_grown_on_few_rows_of_a_column_that_nobody_knows_is_told(tmp_path: Path, cell: str) -> None:
    written = [stone(number, Sub_Type=cell if number == 7 else "") for number in range(ROWS)]

    told = faults(made(tmp_path, table(written)).census(), ROWS)

    assert told == ["'Sub_Type' (1), which nobody knows, may say that stones were grown or treated"]


def test_every_word_of_the_table_says_alone_how_a_stone_was_made() -> None:
    for word, meaning in words.table("nature").items():
        assert nature.of_grown_flag[word].grown is (meaning == "GROWN"), word
        assert nature.is_natural(word) is (meaning == "NATURAL"), word
        assert nature.of_text[word].grown is (True if meaning == "GROWN" else None), word


@pytest.mark.parametrize(
    "text",
    [
        "Created", "Cultured", "Cultivated", "LGDG", "Lightbox", "WD Lab", "Labordiamant", "Synthetisch", "Synthèse", "培育",
        "מעבדה", "Labordiamanten aus Antwerpen", "GIA LGDG report", "diamant de synthèse CVD",
    ],
)  # fmt: skip
def test_remarks_and_reports_say_it_in_the_languages_of_the_trade(text: str) -> None:
    assert nature.of_text[text].grown is True


def test_a_hybrid_is_neither() -> None:
    assert nature.of_text["Hybrid"].unclear


@pytest.mark.parametrize(
    ("brand", "said"), [("LG Plus", nature.HINT), ("Lightbox", nature.GROWN), ("Argyle", nature.SILENT)]
)
def test_a_brand_of_grown_stones_is_one(brand: str, said: nature.Said) -> None:
    assert nature.of_brand[brand] == said


@pytest.mark.parametrize("text", ["Natural", "Naturel", "Earth", "collaboration", "elaborate", "Recreated facet"])
def test_such_remarks_say_nothing(text: str) -> None:
    assert nature.of_text[text].grown is None


def test_a_word_of_kinds_means_one_of_two() -> None:
    with pytest.raises(WrongParameters, match="means NATURAL or LAB GROWN"):
        parameters_of({"source": "x", "words": {"lab_grown": {"Solaria": "CVD"}}})


def test_a_flag_of_a_way_to_grow_stones_is_told_as_that(tmp_path: Path) -> None:
    written = [stone(number, **{"By CVD": "Yes" if number % 2 else ""}) for number in range(ROWS)]

    told = faults(made(tmp_path, table(written)).census(), ROWS)

    assert told == ["'By CVD' (12), which nobody knows, may say that stones were grown or treated"]


@pytest.mark.parametrize("yes", ["Yes", "Y", "TRUE"])
def test_a_laboratory_of_yes_and_no_is_asked_about(tmp_path: Path, yes: str) -> None:
    written = rows("Lab", "No", yes)

    said = answers(tmp_path, written, rf"'Lab' is '{yes}' on 12 of 24 rows: were these stones grown")

    for number, (answer, made_of) in enumerate(zip(said, (OTHER_ROWS, [False] * ROWS), strict=True)):
        (folder := tmp_path / str(number)).mkdir()
        assert grown(folder, written, **answer) == made_of


@pytest.mark.parametrize(("natural", "other"), [("Natural", "Lab"), ("Mined", "Lab Grown")])
def test_a_laboratory_of_kinds_says_them(tmp_path: Path, natural: str, other: str) -> None:
    assert grown(tmp_path, rows("Lab", natural, other)) == OTHER_ROWS


@pytest.mark.parametrize("lab", ["GIA", "", "N/A", "None"])
def test_a_laboratory_is_none(tmp_path: Path, lab: str) -> None:
    assert grown(tmp_path, rows("Lab", "GIA", lab)) == [False] * ROWS


def test_a_list_of_stones_that_are_of_no_laboratory_is_not_asked_about(tmp_path: Path) -> None:
    written = rows("Lab", "No", "No")

    assert grown(tmp_path, written) == [False] * ROWS


@pytest.mark.parametrize("shape", ["L-Round", "L - Pear", "Round (L)"])
def test_a_letter_beside_a_shape_hints_at_a_grown_stone(shape: str) -> None:
    assert nature.of_shape[shape] == nature.HINT


@pytest.mark.parametrize("number", ["A1031(LAB)", "A-7 (LG)"])
def test_a_kind_behind_a_stock_number_hints_at_a_grown_stone(number: str) -> None:
    assert nature.of_stock_number(number) == nature.HINT
