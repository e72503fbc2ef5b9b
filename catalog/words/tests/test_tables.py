"""The tables of the trade's words, whole: each word has one meaning, which there is, and somebody who says so."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum

import pytest

from catalog import fluorescence_colors, grades, labs, shapes, words
from catalog.countries import COUNTRIES
from catalog.fancy_colors import KNOWN_COLORS, KNOWN_OVERTONES
from catalog.models import Availability

SCALES: dict[str, type[IntEnum]] = {
    "color": grades.Color,
    "clarity": grades.Clarity,
    "finish": grades.LabFinish,
    "fluorescence": grades.Fluorescence,
    "fancy_intensity": grades.FancyIntensity,
    "girdle": grades.GirdleThickness,
    "culet": grades.CuletSize,
    "bowtie": grades.Bowtie,
}


@pytest.mark.parametrize("name", words.names())
def test_every_word_is_folded_has_one_meaning_and_a_source(name: str) -> None:
    rows = words.rows(name)
    within = Counter((row.get("scale") or row.get("role"), row["word"]) for row in rows)

    assert rows
    assert [row for row in rows if grades.fold(row["word"]) != row["word"] or not row["word"]] == []
    assert [word for word, count in within.items() if count > 1] == []
    assert {row["source"] for row in rows} <= words.SOURCES


def test_every_grade_that_a_word_means_is_of_its_scale() -> None:
    assert words.parted("grades", "scale").keys() == SCALES.keys()
    for scale, spelled in words.parted("grades", "scale").items():
        assert set(spelled.values()) - {""} <= set(SCALES[scale].__members__), scale


@pytest.mark.parametrize(("scale", "kind"), SCALES.items())
def test_every_word_of_a_grade_is_read_as_its_meaning(scale: str, kind: type[IntEnum]) -> None:
    for word, meaning in words.parted("grades", "scale")[scale].items():
        assert grades.written(kind, word.lower()) == (kind[meaning] if meaning else None), word


def test_every_word_of_a_shape_laboratory_colour_and_availability_means_one_that_there_is() -> None:
    assert set(words.table("shapes").values()) <= set(shapes.KNOWN_SHAPES)
    assert set(words.table("labs").values()) - {""} <= {*labs.KNOWN_LABS, "EGL_USA", "EGL_ISRAEL"}
    assert set(words.table("fluorescence_colors").values()) <= set(fluorescence_colors.KNOWN_FLUORESCENCE_COLORS)
    assert set(words.table("availability").values()) <= set(Availability.values) - {"delisted"}
    assert set(words.table("availability_anywhere").values()) <= set(Availability.values) - {"delisted"}
    assert set(words.table("eye_clean").values()) == {"yes", "no", ""}
    assert set(words.table("shades").values()) == {"BROWN", "GREEN", "BLUE", "GRAY", "OTHER", "NONE", ""}
    assert set(words.table("nature").values()) == {"NATURAL", "GROWN"}
    assert set(words.table("cities").values()) <= set(COUNTRIES)
    assert {shapes.listed_shape(word) for word in words.table("shapes")} <= set(shapes.KNOWN_SHAPES)


def test_a_word_that_means_an_availability_anywhere_means_no_other_in_a_column_of_it() -> None:
    own, anywhere = words.table("availability"), words.table("availability_anywhere")

    assert {word: own[word] for word in anywhere if word in own and own[word] != anywhere[word]} == {}


def test_every_part_of_a_fancy_colour_is_one() -> None:
    parts = words.parted("fancy", "role")

    assert parts.keys() == {"color", "overtone", "degree", "fancy", "nothing", "tint", "term"}
    assert set(parts["color"].values()) <= {*KNOWN_COLORS, "CHAMELEON"}
    assert set(parts["term"].values()) <= {*parts["color"], *parts["degree"], *parts["fancy"]}
    assert set(parts["overtone"].values()) <= {*KNOWN_OVERTONES, "VIOLETISH"}
