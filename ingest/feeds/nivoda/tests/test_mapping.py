"""A whole item in the catalogue's terms, clean and dirty."""

from __future__ import annotations

import inspect
import io
import json
import re
from decimal import ROUND_HALF_UP, Decimal
from tokenize import COMMENT, generate_tokens
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import (
    Bowtie,
    Clarity,
    Color,
    CuletSize,
    Finish,
    Fluorescence,
    GirdleThickness,
    LabFinish,
)
from catalog.rows import StoneFacts
from diamondhub.money import round_half_up
from ingest.errors import MappingError
from ingest.feeds.adapter import StoneIdentity
from ingest.feeds.nivoda.mapping import identify, to_diamond

CERTIFICATE = {
    "lab": "GIA",
    "certNumber": "2141438171",
    "pdfUrl": "https://certificates.example/2141438171.pdf",
    "shape": "CUSHION B",
    "carats": 1.01,
    "cut": None,
    "polish": "EX",
    "symmetry": "Very Good",
    "color": "G",
    "clarity": "VS1",
    "length": 6.5,
    "width": "6.40",
    "depth": "3,98",
    "depthPercentage": 62.3,
    "table": 57,
    "crownAngle": 34.5,
    "crownHeight": 15,
    "pavAngle": 40.8,
    "pavDepth": 43,
    "floInt": "FNT",
    "floCol": "Blue",
    "girdle": "Thin - Medium",
    "culetSize": "None",
    "treated": "false",
    "labgrown": False,
    "country_of_origin": "Botswana",
    "product_images": [
        {"id": "2", "url": "https://images.example/2.jpg", "display_index": 2},
        {"id": "1", "url": "https://images.example/1.jpg", "display_index": 1},
    ],
}


def item(*, price: Any = 123_456, certificate: Any = None, **diamond: Any) -> bytes:
    certified = {**CERTIFICATE, **certificate} if isinstance(certificate, dict) else certificate
    stone = {
        "id": "stone-1",
        "availability": "AVAILABLE",
        "image": "https://images.example/0.jpg",
        "video": "",
        "eyeClean": "100%",
        "brown": "No",
        "green": "N/A",
        "milky": None,
        "delivery_time": {"min_business_days": 7, "max_business_days": "3"},
        "supplier": {"id": "9", "name": "Ekati  Diamonds", "legal_name": "Ekati Ltd"},
        "v360": {"id": "1", "url": "https://video.example/360"},
        "certificate": certified,
        **diamond,
    }
    return json.dumps({"id": "DIAMOND/offer-1", "price": price, "diamond": stone}).encode()


def test_every_field_of_a_clean_item_finds_its_place() -> None:
    facts = to_diamond(item(certificate={}), labgrown=False)

    assert facts.offer_id == "DIAMOND/offer-1"
    assert facts.shape == "CUSHION_BRILLIANT"
    assert (facts.carats, facts.color, facts.clarity) == (Decimal("1.01"), Color.G, Clarity.VS1)
    assert (facts.cut, facts.polish, facts.symmetry) == (None, Finish.EXCELLENT, Finish.VERY_GOOD)
    assert (facts.fluorescence_intensity, facts.fluorescence_color) == (Fluorescence.FAINT, "BLUE")
    assert (facts.length_mm, facts.width_mm, facts.depth_mm) == (Decimal("6.5"), Decimal("6.4"), Decimal("3.98"))
    assert facts.ratio == Decimal("1.016")
    assert (facts.table_pct, facts.depth_pct) == (Decimal(57), Decimal("62.3"))
    assert (facts.crown_angle, facts.crown_height) == (Decimal("34.5"), Decimal(15))
    assert (facts.pavilion_angle, facts.pavilion_depth) == (Decimal("40.8"), Decimal(43))
    assert (facts.girdle, facts.culet) == ("Thin - Medium", "None")
    assert (facts.lab, facts.certificate_number) == ("GIA", "2141438171")
    assert facts.certificate_url == "https://certificates.example/2141438171.pdf"
    assert (facts.eye_clean, facts.brown, facts.green, facts.milky) == (True, False, None, None)
    assert facts.images == [f"https://images.example/{i}.jpg" for i in range(3)]
    assert facts.image_url == "https://images.example/0.jpg"
    assert facts.video_url == "https://video.example/360"
    assert (facts.supplier_name, facts.country_of_origin) == ("Ekati Diamonds", "Botswana")
    assert (facts.delivery_days_min, facts.delivery_days_max) == (3, 7)
    assert (facts.cost_cents, facts.cost_per_carat_cents) == (123_456, 122_234)
    assert (facts.lab_grown, facts.treated, facts.availability) == (False, False, "available")


@pytest.mark.parametrize(
    ("says", "availability"),
    [
        ("ON HOLD", "on_hold"),
        ("on_hold", "on_hold"),
        ("HOLD", "on_hold"),
        ("MEMO", "on_hold"),
        ("SOLD", "sold"),
        ("LOST", "unavailable"),
        (None, "unavailable"),
    ],
)
def test_availability_is_sold_only_if_the_supplier_says_so_and_available_likewise(says: Any, availability: str) -> None:
    assert to_diamond(item(certificate={}, availability=says), labgrown=False).availability == availability


@pytest.mark.parametrize(
    ("certificate", "asked_for", "lab_grown"),
    [
        ({"labgrown": None, "labgrown_type": "CVD"}, False, True),
        ({"labgrown": None, "labgrown_type": None}, True, True),
        ({"labgrown": None, "labgrown_type": "N/A"}, False, False),
        ({"labgrown": "true"}, False, True),
        ({"labgrown": False, "labgrown_type": ""}, True, False),
    ],
)
def test_a_stone_is_lab_grown_by_its_own_word_its_type_or_its_feed(
    certificate: dict[str, Any], asked_for: bool, lab_grown: bool
) -> None:
    assert to_diamond(item(certificate=certificate), labgrown=asked_for).lab_grown is lab_grown


@pytest.mark.parametrize("certificate", ["", [], 0, "none"])
def test_a_stone_whose_certificate_is_no_object_keeps_what_else_is_known(certificate: Any) -> None:
    facts = to_diamond(item(certificate=certificate), labgrown=True)

    assert (facts.cost_cents, facts.lab_grown, facts.image_url) == (123_456, True, "https://images.example/0.jpg")
    assert (facts.carats, facts.shape, facts.lab, facts.cost_per_carat_cents) == (None, None, None, None)


@pytest.mark.parametrize(
    ("says", "eye_clean"),
    [
        ("EC", True),
        ("Loupe clean", True),
        ("100%", True),
        (True, True),
        ("NEC", False),
        (0, False),
        ("E1", None),
        ("", None),
    ],
)
def test_the_trades_words_for_eyes_are_read_as_in_lists(says: Any, eye_clean: bool | None) -> None:
    assert to_diamond(item(certificate={}, eyeClean=says), labgrown=False).eye_clean is eye_clean


def test_the_facts_are_given_in_the_order_of_their_names() -> None:
    source = inspect.getsource(to_diamond)
    given = [token.string for token in generate_tokens(io.StringIO(source).readline) if token.type == COMMENT]
    named = [comment for comment in given if re.fullmatch(r"# [a-z_]+", comment)]

    assert [comment.removeprefix("# ") for comment in named] == list(StoneFacts.__struct_fields__)


@given(length=st.integers(1, 999_999), width=st.integers(1, 999_999))
def test_the_ratio_is_of_the_longer_side_to_thousandths_halves_up(length: int, width: int) -> None:
    facts = to_diamond(item(certificate={"length": length / 100, "width": width / 100}), labgrown=False)

    rounded = (Decimal(max(length, width)) / min(length, width)).quantize(Decimal("0.001"), ROUND_HALF_UP)
    assert facts.ratio == (rounded if rounded < 10_000 else None)


@given(
    carats=st.decimals("0.001", "99999.999", places=3, allow_nan=False),
    price=st.integers(1, 10**12),
)
def test_the_cost_of_a_carat_is_the_quotient_rounded_half_up(carats: Decimal, price: int) -> None:
    facts = to_diamond(item(price=price, certificate={"carats": str(carats)}), labgrown=False)

    assert facts.carats == carats
    assert facts.cost_per_carat_cents == round_half_up(price / carats)


def test_zero_carats_are_unknown_carats() -> None:
    facts = to_diamond(item(certificate={"carats": 0}), labgrown=False)

    assert (facts.carats, facts.cost_per_carat_cents) == (None, None)


def test_lone_surrogates_and_nul_do_not_cost_a_stone() -> None:
    dirty = item(certificate={}, supplier={"name": "Bad\ud800 Name\0"})

    assert to_diamond(dirty, labgrown=False).supplier_name == "Bad Name"
    assert identify(dirty) == StoneIdentity("stone-1", "DIAMOND/offer-1")


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (None, "missing"),
        (0, "not between"),
        (-5, "not between"),
        (12.5, "whole number of cents"),
        ("on request", "whole number of cents"),
        (True, "whole number of cents"),
        (10**15, "not between"),
    ],
)
def test_a_stone_without_a_sensible_price_is_refused_by_field_and_reason(price: Any, reason: str) -> None:
    with pytest.raises(MappingError, match=reason) as refused:
        to_diamond(item(price=price, certificate={}), labgrown=False)

    assert refused.value.field == "price"


def test_a_price_written_with_commas_is_read() -> None:
    assert to_diamond(item(price="123,456", certificate={}), labgrown=False).cost_cents == 123_456


@pytest.mark.parametrize("stone_id", [None, "", "  ", 17, "x" * 101, "nul\0"])
def test_an_item_without_a_usable_id_is_refused(stone_id: Any) -> None:
    with pytest.raises(MappingError) as refused:
        identify(item(certificate={}, id=stone_id))

    assert refused.value.field == "diamond.id"


@pytest.mark.parametrize("nonsense", [b"null", b"[]", b"{", b'"text"', b"{}", b'{"diamond": 5}', b"[" * 100_000])
def test_what_is_no_item_is_a_mapping_error(nonsense: bytes) -> None:
    with pytest.raises(MappingError):
        identify(nonsense)
    with pytest.raises(MappingError):
        to_diamond(nonsense, labgrown=False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    certificate=st.dictionaries(st.sampled_from(sorted(CERTIFICATE)), json_values),
    diamond=st.dictionaries(
        st.sampled_from(["availability", "image", "eyeClean", "brown", "delivery_time", "supplier", "v360"]),
        json_values,
    ),
)
def test_whatever_stands_in_its_other_fields_a_stone_with_id_and_price_maps(
    certificate: dict[str, Any], diamond: dict[str, Any]
) -> None:
    facts = to_diamond(item(certificate=certificate, **diamond), labgrown=False)

    assert facts.cost_cents == 123_456


@pytest.mark.parametrize(
    ("diamond", "certificate", "column", "value"),
    [
        ({}, {"cut": "Ideal"}, "cut", LabFinish.IDEAL),
        ({}, {"cut": "3EX"}, "cut", LabFinish.EXCELLENT),
        ({}, {"polish": "ID"}, "polish", LabFinish.IDEAL),
        ({}, {}, "girdle_from", GirdleThickness.THIN),
        ({}, {}, "girdle_to", GirdleThickness.MEDIUM),
        ({}, {"girdle": "Faceted"}, "girdle_to", None),
        ({}, {}, "culet_size", CuletSize.NONE),
        ({}, {"culetSize": None, "culet_condition": "POINTED"}, "culet_size", CuletSize.NONE),
        ({}, {"culetSize": "VERY SMALL"}, "culet_size", CuletSize.VERY_SMALL),
        ({"brown": "None"}, {}, "brown", False),
        ({"brown": "Faint"}, {}, "brown", True),
        ({"blue": "N/A"}, {}, "blue", None),
        ({"gray": "Light"}, {}, "gray", True),
        ({"milky": "M1"}, {}, "milky", True),
        ({"milky": "None"}, {}, "milky", False),
        ({"bowtie": "Slight"}, {}, "bowtie", Bowtie.SLIGHT),
        ({"bowtie": "None"}, {}, "bowtie", Bowtie.NONE),
        ({"bowtie": 7}, {}, "bowtie", None),
        ({}, {"labgrown": True, "labgrown_type": "cvd"}, "growth_method", "CVD"),
        ({}, {"labgrown": None, "labgrown_type": "HPHT"}, "growth_method", "HPHT"),
        ({}, {"labgrown": True, "labgrown_type": "CVD/HPHT"}, "growth_method", None),
        ({}, {"keyToSymbols": "Feather\0Crystal"}, "key_to_symbols", "Feather Crystal"),
        ({}, {"keyToSymbols": "x" * 400}, "key_to_symbols", "x" * 300),
        ({"return_window": "14"}, {}, "return_days", 14),
        ({"return_window": -1}, {}, "return_days", None),
        ({}, {"country_of_origin": "united states"}, "country_of_origin", "USA"),
        ({}, {"floCol": "BL"}, "fluorescence_color", "BLUE"),
        ({}, {"lab": "G.I.A."}, "lab", "GIA"),
    ],
)
def test_what_searches_ask_for_is_read(
    diamond: dict[str, Any], certificate: dict[str, Any], column: str, value: Any
) -> None:
    facts = to_diamond(item(certificate=certificate, **diamond), labgrown=False)

    assert getattr(facts, column) == value


@pytest.mark.parametrize(
    ("diamond", "certificate", "field", "names"),
    [
        ({}, {"labgrown": False, "certNumber": "LG123456789"}, "certificate.certNumber", "certificate.labgrown"),
        ({}, {"labgrown": False, "labgrown_type": "CVD"}, "certificate.labgrown_type", "certificate.labgrown"),
        (
            {},
            {"labgrown": False, "comments": "This Laboratory Grown Diamond was created by CVD"},
            "certificate.comments",
            "'False'",
        ),
        (
            {},
            {"labgrown": False, "pdfUrl": "https://lab.example/r?r=LG123456789"},
            "certificate.pdfUrl",
            "certificate.labgrown",
        ),
        ({"CertificateType": "NATURAL_DIAMOND"}, {"labgrown": True}, "CertificateType", "certificate.labgrown"),
        (
            {},
            {"labgrown": None, "labgrown_type": "CVD", "comments": "Natural diamond"},
            "certificate.comments",
            "labgrown_type",
        ),
    ],
)
def test_an_item_that_is_natural_by_one_field_and_grown_by_another_is_refused_with_both(
    diamond: dict[str, Any], certificate: dict[str, Any], field: str, names: str
) -> None:
    with pytest.raises(MappingError) as refused:
        to_diamond(item(certificate=certificate, **diamond), labgrown=False)

    assert refused.value.field == field
    assert names in refused.value.reason


def test_an_item_whose_number_is_of_a_grown_stone_is_grown_where_nothing_else_speaks() -> None:
    certificate = {
        "labgrown": None,
        "certNumber": "LG123456789",
        "shape": "LG ROUND",
        "country_of_origin": "Lab-Created",
    }

    facts = to_diamond(item(certificate=certificate), labgrown=False)

    assert (facts.lab_grown, facts.shape, facts.country_of_origin) == (True, "ROUND", None)
