"""What a JSON document says beside its array of stones, and the objects within a stone that only hold its columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.census import Census
from ingest.feeds.pricelist import snapshot
from ingest.feeds.pricelist.formats import json_arrays
from ingest.feeds.pricelist.headers import field_of
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.outside import speaks
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import STONES, faults


def census_of(folder: Path, document: Any) -> Census:
    source = folder / "list.json"
    source.write_text(json.dumps(document))
    told = parameters_of({"source": str(source)})
    snapshot.make(source, folder / "made", told, Mapper(told), most_bytes=10_000_000)
    return snapshot.Snapshot(folder / "made", 1, None).census()


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ({"meta": {"currency": "EUR"}}, "meta.currency: EUR"),
        ({"meta": {"prices": {"currency": "THB"}}}, "meta.prices.currency: THB"),
        ({"diamond_type": "LAB GROWN"}, "diamond_type: LAB GROWN"),
        ({"type": "lab"}, "type: lab"),
        ({"labgrown": True}, "labgrown: true"),
        ({"is_natural": False}, "is_natural: false"),
        ({"treated": True}, "treated: true"),
        ({"status": "sold"}, "status: sold"),
        ({"available": False}, "available: false"),
        ({"units": {"price": "cents"}}, "units.price: cents"),
        ({"notes": ["weekly", "prices in EURO"]}, "notes: prices in EURO"),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_what_stands_beside_the_array_is_asked_about_on_the_first_day(
    tmp_path: Path, head: dict[str, Any], text: str, behind: bool
) -> None:
    document = {"stones": STONES, **head} if behind else {**head, "stones": STONES}

    census = census_of(tmp_path, document)

    assert census.outside == (text,)
    assert any(repr(text) in fault for fault in faults(census, len(STONES)))


def test_a_head_that_says_nothing_of_stones_is_not_asked_about(tmp_path: Path) -> None:
    head = {
        "status": "ok",
        "meta": {"page": 1, "count": 24, "currency": "USD", "symbol": "$", "labgrown": False, "available": True},
        "type": "natural",
        "sold": False,
        "treatment": "none",
        "supplier": "Rosy Blue",
        "rate": "1 USD = 83 INR",
        "next": None,
    }

    assert census_of(tmp_path, {**head, "data": {"items": STONES, "hasNextPage": False}}).outside == ()


@pytest.mark.parametrize("text", ["Amounts in US cents", "prices in minor units"])
def test_hundredths_are_asked_about(text: str) -> None:
    assert speaks(text)


names = st.text(alphabet='ab"\\[]{}:,é', min_size=1, max_size=4)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='ab"\\[]{}:,é', max_size=6)
heads = st.recursive(
    scalars, lambda inner: st.lists(scalars, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)


@given(
    before=st.dictionaries(names, heads, max_size=3),
    behind=st.dictionaries(names, heads, max_size=3),
    stones=st.lists(st.dictionaries(names, heads, min_size=1, max_size=3), min_size=1, max_size=4),
    size=st.integers(1, 40),
)
def test_the_document_without_its_stones_is_what_stands_beside_them(
    before: dict[str, Any], behind: dict[str, Any], stones: list[dict[str, Any]], size: int
) -> None:
    behind = {name: value for name, value in behind.items() if name not in before}
    written = msgspec.json.encode({**before, "of stones": stones, **behind})
    outside = bytearray()

    found = list(json_arrays.objects((written[at : at + size] for at in range(0, len(written), size)), outside=outside))

    assert [msgspec.json.decode(one) for within, one in found if within == "of stones"] == stones
    assert msgspec.json.decode(outside) == {**before, "of stones": [], **behind}


@pytest.mark.parametrize("size", range(1, 40))
def test_a_text_may_break_off_anywhere_behind_a_backslash_as_well(size: int) -> None:
    written = rb'{"stones":[{"a\\b":"c\"}]"}],"\\":1,"d":"\\\""}'
    outside = bytearray()

    found = list(json_arrays.objects((written[at : at + size] for at in range(0, len(written), size)), outside=outside))

    assert [one for _, one in found] == [rb'{"a\\b":"c\"}]"}']
    assert bytes(outside) == rb'{"stones":[],"\\":1,"d":"\\\""}'


def test_a_head_that_is_no_json_spoils_no_list(tmp_path: Path) -> None:
    source = tmp_path / "list.json"
    source.write_text('{"rate": 01, "currency": "EUR", "stones": ' + json.dumps(STONES) + "}")
    told = parameters_of({"source": str(source)})

    snapshot.make(source, tmp_path / "made", told, Mapper(told), most_bytes=10_000_000)

    census = snapshot.Snapshot(tmp_path / "made", 1, None).census()
    assert census.offered == len(STONES)
    assert len(census.outside) == 1


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("node.sku", "stock_number"),
        ("node.grading.color.grade", "color"),
        ("node.report.number", "certificate_number"),
        ("certificate.shape", "shape"),
        ("certificate.labgrown", "lab_grown"),
        ("certificate.measurements.length", "length"),
        ("attributes.treatment", "treatment"),
        ("status.sold", "off_market"),
        ("stone.price.total", "total_price"),
        ("certificate.id", "certificate_number"),
        ("certificate.price", None),
        ("certificate.status", None),
        ("certificate.image", "certificate_url"),
        ("certificate.location", None),
        ("seller.shape", None),
    ],
)
def test_objects_that_hold_columns_of_the_stone_are_passed_through(header: str, field: str | None) -> None:
    found = field_of(header)

    assert (found and found[0]) == field
