"""The oracle itself: what it expects of a clean item, of an empty one, and of every kind of dirt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from catalog.rows import StoneFacts
from ingest.feeds.nivoda.mapping import to_diamond
from ingest.sandbox.supplier import Options, Supplier
from ingest.tests import oracle

CLEAN: dict[str, Any] = {
    "id": "DIAMOND/8bc1e15f-7086-489e-a79f-7e76a6063329",
    "price": 123_457,
    "diamond": {
        "id": "5a4f2f0e-1111-4222-8333-944444444444",
        "availability": "AVAILABLE",
        "image": "https://media.example/1.jpg",
        "video": None,
        "eyeClean": "100%",
        "brown": "No",
        "green": 0,
        "milky": "N/A",
        "mine_of_origin": "Botswana",
        "supplier_video_link": "https://media.example/turn",
        "delivery_time": {"min_business_days": 9, "max_business_days": 4},
        "supplier": {"name": " ", "legal_name": "Gems\u0000Ltd"},
        "certificate": {
            "lab": "G.I.A.",
            "certNumber": 2_141_234_567,
            "pdfUrl": "https://reports.example/2141234567.pdf",
            "shape": "cushion b",
            "carats": "1,015 ct",
            "cut": None,
            "polish": "Ideal",
            "symmetry": "VERY_GOOD",
            "color": "G",
            "clarity": "VVS2",
            "length": "6,50 mm",
            "width": 6.2,
            "depth": 4.004,
            "depthPercentage": 61.555,
            "table": "57%",
            "crownAngle": 34.5,
            "crownHeight": 0,
            "pavAngle": 90,
            "pavDepth": "deep",
            "floInt": "STG",
            "floCol": "yellowish white",
            "girdle": "Medium \u200b to  Thick",
            "culetSize": "N/A",
            "culet_condition": "Pointed",
            "treated": False,
            "labgrown": None,
            "country_of_origin": "not specified",
            "product_images": [
                {"url": "https://media.example/3.jpg", "display_index": 2},
                {"url": "https://media.example/2.jpg", "display_index": 1},
                {"url": "https://media.example/1.jpg", "display_index": 0},
                None,
            ],
        },
    },
}


def of_certificate(**fields: object) -> dict[str, object]:
    return oracle.expected({"id": "DIAMOND/1", "price": 100, "diamond": {"certificate": fields}}, labgrown=False)


def test_it_expects_every_column_of_an_item_with_ordinary_dirt() -> None:
    found = oracle.expected(CLEAN, labgrown=False)

    assert found == {
        "offer_id": "DIAMOND/8bc1e15f-7086-489e-a79f-7e76a6063329",
        "shape": "CUSHION_BRILLIANT",
        "carats": Decimal("1015.000"),
        "color": 4,
        "clarity": 4,
        "cut": None,
        "polish": 0,
        "symmetry": 2,
        "fluorescence_intensity": 4,
        "fluorescence_color": "YELLOWISH_WHITE",
        "fancy_color": None,
        "fancy_intensity": None,
        "fancy_overtone": None,
        "lab_grown": False,
        "growth_method": None,
        "treated": False,
        "lab": "GIA",
        "certificate_number": "2141234567",
        "certificate_url": "https://reports.example/2141234567.pdf",
        "length_mm": Decimal("6.50"),
        "width_mm": Decimal("6.20"),
        "depth_mm": Decimal("4.00"),
        "ratio": Decimal("1.048"),
        "table_pct": Decimal("57.00"),
        "depth_pct": Decimal("61.56"),
        "crown_angle": Decimal("34.50"),
        "crown_height": None,
        "pavilion_angle": None,
        "pavilion_depth": None,
        "girdle": "Medium to Thick",
        "girdle_from": 5,
        "girdle_to": 7,
        "culet": "Pointed",
        "culet_size": 1,
        "eye_clean": True,
        "brown": False,
        "green": False,
        "blue": None,
        "gray": None,
        "milky": None,
        "bowtie": None,
        "key_to_symbols": None,
        "image_url": "https://media.example/1.jpg",
        "video_url": "https://media.example/turn",
        "images": ["https://media.example/1.jpg", "https://media.example/2.jpg", "https://media.example/3.jpg"],
        "supplier_name": "Gems Ltd",
        "country_of_origin": "Botswana",
        "location_country": None,
        "location_city": None,
        "return_days": None,
        "delivery_days_min": 4,
        "delivery_days_max": 9,
        "cost_cents": 123_457,
        "cost_per_carat_cents": 122,
        "availability": "available",
    }


@pytest.mark.parametrize("nothing", [None, "", {}, [], "N/A"])
def test_it_knows_every_column_and_nothing_of_an_empty_item(nothing: object) -> None:
    diamond = {"certificate": nothing, "supplier": nothing, "delivery_time": nothing, "v360": nothing}

    found = oracle.expected({"id": "DIAMOND/1", "price": 100, "diamond": diamond}, labgrown=True)

    assert set(found) == set(StoneFacts.__struct_fields__)
    assert {name: value for name, value in found.items() if value is not None} == {
        "offer_id": "DIAMOND/1",
        "cost_cents": 100,
        "lab_grown": True,
        "images": [],
        "availability": "unavailable",
    }
    assert msgspec.convert(found, StoneFacts).lab_grown is True


@pytest.mark.parametrize(
    "item",
    [
        {"id": "DIAMOND/1", "price": 100, "diamond": None},
        {"id": "", "price": 100, "diamond": {}},
        {"id": "DIAMOND/1", "price": 0, "diamond": {}},
        {"id": "DIAMOND/1", "price": 1.5, "diamond": {}},
    ],
)
def test_it_refuses_an_item_that_makes_no_row(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no diamond|no offer id|whole cents"):
        oracle.expected(item, labgrown=False)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1,234.5", "1234.5"),
        ("12,345", "12345"),
        ("3,45", "3.45"),
        (" 61.2 % ", "61.2"),
        ("0.30CT", "0.30"),
        (0.3, "0.3"),
        ("1,23,456", None),
        ("1234,567", "1234.567"),
        ("1.234,5", None),
        ("about 3", None),
        ("1e3", None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_it_reads_numbers_in_all_their_spellings(written: object, meant: str | None) -> None:
    assert oracle.number(written) == (None if meant is None else Decimal(meant))


def test_what_is_zero_or_at_its_bound_once_rounded_is_unknown() -> None:
    assert of_certificate(carats=0.0004)["carats"] is None
    assert of_certificate(carats=0.0005)["carats"] == Decimal("0.001")
    assert of_certificate(table=99.99)["table_pct"] == Decimal("99.99")
    assert of_certificate(table=99.996)["table_pct"] is None


@pytest.mark.parametrize(
    ("fields", "color", "name", "intensity", "overtone"),
    [
        ({"color": "Fancy", "f_color": "ORANGE BROWN"}, 24, "BROWN_ORANGE", None, None),
        ({"color": "K", "f_color": "Grey Yellowish EVEN", "f_intensity": "Fancy-Vivid"}, 24, "YELLOWISH_GRAY", 7, None),
        ({"color": "fancy", "f_color": None, "f_intensity": "INTENSE"}, 24, None, 6, None),
        ({"color": "Fancy Light Pink", "f_overtone": "greyish"}, 24, "PINK", None, "GRAYISH"),
        ({"color": "U-V", "f_color": "EVEN", "f_intensity": "FANCY_DEEP", "f_overtone": "Pink"}, 19, None, None, None),
        ({"color": "H+"}, 5, None, None, None),
        ({"color": "g / h"}, 5, None, None, None),
        ({"color": "no", "f_color": "Not specified"}, None, None, None, None),
        ({"color": "colourless"}, None, None, None, None),
    ],
)
def test_it_tells_fancy_stones_from_white_ones(
    fields: dict[str, object], color: int | None, name: str | None, intensity: int | None, overtone: str | None
) -> None:
    found = of_certificate(**fields)

    assert (found["color"], found["fancy_color"], found["fancy_intensity"], found["fancy_overtone"]) == (
        color,
        name,
        intensity,
        overtone,
    )


def test_no_fluorescence_is_a_grade_and_no_word_about_it_is_none() -> None:
    assert of_certificate(floInt="None")["fluorescence_intensity"] == 1
    assert of_certificate(floInt="NON")["fluorescence_intensity"] == 1
    assert of_certificate(floInt="N/A")["fluorescence_intensity"] is None
    assert of_certificate(floInt="")["fluorescence_intensity"] is None


def test_a_stone_with_a_way_of_growing_is_lab_grown_unless_the_certificate_denies_it() -> None:
    assert of_certificate(labgrown=None, labgrown_type="CVD")["lab_grown"] is True
    assert of_certificate(labgrown="", labgrown_type="N/A")["lab_grown"] is False
    assert of_certificate(labgrown="No", labgrown_type="CVD")["lab_grown"] is False


@pytest.mark.parametrize(
    "written", ["ftp://a.example/x", "//a.example/x", "https://", "https://a.example/x y", "x" * 2_001]
)
def test_only_absolute_addresses_of_the_web_are_links(written: str) -> None:
    assert of_certificate(pdfUrl=written)["certificate_url"] is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HOLD", "on_hold"),
        ("On Hold", "on_hold"),
        ("MEMO", "on_hold"),
        ("SOLD", "sold"),
        ("GONE FISHING", "unavailable"),
    ],
)
def test_it_names_availability_in_our_words(written: str, meant: str) -> None:
    item = {"id": "DIAMOND/1", "price": 100, "diamond": {"availability": written}}

    assert oracle.expected(item, labgrown=False)["availability"] == meant


def test_the_adapter_maps_the_sandbox_s_stones_as_the_oracle_does() -> None:
    supplier = Supplier(Options(now=1_780_315_200_000_000))

    for number, item in enumerate(supplier.items(labgrown=None, availability=None)):
        labgrown = item["diamond"]["CertificateType"] == "LABGROWN_DIAMOND"
        facts = to_diamond(msgspec.json.encode(item), labgrown=labgrown)
        assert msgspec.structs.asdict(facts) == oracle.expected(item, labgrown=labgrown)
        if number == 1_500:
            break
