"""Lists in the words of the trade's own formats, with what each of their rows says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.grades import Clarity, Color, FancyIntensity, Fluorescence, LabFinish
from catalog.rows import StoneFacts
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.reading import examine, rows

CASES = Path(__file__).parent / "cases"


def facts_of(name: str) -> dict[str, StoneFacts]:
    """The stones of a list by their numbers."""
    path, parameters = CASES / f"{name}.csv", parameters_of({"source": f"{name}.csv"})
    layout = examine(path, parameters, most_bytes=1_000_000)
    mapper = Mapper(parameters)
    stones = [mapper.to_diamond(msgspec.json.encode(row.cells)) for row in rows(path, layout)]
    return {stone.offer_id: stone for stone in stones}


def cells_of(name: str, column: str) -> dict[str, str]:
    """What a list writes in one column, by stock number."""
    path = CASES / f"{name}.csv"
    layout = examine(path, parameters_of({"source": path.name}), most_bytes=1_000_000)
    return {str(row.cells["Stock #"]): str(row.cells[column]) for row in rows(path, layout)}


def test_the_biggest_market_s_template_is_read_whole() -> None:
    stones = facts_of("rapnet-template")

    assert {number: stone.cost_cents for number, stone in stones.items()} == {"RT-1": 2_800_000, "RT-2": 1_230_000}
    assert {stone.availability for stone in stones.values()} == {"available"}
    assert (stones["RT-1"].shape, stones["RT-1"].lab, stones["RT-1"].certificate_number) == (
        "ROUND",
        "GIA",
        "2140000001",
    )
    assert (stones["RT-2"].cut, stones["RT-2"].symmetry) == (LabFinish.VERY_GOOD, LabFinish.VERY_GOOD)


@pytest.mark.parametrize(
    ("shape", "words"),
    {
        "ROUND": "B BR RB RD RBC RND",
        "PEAR": "P PS PSH PMB",
        "EMERALD": "E EM EC",
        "PRINCESS": "PRN PR PRIN PN PC MDSQB SMB",
        "MARQUISE": "MQB M MQ",
        "ASSCHER": "A CSS CSSC AC ASH",
        "CUSHION_BRILLIANT": "CB",
        "CUSHION": "C CU",
        "CUSHION_MODIFIED": "CUX CMB RCRMB CRC CSC CX RCSB SCMB SCX",
        "HEART": "H HS HT MHRC",
        "OVAL": "O OV OMB",
        "RADIANT": "RAD RA RC RDN CRB RCRB",
        "TRILLIANT": "T",
        "SQUARE_EMERALD": "SQE",
        "TAPERED_BAGUETTE": "TBAG",
        "BAGUETTE": "BAG",
        "EUROPEAN": "EU",
    }.items(),
)
def test_documented_codes_of_shapes_are_the_shapes(shape: str, words: str) -> None:
    written = cells_of("rapnet-shapes", "Shape")
    stones = facts_of("rapnet-shapes")

    read = {written[number]: stone.shape for number, stone in stones.items()}

    assert {word: read[word] for word in words.split()} == dict.fromkeys(words.split(), shape)


def test_modifications_are_folded_and_codes_that_nobody_documents_are_no_new_shapes() -> None:
    written = cells_of("rapnet-shapes", "Shape")
    read = {written[number]: stone.shape for number, stone in facts_of("rapnet-shapes").items()}

    assert {word: read[word] for word in ("R", "PRAD")} == {"R": None, "PRAD": None}
    assert {word: shape for word, shape in read.items() if " " in word} == {
        "Pear Shape": "PEAR",
        "Emerald Cut": "EMERALD",
        "SQ Emerald": "SQUARE_EMERALD",
        "Sq. Emerald": "SQUARE_EMERALD",
        "ROUND MODIFIED BRILLIANT": "ROUND",
        "PEAR MODIFIED BRILLIANT": "PEAR",
        "OVAL MIXED CUT": "OVAL",
        "EUROPEAN CUT": "EUROPEAN",
        "CUSHION B": "CUSHION_BRILLIANT",
        "Cushion Modified Brilliant": "CUSHION_MODIFIED",
        "Princess Cut": "PRINCESS",
        "Long Cushion": "CUSHION",
        "Cut-Cornered Rectangular Modified Brilliant": "RADIANT",
    }


_GRADES: dict[LabFinish | None, str] = {
    LabFinish.IDEAL: "I|ID|Ideal|SUPER IDEAL|TRUE HEARTS",
    LabFinish.EXCELLENT: "EX|X|E|8X|EIGHTX|Premium|EX+|EX-",
    LabFinish.VERY_GOOD: "V|VG|VG-EX|VGEX|EX-VG|V. Good|V.G|V.GOOD",
    LabFinish.GOOD: "G-VG|GD-VG|GV|Good Plus",
    LabFinish.FAIR: "F-G",
    None: "None|N/A|",
}


def test_grades_are_read_and_of_two_the_worse() -> None:
    written = cells_of("grade-words", "Cut Grade")

    read = {written[number]: stone.cut for number, stone in facts_of("grade-words").items()}

    assert read == {word: grade for grade, words in _GRADES.items() for word in words.split("|")}


_FLUORESCENCE: dict[tuple[Fluorescence, str | None], str] = {
    (Fluorescence.NONE, None): "N|NN|Non|None|NG|NEG|Inert|FL0",
    (Fluorescence.FAINT, None): "VSL|VSLT|VSLG|SL|SLT|F|FNT|FL1|Very Slight|None/Faint",
    (Fluorescence.FAINT, "BLUE"): "SLT BL|FB|FNT BL|Faint Blue",
    (Fluorescence.FAINT, "YELLOW"): "SLY",
    (Fluorescence.MEDIUM, None): "M|MED|MODER|FL2",
    (Fluorescence.MEDIUM, "BLUE"): "MB|MED BL|M-Blue",
    (Fluorescence.STRONG, None): "S|STG|ST|FL3",
    (Fluorescence.STRONG, "BLUE"): "SB|STB|STRONG BLUE",
    (Fluorescence.VERY_STRONG, None): "VS|VST|V.STRONG|FL4",
    (Fluorescence.VERY_STRONG, "BLUE"): "VSTB",
}


def test_fluorescence_is_intensity_and_colour_in_one_cell() -> None:
    written = cells_of("grade-words", "Fluorescence Intensity")

    read = {
        written[number]: (stone.fluorescence_intensity, stone.fluorescence_color)
        for number, stone in facts_of("grade-words").items()
    }

    assert read == {word: said for said, words in _FLUORESCENCE.items() for word in words.split("|")}


_COLORS: dict[str, tuple[Any, ...]] = {
    # Colour, fancy colour, intensity, brown.
    "D-E": (Color.E, None, None, None),
    "G+": (Color.G, None, None, None),
    "G-H": (Color.H, None, None, None),
    "O-P": (Color.P, None, None, None),
    "U-V": (Color.V, None, None, None),
    "W-X": (Color.X, None, None, None),
    "Y-Z": (Color.Z, None, None, None),
    "D/E": (Color.E, None, None, None),
    "D to F": (Color.F, None, None, None),
    "M-Z": (Color.Z, None, None, None),
    "S-T": (Color.T, None, None, None),
    "W": (Color.W, None, None, None),
    "Z": (Color.Z, None, None, None),
    "*": (None, None, None, None),
    "TLB": (None, None, None, True),
    "TTLB": (None, None, None, True),
    "K, Faint Brown": (Color.K, None, None, True),
    "L-Lt Brown": (Color.L, None, None, True),
    "LIGHT YELLOW": (Color.Z, None, None, None),
    "FVY": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID, None),
    "FIY": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_INTENSE, None),
    "FLY": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None),
    "FY": (Color.FANCY, "YELLOW", FancyIntensity.FANCY, None),
    "FDY": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_DEEP, None),
    "FANCY VIVID YELLOW": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID, None),
    "Fancy Light Yellow": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT, None),
    "VIVID FANCY YELLOW": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID, None),
    "FCY VIVID YELLOW": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID, None),
    "Nat. Fancy Intense Pink": (Color.FANCY, "PINK", FancyIntensity.FANCY_INTENSE, None),
    "Very Light Pink": (Color.FANCY, "PINK", FancyIntensity.VERY_LIGHT, None),
    "BLACK": (Color.FANCY, "BLACK", None, None),
    "FANCY": (Color.FANCY, None, None, None),
}


def test_colours_are_read_with_their_parts_in_any_order() -> None:
    written = cells_of("colour-words", "Color")

    read = {
        written[number]: (stone.color, stone.fancy_color, stone.fancy_intensity, stone.brown)
        for number, stone in facts_of("colour-words").items()
    }

    assert read == _COLORS


def test_clarities_are_read_and_of_two_the_worse() -> None:
    written = cells_of("colour-words", "Clarity")
    read = {written[number]: stone.clarity for number, stone in facts_of("colour-words").items()}

    assert {word: grade for word, grade in read.items() if word} == {
        "SI3": Clarity.SI3,
        "SI": Clarity.SI2,
        "VS": Clarity.VS2,
        "VVS": Clarity.VVS2,
        "I1-": Clarity.I1,
        "VS1+": Clarity.VS1,
        "VS1-VS2": Clarity.VS2,
        "LC": Clarity.IF,
        "P1": Clarity.I1,
        "PK1": Clarity.I1,
        "I": Clarity.I3,
        "FL": Clarity.FL,
        "IF": Clarity.IF,
        "N": None,
        "SI1/SI2": Clarity.SI2,
        "IF-VVS1": Clarity.VVS1,
    }


def test_abbreviated_fancy_colours_are_fancy() -> None:
    stones = facts_of("fancy-abbr")

    assert {number: (stone.color, stone.fancy_color, stone.fancy_intensity) for number, stone in stones.items()} == {
        "FA-1": (Color.FANCY, "YELLOW", FancyIntensity.FANCY),
        "FA-2": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_INTENSE),
        "FA-3": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID),
        "FA-4": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID),
        "FA-5": (Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID),
        "FA-6": (Color.FANCY, "PINK", FancyIntensity.FANCY_LIGHT),
        "FA-7": (Color.FANCY, "PINK", FancyIntensity.FANCY_LIGHT),
    }
    assert (stones["FA-5"].fancy_overtone, stones["FA-6"].fancy_overtone) == ("BROWN", None)
    assert stones["FA-7"].fancy_overtone == "PURPLISH"


def test_availability_promises_what_its_word_promises() -> None:
    written = cells_of("availability-words", "Availability")
    read: dict[str, set[str]] = {}
    for number, stone in facts_of("availability-words").items():
        read.setdefault(stone.availability, set()).add(written[number])

    assert read == {
        "available": {
            *(
                "G",
                "GA",
                "Guaranteed Available",
                "Guaranteed Availability",
                "STPS",
                "Subject to Prior Sale",
                "Available",
            ),
            *("AV", "In Stock", "1", "TRUE", "Y", "", "Not Specified"),
        },
        "on_hold": {
            *("M", "Out on Memo", "On Memo", "Hold", "Busy", "Reserved", "In Transit", "Consignment", "On Approval"),
        },
        "sold": {"Sold"},
        # What nobody knows (P) promises nothing, and is counted.
        "unavailable": {"NA", "0", "Upcoming", "P"},
    }


def test_documented_headers_are_known_however_they_are_spelled() -> None:
    (stone,) = facts_of("documented-headers").values()

    assert stone.offer_id == "DH-1"
    assert (stone.shape, stone.carats, stone.color, stone.clarity) == ("ROUND", Decimal("1.000"), Color.G, Clarity.VS1)
    assert (stone.polish, stone.symmetry) == (LabFinish.EXCELLENT, LabFinish.VERY_GOOD)
    assert (stone.fluorescence_intensity, stone.lab, stone.certificate_number) == (
        Fluorescence.FAINT,
        "GIA",
        "2140000095",
    )
    assert (stone.cost_cents, stone.pavilion_angle) == (500_000, Decimal("40.80"))
    assert stone.certificate_url == "https://example.org/c.pdf"


def test_a_cut_with_its_shape_in_brackets_is_a_shape() -> None:
    (stone,) = facts_of("gemfind-headed").values()

    assert (stone.offer_id, stone.shape, stone.lab) == ("GF-1", "ROUND", "GIA")
    assert (stone.carats, stone.cost_cents) == (Decimal("1.010"), 505_000)


def test_a_cut_beside_a_make_is_a_shape() -> None:
    stones = facts_of("idex-named")

    princess, fancy = stones["70000001"], stones["70000002"]
    assert (princess.shape, princess.cut, princess.cost_cents) == ("PRINCESS", LabFinish.VERY_GOOD, 408_000)
    assert (princess.length_mm, princess.width_mm, princess.depth_mm) == (
        *(Decimal("5.60"), Decimal("5.52")),
        Decimal("4.05"),
    )
    assert (fancy.shape, fancy.color, fancy.fancy_color, fancy.fancy_intensity) == (
        *("ROUND", Color.FANCY, "YELLOW"),
        FancyIntensity.FANCY_VIVID,
    )
    assert (fancy.treated, fancy.cost_cents) == (True, 6_300_000)


@pytest.mark.parametrize(
    ("measures", "carats", "shape"),
    [
        ("6.45-6.48x3.99", "1.02", "ROUND"),
        ("7.10x5.60x3.90", "1.26", "RADIANT"),
        ("5.60x5.55x3.90", "0.98", "RADIANT"),
        ("6.00-6.00x4.00", "1.00", None),
        ("", "1.00", None),
    ],
)
def test_an_r_is_round_or_radiant_by_its_measures(measures: str, carats: str, shape: str | None) -> None:
    row = {"Stock #": "R-1", "Shape": "R", "Weight": carats, "Measurements": measures, "Total Price": "5000"}

    stone = Mapper(parameters_of({"source": "x.csv"})).to_diamond(msgspec.json.encode(row))

    assert stone.shape == shape
