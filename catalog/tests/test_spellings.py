"""Names of girdles, countries, laboratories and colours: one for all their spellings, and none for noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import words
from catalog.countries import COUNTRIES, MAX_LENGTH, normal_country
from catalog.fluorescence_colors import fluorescence_color
from catalog.girdles import girdle_ends
from catalog.grades import GirdleThickness as G
from catalog.grades import fold
from catalog.labs import normal_lab
from catalog.shapes import listed_shape, spelled_shape


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("MED - STK", (G.MEDIUM, G.SLIGHTLY_THICK)),
        ("STK-MED", (G.MEDIUM, G.SLIGHTLY_THICK)),
        ("Thin - Slightly Thick", (G.THIN, G.SLIGHTLY_THICK)),
        ("Medium to Slightly Thick (Faceted) 3.5%", (G.MEDIUM, G.SLIGHTLY_THICK)),
        ("Extremely Thin to Very Thick", (G.EXTREMELY_THIN, G.VERY_THICK)),
        ("VTN", (G.VERY_THIN, G.VERY_THIN)),
        ("v. thick", (G.VERY_THICK, G.VERY_THICK)),
        ("Slightly THK", (G.SLIGHTLY_THICK, G.SLIGHTLY_THICK)),
        ("XTK / ETN", (G.EXTREMELY_THIN, G.EXTREMELY_THICK)),
        ("Very medium", (G.MEDIUM, G.MEDIUM)),
        ("Faceted", (None, None)),
        ("very", (None, None)),
        ("3.5%", (None, None)),
        ("", (None, None)),
    ],
)
def test_both_ends_of_a_girdle_are_read(text: str, ends: tuple[G | None, G | None]) -> None:
    assert girdle_ends(text) == ends


@given(text=st.text(max_size=60))
def test_no_text_of_a_girdle_is_a_fault(text: str) -> None:
    thinnest, thickest = girdle_ends(text)

    assert (thinnest is None) == (thickest is None)
    assert thinnest is None or thickest is None or thinnest <= thickest


@pytest.mark.parametrize("name", COUNTRIES)
def test_every_spelling_of_a_country_is_its_name(name: str) -> None:
    for spelling in (name, name.upper(), name.replace(" ", "_"), f" {name.lower()} ", *COUNTRIES[name]):
        assert normal_country(spelling) == name


def test_a_country_that_is_on_no_list_is_kept_as_it_is_written() -> None:
    assert normal_country("  New   Caledonia ") == "New Caledonia"
    assert normal_country("-") is None
    assert len(normal_country("A" * 200) or "") == MAX_LENGTH


def test_laboratories_colours_and_shapes_have_one_name() -> None:
    assert {normal_lab(text) for text in ("GIA", "g.i.a.", "Gemological Institute of America")} == {"GIA"}
    assert {fluorescence_color(text) for text in ("Blue", "BL", "blu")} == {"BLUE"}
    assert {spelled_shape(text) for text in ("cushion modified", "CM", "Cushion-Mod")} == {"CUSHION_MODIFIED"}
    assert (normal_lab("..."), fluorescence_color("-"), spelled_shape("")) == (None, None, None)


@pytest.mark.parametrize(
    ("lab", "texts"),
    [
        (None, ["NON", "OTH", "Other", "OWN", "NON CERT"]),
        ("GIA", ["GIA NY", "GIA-HK"]),
        ("IGI", ["IGI IND", "IGI_NY"]),
        ("HRD", ["HRDA", "HRD Antwerp"]),
        ("GUBELIN", ["Gübelin", "GUBELIN"]),
    ],
)
def test_offices_of_a_laboratory_are_one_and_words_for_none_are_none(lab: str | None, texts: list[str]) -> None:
    assert {text: normal_lab(text) for text in texts} == dict.fromkeys(texts, lab)


@pytest.mark.parametrize(
    ("shape", "texts"),
    [
        ("MARQUISE", ["MARQUIES", "Marq."]),
        ("PRINCESS", ["PRINC", "SQB"]),
        ("EMERALD", ["EMRLD"]),
        ("TAPERED_BAGUETTE", ["TAPPERED BAGUETTE"]),
        ("ROUND", ["RND BRL", "Hearts & Arrows", "hearts and arrows"]),
        ("SQUARE_EMERALD", ["SEM"]),
        ("CUSHION", ["SQCU", "CU SQ", "Crushed Ice Cushion"]),
        ("RADIANT", ["L-RAD", "Crushed ice radiant"]),
        ("CRISSCUT", ["CRISS CUT", "Crisscut"]),
        ("EPAULETTE", ["Epaulet", "EPAULETTE"]),
        (None, ["DIAMOND", "Fancy", "Fancy shape", "Special", "XQZ"]),
    ],
)
def test_shapes_that_lists_spell_otherwise_are_those_that_there_are(shape: str | None, texts: list[str]) -> None:
    assert {text: listed_shape(text) for text in texts} == dict.fromkeys(texts, shape)


@pytest.mark.parametrize(
    "name", ["availability", "availability_anywhere", "cities", "eye_clean", "labs", "nature", "shades", "shapes"]
)
def test_words_of_tables_are_written_as_they_are_looked_up(name: str) -> None:
    assert [word for word in words.table(name) if word != fold(word)] == []
