"""What of Nivoda's items is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import MappingError
from ingest.feeds.nivoda.looking import KNOWN_FIELDS, look
from ingest.feeds.nivoda.tests.test_mapping import item
from ingest.sandbox.supplier import Options, Supplier


def test_what_is_asked_for_is_known() -> None:
    assert "url" in KNOWN_FIELDS["diamond"]["certificate"]["product_images"]
    assert look(item()).unknown_fields == ()


def test_an_inventory_has_no_fields_that_nobody_asked_for() -> None:
    items = Supplier(Options(stones=200)).items(labgrown=None, availability=0)

    assert {path for one in items for path in look(json.dumps(one).encode()).unknown_fields} == set()


def test_new_fields_are_named_by_their_path_and_not_looked_into() -> None:
    strange = json.loads(item(halo={"size": 1, "hue": 2}, certificate={"lab": {"name": "GIA"}}))
    strange["diamond"]["certificate"]["product_images"][0]["alt"] = "x"

    assert set(look(json.dumps(strange).encode()).unknown_fields) == {
        *{"diamond.halo", "diamond.certificate.lab.name", "diamond.certificate.product_images.alt"}
    }


def test_values_that_are_no_grade_are_told() -> None:
    certificate = {"cut": "SUPER", "polish": "", "symmetry": "N/A", "clarity": 7, "color": "?", "shape": "Moval"}

    found = look(item(certificate=certificate, availability="PERHAPS", eyeClean="MOSTLY"))

    assert set(found.not_understood) == {
        *{("cut", "SUPER"), ("clarity", "7"), ("color", "?"), ("shape", "MOVAL"), ("availability", "PERHAPS")},
        ("eye_clean", "MOSTLY"),
    }


@pytest.mark.parametrize("says", ["EC", "E1", "Borderline", "100%", "N/A", "", None, True, 0])
def test_what_the_trade_says_of_eyes_is_understood(says: Any) -> None:
    assert look(item(eyeClean=says)).not_understood == ()


def test_a_fancy_colour_is_understood() -> None:
    assert look(item(certificate={"color": "*", "f_color": "Pink", "f_intensity": "Vivid"})).not_understood == ()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["certificate", "cut", "x"]), inner),
)


@given(_json)
def test_no_item_breaks_the_look(diamond: Any) -> None:
    look(json.dumps({"id": "x", "diamond": diamond}).encode())


@pytest.mark.parametrize("broken", [b"", b"[]", b"{", b"null"])
def test_what_is_no_item_is_refused(broken: bytes) -> None:
    with pytest.raises(MappingError):
        look(broken)
