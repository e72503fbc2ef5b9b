"""The dirt: every kind that was seen in real payloads occurs, and none makes an offer worthless."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from ingest.sandbox import dirt
from ingest.sandbox.rendering import Item
from ingest.sandbox.supplier import Supplier

Values = dict[str, set[Any]]
_STONE = ("image", "video", "eyeClean")
_CERTIFICATE: tuple[str, ...] = (
    "cut",
    "polish",
    "symmetry",
    "clarity",
    "color",
    "length",
    "width",
    "depth",
    "carats",
    "labgrown",
)
_CERTIFICATE += ("floInt", "floCol", "f_color", "f_intensity", "f_overtone", "comments", "keyToSymbols")


@pytest.fixture(scope="module")
def seen(items: list[Item]) -> Values:
    """Every value of the fields that are looked at."""
    found: Values = defaultdict(set)
    for item in items:
        diamond = item["diamond"]
        owners = ((item, ("diamond_price", "markup_price")), (diamond, _STONE), (diamond["certificate"], _CERTIFICATE))
        for owner, names in owners:
            for name in names if owner else ():
                # True and 1 are the same to a set, so the type goes with the value.
                found[name].add((type(owner[name]).__name__, owner[name]))
    return found


def texts(seen: Values, field: str) -> set[str]:
    return {value for kind, value in seen[field] if kind == "str"}


def test_every_stone_is_an_offer_that_can_be_mapped(items: list[Item]) -> None:
    assert all(type(item["price"]) is int and item["price"] > 0 for item in items)
    assert all(item["id"].startswith("DIAMOND/") and item["diamond"]["id"] for item in items)


def test_every_kind_is_carried_by_its_share_of_stones(supplier: Supplier) -> None:
    carried = supplier.inventory.columns["dirt"][: supplier.inventory.size]

    shares = {kind.name: ((carried & dirt.bit(kind.name)) != 0).mean() for kind in dirt.KINDS}

    for kind in dirt.KINDS:
        assert shares[kind.name] == pytest.approx(kind.share, rel=0.5), kind.name
    assert len(dirt.KINDS) == len({kind.name for kind in dirt.KINDS}) <= np.iinfo(np.uint64).bits


@pytest.mark.parametrize("field", ["image", "video", "cut", "clarity", "color", "length", "width", "depth", "f_color"])
def test_fields_are_null_or_empty(seen: Values, field: str) -> None:
    assert {("NoneType", None), ("str", "")} <= seen[field]


def test_certificates_are_missing_or_empty(items: list[Item]) -> None:
    certificates = [item["diamond"]["certificate"] for item in items]

    assert None in certificates
    assert any(cert is not None and not any(cert.values()) for cert in certificates)


def test_booleans_come_as_words(seen: Values) -> None:
    assert {"true", "Yes", "1", "N/A", "100%"} <= texts(seen, "eyeClean")
    assert {"true", "Yes", "1"} <= texts(seen, "labgrown")


def test_numbers_come_as_texts_with_spaces_and_commas(seen: Values) -> None:
    assert any("," in text for text in texts(seen, "length"))
    assert any(text.startswith(" ") for text in texts(seen, "carats"))
    assert any("," in text for text in texts(seen, "diamond_price"))
    assert any(" " in text for text in texts(seen, "markup_price"))


def test_carats_are_nought(seen: Values) -> None:
    assert ("int", 0) in seen["carats"]


@pytest.mark.parametrize("field", ["cut", "polish", "symmetry"])
def test_grades_come_in_every_spelling(seen: Values, field: str) -> None:
    spellings = {
        "EX",
        "Excellent",
        "EXCELLENT",
        "Ideal",
        "ID",
        "3EX",
        "VG",
        "Very Good",
        "VERY_GOOD",
        "GD",
        "G",
        "Good",
    }

    assert spellings <= texts(seen, field)


def test_fluorescence_comes_in_every_spelling(seen: Values) -> None:
    spellings = {"NON", "NONE", "None", "FNT", "Faint", "MED", "Medium", "STG", "Strong", "VST", "Very Strong"}

    assert spellings <= texts(seen, "floInt")
    assert {"BLUE", "YELLOW"} <= texts(seen, "floCol")


def test_fancy_colors_contradict_themselves(items: list[Item]) -> None:
    certificates = [cert for item in items if (cert := item["diamond"]["certificate"])]

    fancy = [cert for cert in certificates if cert["f_color"] and cert["f_intensity"]]

    assert any(cert["color"] != "Fancy" for cert in fancy)
    assert any(cert["color"] == "Fancy" and not cert["f_color"] for cert in certificates)


def test_fancy_colors_come_with_noise_and_in_every_spelling(seen: Values) -> None:
    assert {"EVEN", "U-V", "GREY", "GRAY", "BROWN ORANGE", "ORANGE BROWN"} <= texts(seen, "f_color")
    assert "EVEN" in texts(seen, "f_overtone")
    assert {"FANCY VIVID", "FANCY_VIVID", "Fancy-Vivid"} <= texts(seen, "f_intensity")


def test_labgrown_may_only_show_in_its_type(items: list[Item]) -> None:
    types = {
        cert["labgrown_type"]
        for item in items
        if (cert := item["diamond"]["certificate"]) and cert["lab"] and cert["labgrown"] is None
    }

    assert types == {"CVD", "HPHT"}


def test_texts_hold_anything(seen: Values) -> None:
    comments = texts(seen, "comments")

    assert set(dirt.UNICODE) <= comments
    assert any("\0" in text for text in comments)
    assert any(len(text) >= 10_000 for text in comments)
    assert any(text.startswith("=HYPERLINK(") for text in comments)
    assert any("\0" in text for text in texts(seen, "keyToSymbols"))
