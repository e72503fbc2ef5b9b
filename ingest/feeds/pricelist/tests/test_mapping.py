"""Rows of price lists in the catalogue's terms."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import (
    Bowtie,
    Clarity,
    Color,
    CuletSize,
    FancyIntensity,
    Finish,
    Fluorescence,
    GirdleThickness,
    LabFinish,
)
from ingest.errors import MappingError
from ingest.feeds.pricelist.headers import SPELLINGS
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.reading import BEYOND
from ingest.feeds.pricelist.tests.lists import STONE, mapped, stone


def test_a_row_of_the_trade_becomes_a_diamond() -> None:
    row = {
        "VendorStockNumber": " RX-77 ",
        "Shape": "RB",
        "Weight": "1.02",
        "Color": "g",
        "Clarity": "VS 1",
        "Cut Grade": "3EX",
        "Polish": "VG",
        "Sym": "Excellent",
        "Fluorescence Intensity": "Faint Blue",
        "Measurements": "6.45-6.48x3.99",
        "Depth %": "61.7%",
        "Table %": "57",
        "Lab": "GIA",
        "Report No": "2141438171",
        "Price/Ct": "$7,500.00",
        "Total Price": "$7,650.00",
        "Rap %": "-31.5",
        "Girdle Thin": "Medium",
        "Girdle Thick": "Slightly Thick",
        "Culet": "None",
        "Image": "https://images.example/1.jpg",
        "Video": "not yet",
        "Country": "India",
        "Status": "G",
        "Treatment": "None",
        "BGM": "No BGM",
        "Eye Clean": "Yes",
    }

    facts = mapped(row, supplier="Rosy Blue")

    said = {
        "offer_id": "RX-77",
        "shape": "ROUND",
        "carats": Decimal("1.020"),
        "color": Color.G,
        "clarity": Clarity.VS1,
        "cut": Finish.EXCELLENT,
        "polish": Finish.VERY_GOOD,
        "symmetry": Finish.EXCELLENT,
        "fluorescence_intensity": Fluorescence.FAINT,
        "fluorescence_color": "BLUE",
        "lab": "GIA",
        "certificate_number": "2141438171",
        "length_mm": Decimal("6.45"),
        "width_mm": Decimal("6.48"),
        "depth_mm": Decimal("3.99"),
        "ratio": Decimal("1.005"),
        "table_pct": 57,
        "depth_pct": Decimal("61.7"),
        "girdle": "Medium - Slightly Thick",
        "culet": "None",
        "image_url": "https://images.example/1.jpg",
        "images": ["https://images.example/1.jpg"],
        "video_url": None,
        "supplier_name": "Rosy Blue",
        "country_of_origin": None,
        "location_country": "India",
        "location_city": None,
        "girdle_from": GirdleThickness.MEDIUM,
        "girdle_to": GirdleThickness.SLIGHTLY_THICK,
        "culet_size": CuletSize.NONE,
        "blue": False,
        "gray": False,
        "availability": "available",
        "lab_grown": False,
        "treated": False,
        "brown": False,
        "milky": False,
        "eye_clean": True,
        "cost_cents": 765_000,
        "cost_per_carat_cents": 750_000,
    }
    assert {name: getattr(facts, name) for name in said} == said


@pytest.mark.parametrize(
    ("cells", "cents"),
    [
        ({"Price/Ct": "2,000"}, 300_000),
        ({"Total Price": "3,000"}, 300_000),
        ({"Price": "2,000", "Total Price": "3,000"}, 300_000),
        ({"Price": "3,000", "$/ct": "2,000"}, 300_000),
        ({"Price/Ct": "2,000", "Total Price": ""}, 300_000),
        ({"Price/Ct": "1999.99", "Total Price": "3000"}, 300_000),
    ],
)
def test_total_and_price_per_carat_are_derived_from_each_other(cells: dict[str, str], cents: int) -> None:
    facts = mapped({"Stock #": "A", "Weight": "1.50", **cells})

    assert (facts.cost_cents, facts.cost_per_carat_cents) == (cents, 200_000)


def test_the_feed_says_what_a_lone_price_means() -> None:
    row = {"Stock #": "A", "Weight": "1.50", "Price": "2,000"}

    assert mapped(row, price_means="per_carat").cost_cents == 300_000
    assert mapped(row, price_means="total").cost_cents == 200_000
    with pytest.raises(MappingError, match="nothing proves whether it is the price of a carat"):
        mapped(row)


def test_a_row_with_decimal_commas_is_read_by_them() -> None:
    facts = mapped(
        {"Stock #": "A", "Weight": "1,50", "Depth %": "61,5", "Price/Ct": "2.000", "Total Price": "3.000,00"}
    )

    assert (facts.carats, facts.depth_pct, facts.cost_cents) == (Decimal("1.500"), Decimal("61.50"), 300_000)


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ({"Stock #": " "}, "Stock #", "is missing"),
        ({"Stock #": "x" * 101}, "Stock #", "is longer than 100 characters"),
        ({"Total Price": ""}, "Total Price", "is missing"),
        ({"Total Price": "0"}, "Total Price", "is missing"),
        ({"Total Price": "N/A"}, "Total Price", "is missing"),
        ({"Total Price": "on request"}, "Total Price", "'on request' is no amount of US dollars"),
        ({"Total Price": "-5"}, "Total Price", "-5.00 is no price of a stone"),
        ({"Total Price": "99999999999999"}, "Total Price", "is no price of a stone"),
        ({"Currency": "EUR"}, "Currency", "'EUR' is not US dollars"),
        ({"Currency": "HK$"}, "Currency", "'HK$' is not US dollars"),
        ({"Currency": "Dollar HK"}, "Currency", "is not US dollars"),
        ({"Price/Ct": "9,000"}, "Price/Ct", "9000.00 a carat and 5000.00 for 1.000 carats disagree"),
        ({"Total Price": "", "Price/Ct": "9,000", "Weight": "?"}, "Total Price", "is per carat"),
        ({BEYOND: ["345"]}, "row", "may be shifted"),
    ],
)
def test_a_row_without_identity_or_price_is_refused_with_its_header(
    cells: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(MappingError) as refused:
        mapped({**STONE, **cells})

    assert refused.value.field == field
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    "currency",
    [
        *("USD", "usd$", "$US", "US$", "$", "Dollars", "US-Dollar", "US Dollar", "U.S. Dollars", "U.S.D.", "USA"),
        *("United States Dollar", "UsDollar", "USD ($)"),
    ],
)
def test_us_dollars_by_any_of_their_names_are_no_other_currency(currency: str) -> None:
    assert mapped({**STONE, "Currency": currency}).cost_cents == 500_000


@pytest.mark.parametrize(
    ("cells", "labgrown", "grown"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"Lab Grown": "Yes"}, False, True),
        ({"Lab Grown": "No"}, True, False),
        ({"Growth Type": "CVD"}, False, True),
        ({"Type": "Lab-Grown"}, False, True),
        ({"Type": "Natural"}, True, False),
    ],
)
def test_what_the_row_says_of_its_growth_goes_before_the_feeds_word(
    cells: dict[str, str], labgrown: bool, grown: bool
) -> None:
    assert mapped({**STONE, **cells}, labgrown=labgrown).lab_grown is grown


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("", "available"),
        ("Available", "available"),
        ("In Stock", "available"),
        ("Memo", "on_hold"),
        ("ON HOLD", "on_hold"),
        ("Sold", "sold"),
        ("Not available", "unavailable"),
        ("perhaps", "unavailable"),
    ],
)
def test_a_word_for_availability_that_nobody_knows_promises_nothing(said: str, means: str) -> None:
    assert mapped(stone(Status=said)).availability == means


@pytest.mark.parametrize(
    ("cells", "measures"),
    [
        ({"Measurements": "6.45 x 6.48 x 3.99 mm"}, ("6.45", "6.48", "3.99", None)),
        ({"Measurements": "6,45*6,48*3,99"}, ("6.45", "6.48", "3.99", None)),
        ({"Length": "6.45", "Width": "6.48", "Depth": "3.99"}, ("6.45", "6.48", "3.99", None)),
        ({"Length": "6.45", "Width": "6.48", "Depth": "61.7"}, ("6.45", "6.48", None, "61.70")),
        ({"x": "6.45", "y": "6.48", "z": "3.99", "Depth %": "61.7"}, ("6.45", "6.48", "3.99", "61.70")),
        ({"Measurements": "various"}, (None, None, None, None)),
    ],
)
def test_measures_come_from_one_cell_or_from_three(cells: dict[str, str], measures: tuple[str | None, ...]) -> None:
    facts = mapped({**STONE, **cells})

    found = (facts.length_mm, facts.width_mm, facts.depth_mm, facts.depth_pct)
    assert found == tuple(None if measure is None else Decimal(measure) for measure in measures)


def test_a_fancy_colour_is_brought_together() -> None:
    facts = mapped(stone(Color="", Fancy_Color="Orangy Yellow", Fancy_Color_Intensity="Fancy Vivid"))

    assert facts.color == Color.FANCY
    assert facts.fancy_color == "ORANGISH_YELLOW"
    assert facts.fancy_intensity == FancyIntensity.FANCY_VIVID


@pytest.mark.parametrize(
    ("cell", "lab", "number", "url"),
    [
        ("GIA", "GIA", None, None),
        ("2141438171", None, "2141438171", None),
        ("https://lab.example/2141438171", None, None, "https://lab.example/2141438171"),
    ],
)
def test_a_column_certificate_may_hold_any_of_three_things(
    cell: str, lab: str | None, number: str | None, url: str | None
) -> None:
    facts = mapped(stone(Certificate=cell))

    assert (facts.lab, facts.certificate_number, facts.certificate_url) == (lab, number, url)


def test_what_is_strange_about_a_row_is_told() -> None:
    row = stone(Color="G+?", Cut="Splendid", Polish="", Symmetry="-", Fluor="STG BL", Status="perhaps", Sparkle="10")

    look = Mapper(parameters_of({"source": "x"})).look(msgspec.json.encode({**row, "Shape": "Moval"}))

    assert look.unknown_fields == ("Sparkle",)
    assert set(look.not_understood) == {
        *{("color", "G+?"), ("cut", "Splendid"), ("shape", "MOVAL"), ("availability", "perhaps")}
    }


_HEADERS = sorted({spellings[0] for spellings in SPELLINGS.values()})


@given(
    st.dictionaries(
        st.sampled_from(_HEADERS), st.text(max_size=30) | st.from_regex(r"[0-9.,x$% -]{0,12}", fullmatch=True)
    )
)
def test_no_cell_breaks_the_mapper(cells: dict[str, str]) -> None:
    mapper = Mapper(parameters_of({"source": "x"}))
    item = msgspec.json.encode({"Stock #": "A", "Total Price": "500", **cells})

    mapper.look(item)
    with suppress(MappingError):
        assert 0 < mapper.to_diamond(item).cost_cents <= 10**12


@pytest.mark.parametrize(
    ("cells", "column", "value"),
    [
        ({"Cut": "ID"}, "cut", LabFinish.IDEAL),
        ({"Growth Type": "CVD", "Lab Grown": "Yes"}, "growth_method", "CVD"),
        ({"Type": "Lab-Grown HPHT"}, "growth_method", "HPHT"),
        ({"Bow Tie": "Faint"}, "bowtie", Bowtie.SLIGHT),
        ({"Shade": "Light Grey"}, "gray", True),
        ({"Shade": "Bluish"}, "blue", True),
        ({"Milky": "None"}, "milky", False),
        ({"Key To Symbols": "Feather, Cloud"}, "key_to_symbols", "Feather, Cloud"),
        ({"Return Days": "7"}, "return_days", 7),
        ({"Location": "Mumbai, India"}, "location_country", "India"),
        ({"Location": "Mumbai, India"}, "location_city", "Mumbai"),
        ({"Location": "USA - New York"}, "location_city", "New York"),
        ({"Location": "N/A"}, "location_city", None),
        ({"Country": "u.s.a.", "City": "New York"}, "location_country", "USA"),
        ({"Origin": "RU"}, "country_of_origin", "Russia"),
        ({"Girdle": "VTN-STK 3.5%"}, "girdle_from", GirdleThickness.VERY_THIN),
    ],
)
def test_what_searches_ask_for_is_read(cells: dict[str, str], column: str, value: Any) -> None:
    facts = mapped({"Stock #": "A", "Weight": "1.50", "Total Price": "3,000", **cells})

    assert getattr(facts, column) == value


@pytest.mark.parametrize(
    ("color", "per_carat"),
    [
        ("Fancy Vivid Pink", 450),
        ("Fancy Intense Blue", 3_500),
        ("Fancy Vivid Green", 1_500),
        ("Fancy Vivid Yellow", 484),
    ],
)
def test_a_colour_too_cheap_to_be_natural_is_a_letter_unless_a_column_says_it(color: str, per_carat: int) -> None:
    row = {**STONE, "Color": color, "Weight": "1.50", "Total Price": f"{per_carat * 1.5}"}

    with pytest.raises(MappingError, match="far too few for a natural"):
        mapped(row)
    assert mapped({**row, "Lab Grown": "Yes"}).lab_grown is True
    assert mapped({**row, "Lab Grown": "No"}).lab_grown is False


@pytest.mark.parametrize(
    ("color", "per_carat", "weight"),
    [
        ("Fancy Vivid Pink", 90_000, "1.50"), ("Fancy Intense Yellow", 2_500, "1.00"), ("Fancy Light Pink", 2_000, "0.50"),
        ("Fancy Vivid Pink", 2_500, "0.03"), ("Fancy Intense Brown", 300, "1.00"),
    ],
)  # fmt: skip
def test_a_colour_at_a_price_of_natural_ones_is_read(color: str, per_carat: int, weight: str) -> None:
    row = {**STONE, "Color": color, "Weight": weight, "Total Price": f"{per_carat * float(weight):.2f}"}

    assert mapped(row).fancy_color == color.split()[-1].upper()


@pytest.mark.parametrize("header", ["Color Description", "Nat. Color"])
@pytest.mark.parametrize("letter", ["F", "I", "V", "D", "Fancy", ""])
def test_a_letter_beside_a_fancy_colour_is_no_grade(header: str, letter: str) -> None:
    read = mapped({**STONE, "Color": letter, header: "Fancy Intense Yellow", "Total Price": "8,000"})

    assert (read.color, read.fancy_color) == (Color.FANCY, "YELLOW")


@pytest.mark.parametrize("described", ["Near Colorless", "F", "G", "Natural", ""])
def test_a_described_letter_stays_one(described: str) -> None:
    read = mapped({**STONE, "Color": "G", "Color Description": described})

    assert (read.color, read.fancy_color) == (Color.G, None)
