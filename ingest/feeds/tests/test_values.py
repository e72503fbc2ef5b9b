"""Single values in the forms in which suppliers send them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.fancy_colors import color_name
from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from ingest.feeds import values
from ingest.feeds.fancy import FancyFacts, fancy_facts
from ingest.feeds.fluorescence import fluorescence_facts

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (1.23, "1.23"),
        (7, "7"),
        ("1,234.50", "1234.50"),
        ("1 234.5", "1234.5"),
        ("3,45", "3.45"),
        ("12,345", "12345"),
        (" 61.2% ", "61.2"),
        ("4.5 mm", "4.5"),
        ("$99", "99"),
        (".5", "0.5"),
        ("N/A", None),
        ("", None),
        ("1e5", None),
        ("١٢٣", None),
        ("1_000", None),
        ("NaN", None),
        (float("inf"), None),
        (True, None),
        (None, None),
        (10**30, None),
    ],
)
def test_numbers_are_read_from_text_with_spaces_commas_and_units(written: values.Scalar, number: str | None) -> None:
    assert values.decimal(written) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("written", "millimetres"), [(0, None), (-1, None), ("0.004", None), (6.455, "6.46"), (1e9, None)]
)
def test_measures_are_positive_bounded_and_rounded_half_up(written: values.Scalar, millimetres: str | None) -> None:
    assert values.measure(written, 2, 10_000) == (None if millimetres is None else Decimal(millimetres))


@pytest.mark.parametrize(
    ("written", "means"),
    [
        (True, True),
        ("true", True),
        ("Yes", True),
        ("1", True),
        (1, True),
        ("100%", True),
        ("false", False),
        ("NO", False),
        (0, False),
        ("N/A", None),
        ("None", None),
        ("", None),
        (None, None),
        ("perhaps", None),
    ],
)
def test_booleans_are_read_in_every_spelling(written: values.Scalar, means: bool | None) -> None:
    assert values.yes_or_no(written) is means


@pytest.mark.parametrize(
    ("means", "written"),
    [
        (True, ["Faint", "V. Light", "M1", "ML2", "BR1", "Milky", "Light Milky", "Lightmilky", "LB", "slightly brown"]),
        (True, ["M1 (slight)", "TLB", "Strong", "STG", "Light to medium", "Yes", "MED", "brownish tinge", "M-2"]),
        (False, ["None", "NM", "No milky", "No", "M0", "ML-0", "BR 0", "Clean", "EX", "EXC", "Luster EX", "Excellent"]),
        (False, ["NIL", "no tinge", "Not milky", "no brown tinge", "NON MILKY"]),
        (None, ["", "N/A", "VG", "Very Good", "Good", "No Luster", "GIA", "see report", "perhaps", None]),
    ],
)
def test_a_tinge_is_there_by_words_that_are_degrees_of_one(means: bool | None, written: list[str | None]) -> None:
    assert {word: values.tinge(word) for word in written} == dict.fromkeys(written, means)


@pytest.mark.parametrize("written", ["EX", "Excellent", "EXCELLENT", "Ideal", "ID", "3EX", " ex "])
def test_every_spelling_of_excellent_is_excellent(written: str) -> None:
    assert values.grade(Finish, written) == Finish.EXCELLENT


@pytest.mark.parametrize(
    ("kind", "written", "grade"),
    [
        (Finish, "VG", Finish.VERY_GOOD),
        (Finish, "VERY_GOOD", Finish.VERY_GOOD),
        (Finish, "GD", Finish.GOOD),
        (Finish, "G", Finish.GOOD),
        (Finish, "F", Finish.FAIR),
        (Finish, "N/A", None),
        (Finish, "sublime", None),
        (Clarity, "VVS1", Clarity.VVS1),
        (Clarity, "si 3", Clarity.SI3),
        (Clarity, "P1", Clarity.I1),
        (Color, "d", Color.D),
        (Color, "U-V", Color.V),
        (Fluorescence, "NON", Fluorescence.NONE),
        (Fluorescence, "None", Fluorescence.NONE),
        (Fluorescence, "FNT", Fluorescence.FAINT),
        (Fluorescence, "STG", Fluorescence.STRONG),
        (Fluorescence, "VST", Fluorescence.VERY_STRONG),
        (Fluorescence, "Very Strong", Fluorescence.VERY_STRONG),
        (FancyIntensity, "FANCY_VIVID", FancyIntensity.FANCY_VIVID),
        (FancyIntensity, "Fancy-Vivid", FancyIntensity.FANCY_VIVID),
        (FancyIntensity, "fancy vivid", FancyIntensity.FANCY_VIVID),
    ],
)
def test_grades_are_read_in_the_spellings_of_the_trade(kind: type[Finish], written: str, grade: int | None) -> None:
    assert values.grade(kind, written) == grade


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Thin\0 to  Medium\n", "Thin to Medium"),
        ("\ud800broken", "broken"),
        ("n/a", None),
        ("Ünïcode 💎", "Ünïcode 💎"),
        (12, "12"),
        ("x" * 500, "x" * 120),
    ],
)
def test_text_keeps_what_can_be_printed(written: values.Scalar, text: str | None) -> None:
    assert values.text(written, 120) == text


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://a.example/b.jpg", "https://a.example/b.jpg"),
        (" http://a.example ", "http://a.example"),
        ("javascript:alert(1)", None),
        ("//a.example/b.jpg", None),
        ("https:///b.jpg", None),
        ("https://a.example/b c", None),
        ("https://a.example/\0", None),
        ('https://a.example/a"onload="x', "https://a.example/a%22onload=%22x"),
        ("https://a.example/<b>?c={d}|`e`\\^", "https://a.example/%3Cb%3E?c=%7Bd%7D%7C%60e%60%5C%5E"),
        ("https://a.example/" + '"' * 1000, None),
        ("https://a.example/" + "x" * 3000, None),
        ("", None),
    ],
)
def test_only_absolute_web_addresses_are_urls(written: str, url: str | None) -> None:
    assert values.url(written) == url


def test_a_certificate_number_is_unknown_rather_than_cut() -> None:
    assert values.number_text("12" * 32, 64) == "12" * 32
    assert values.number_text("12" * 33, 64) is None
    assert values.number_text("LG 123", 64) == "LG 123"
    assert values.number_text(2141438171, 64) == "2141438171"
    assert values.number_text("0", 64) is None
    for placeholder in ("NA", "PENDING", "-", "N/A", "0000000000", 0, "9999999999", "LG000000", "see image"):
        assert values.number_text(placeholder, 64) is None, placeholder


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("BROWN ORANGE", "BROWN_ORANGE"),
        ("ORANGE BROWN", "BROWN_ORANGE"),
        ("orange-brown", "BROWN_ORANGE"),
        ("Yellow Brownish", "BROWNISH_YELLOW"),
        ("GREY", "GRAY"),
        ("Fancy Vivid Pink", "PINK"),
        ("EVEN", None),
        ("U-V", None),
        ("", None),
    ],
)
def test_a_fancy_colour_has_one_name_however_it_is_written(written: str, name: str | None) -> None:
    assert color_name(written) == name


@pytest.mark.parametrize(
    ("color", "f_color", "intensity", "facts"),
    [
        ("G", None, None, FancyFacts(Color.G, None, None, None)),
        ("G", "EVEN", "FANCY", FancyFacts(Color.G, None, None, None)),
        ("G", "PINK", "FANCY_VIVID", FancyFacts(Color.FANCY, "PINK", FancyIntensity.FANCY_VIVID, None)),
        (None, "GREY", None, FancyFacts(Color.FANCY, "GRAY", None, None)),
        ("Fancy", None, None, FancyFacts(Color.FANCY, None, None, None)),
        ("Fancy", "U-V", "Fancy Light", FancyFacts(Color.FANCY, None, FancyIntensity.FANCY_LIGHT, None)),
        (
            "Fancy Intense Yellow",
            None,
            "Intense",
            FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_INTENSE, None),
        ),
        ("White", None, None, FancyFacts(None, None, None, None)),
        ("Fine White", None, None, FancyFacts(None, None, None, None)),
        ("H White", None, None, FancyFacts(Color.H, None, None, None, "WHITE")),
        ("Fancy White", None, None, FancyFacts(Color.FANCY, "WHITE", FancyIntensity.FANCY, None)),
        ("White", None, "Fancy", FancyFacts(Color.FANCY, "WHITE", FancyIntensity.FANCY, None)),
        (None, "White", None, FancyFacts(Color.FANCY, "WHITE", None, None)),
        (None, "Normal", None, FancyFacts(None, None, None, None)),
        (None, "Solaria", None, FancyFacts(Color.FANCY, "SOLARIA", None, None)),
        ("G", "Solaria", "Fancy Vivid", FancyFacts(Color.FANCY, "SOLARIA", FancyIntensity.FANCY_VIVID, None)),
        ("G", "Fancy White", None, FancyFacts(Color.FANCY, "WHITE", FancyIntensity.FANCY, None)),
        ("G", "GRY", None, FancyFacts(Color.FANCY, "GRAY", None, None)),
        ("K", "Canary", None, FancyFacts(Color.FANCY, "YELLOW", None, None)),
        ("G", "FIY", None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_INTENSE, None)),
        ("G", "Light Pink", None, FancyFacts(Color.FANCY, "PINK", FancyIntensity.LIGHT, None)),
        ("U-V", "Light Yellow", None, FancyFacts(Color.V, None, None, None, "YELLOW")),
        ("K", "Light Yellow", "Fancy Light", FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None)),
        ("K", "Faint Brown", None, FancyFacts(Color.K, None, None, None, "BROWN")),
        ("K", "Brown", "Faint", FancyFacts(Color.FANCY, "BROWN", FancyIntensity.FAINT, None)),
        ("F", "Light Yellow", None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.LIGHT, None)),
        (None, "Light Yellow", None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.LIGHT, None)),
        (None, "FY", None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY, None)),
        (None, "FVY", None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID, None)),
        (None, "F.Light Yellow", None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None)),
        (None, "PU", None, FancyFacts(Color.FANCY, "PURPLE", None, None)),
        ("F. Light Yellow", None, None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None)),
        (None, "Yellow", "F. Light", FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None)),
        ("J/BROWN", None, None, FancyFacts(Color.J, None, None, None, "BROWN")),
        ("Brown J", None, None, FancyFacts(Color.J, None, None, None, "BROWN")),
        ("Light Yellow (U-V)", None, None, FancyFacts(Color.V, None, None, None, "YELLOW")),
        ("Fancy Light Yellow (U-V)", None, None, FancyFacts(Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None)),
        ("YELLOW Y", None, None, FancyFacts(Color.FANCY, "YELLOW", None, None)),
        ("Non Fancy", None, None, FancyFacts(None, None, None, None)),
        ("River (D)", None, None, FancyFacts(Color.D, None, None, None)),
        ("Top Wesselton (G)", None, None, FancyFacts(Color.G, None, None, None)),
        ("Green (G)", None, None, FancyFacts(Color.FANCY, "GREEN", None, None)),
        ("GIA G", None, None, FancyFacts(Color.G, None, None, None)),
        ("H NO BGM", None, None, FancyFacts(Color.H, None, None, None)),
        ("O-P RANGE", None, None, FancyFacts(Color.P, None, None, None)),
    ],
)
def test_a_stone_is_fancy_by_either_field(
    color: str | None, f_color: str | None, intensity: str | None, facts: FancyFacts
) -> None:
    assert fancy_facts(color, f_color, intensity, None) == facts


@pytest.mark.parametrize(
    "word",
    [
        *(
            "Normal",
            "Not Applicable",
            "Non Fancy",
            "Not Fancy",
            "NonFancy",
            "No Fancy",
            "Regular",
            "Standard",
            "White",
            "None/White",
        ),
        *("White-G", "Near Colorless", "Select", "Clear", "(blank)", "GIA", "Round", "N/A", "NIL", "Solaria", "G"),
    ],
)
def test_a_grade_beside_a_word_that_is_no_known_colour_stays_one(word: str) -> None:
    assert fancy_facts("G", word, None, None) == FancyFacts(Color.G, None, None, None)


@pytest.mark.parametrize("code", ["PP", "OY", "YO", "GR", "BL"])
def test_a_code_of_two_colours_is_a_fancy_one_where_no_grade_stands(code: str) -> None:
    assert fancy_facts(None, code, None, None) == FancyFacts(Color.FANCY, None, None, None)
    assert fancy_facts("G", code, None, None) == FancyFacts(Color.G, None, None, None)


@pytest.mark.parametrize(
    ("intensity", "color", "facts"),
    [
        ("NO", None, (Fluorescence.NONE, None)),
        ("No", "No", (Fluorescence.NONE, None)),
        ("NY", None, (None, None)),
        ("None Blue", None, (Fluorescence.NONE, None)),
        ("Medium", "N", (Fluorescence.MEDIUM, None)),
        ("Medium", "Medium Blue", (Fluorescence.MEDIUM, "BLUE")),
        ("Faint", "Violet", (Fluorescence.FAINT, "VIOLET")),
        (None, "Medium Blue", (Fluorescence.MEDIUM, "BLUE")),
        ("STB", None, (Fluorescence.STRONG, "BLUE")),
        ("LT BLUE", None, (Fluorescence.FAINT, "BLUE")),
        ("Non-Fluorescent", None, (Fluorescence.NONE, None)),
        ("No Fluor", None, (Fluorescence.NONE, None)),
        ("None (Inert)", None, (Fluorescence.NONE, None)),
        ("FL-NON", None, (Fluorescence.NONE, None)),
        ("NILL", None, (Fluorescence.NONE, None)),
        ("MDM", None, (Fluorescence.MEDIUM, None)),
        ("WK", None, (Fluorescence.FAINT, None)),
        ("中程度", None, (Fluorescence.MEDIUM, None)),
    ],
)
def test_fluorescence_is_an_intensity_and_a_colour_of_what_shines(
    intensity: str | None, color: str | None, facts: tuple[int | None, str | None]
) -> None:
    assert fluorescence_facts(intensity, color) == facts


@given(scalars)
def test_no_scalar_breaks_a_reader(value: values.Scalar) -> None:
    readings = [
        values.decimal(value),
        values.measure(value, 2, 100),
        values.days(value),
        values.text(value, 20),
        values.name(value, 20),
        values.number_text(value, 20),
        values.url(value),
        values.yes_or_no(value),
        values.grade(Color, value),
        *fancy_facts(value, value, value, value),
    ]

    texts = [reading for reading in readings if isinstance(reading, str)]
    assert all(reading.isprintable() and reading.encode() for reading in texts)
    assert all(reading.is_finite() for reading in readings if isinstance(reading, Decimal))
