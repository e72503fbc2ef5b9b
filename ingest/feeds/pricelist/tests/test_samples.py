"""Lists as public documents and importers show them, with every field of every row as a dealer reads it.

Each list is `samples/<name>.csv`, made up after the facts of its source; `samples/<name>.json` says where these are from,
the feed's parameters, and by stock number the fields that have a value, or the words of the letter of a row that nobody
may sell.
"""

from __future__ import annotations

import json
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.grades import (
    Bowtie,
    Clarity,
    Color,
    CuletSize,
    FancyIntensity,
    Fluorescence,
    GirdleThickness,
    LabFinish,
)
from catalog.rows import StoneFacts
from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.adapter import PricelistAdapter
from ingest.feeds.pricelist.tests.lists import adapter, put
from ingest.feeds.verdicts import SupplierAsks

SAMPLES = Path(__file__).parent / "samples"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))
SCALES: dict[str, type[IntEnum]] = {
    "color": Color,
    "clarity": Clarity,
    "cut": LabFinish,
    "polish": LabFinish,
    "symmetry": LabFinish,
    "fluorescence_intensity": Fluorescence,
    "fancy_intensity": FancyIntensity,
    "culet_size": CuletSize,
    "girdle_from": GirdleThickness,
    "girdle_to": GirdleThickness,
    "bowtie": Bowtie,
}


def written(facts: StoneFacts) -> dict[str, Any]:
    """The fields of a stone that have a value, as a sample writes them."""
    said = {name: value for name, value in msgspec.structs.asdict(facts).items() if value not in (None, "", [])}
    for name, scale in SCALES.items():
        if name in said:
            said[name] = scale(said[name]).name
    return {name: value if isinstance(value, bool | int | list) else str(value) for name, value in said.items()}


def reader_of(name: str, folder: Path, parameters: dict[str, Any]) -> PricelistAdapter:
    put(folder, (SAMPLES / f"{name}.csv").read_bytes())
    return adapter(folder, **parameters)


def read_whole(reader: PricelistAdapter) -> list[bytes]:
    query = StoneQuery(window_to=reader.server_time(), available_only=False)
    return list(reader.page(query, 0, 1_000).items)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_a_public_sample_is_read_as_a_dealer_reads_it(name: str, tmp_path: Path) -> None:
    sample = json.loads((SAMPLES / f"{name}.json").read_text())
    reader = reader_of(name, tmp_path, sample["parameters"])

    items = read_whole(reader)

    read: dict[str, Any] = {}
    for item in items:
        number = reader.identify(item).supplier_stone_id
        try:
            read[number] = written(reader.to_diamond(item))
        except MappingError as error:
            read[number] = str(error)
    stones, letters = sample["stones"], sample["letters"]
    assert read.keys() == stones.keys() | letters.keys()
    assert {number: read[number] for number in stones} == stones
    for number, words in letters.items():
        assert words in str(read[number]), number


@pytest.mark.parametrize("name", [name for name in NAMES if json.loads((SAMPLES / f"{name}.json").read_text())["asks"]])
def test_a_sample_whose_rows_do_not_prove_what_its_price_means_is_asked_about(name: str, tmp_path: Path) -> None:
    reader = reader_of(name, tmp_path, {})

    with pytest.raises(SupplierAsks):
        read_whole(reader)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_no_header_or_word_that_nobody_knows(name: str, tmp_path: Path) -> None:
    sample = json.loads((SAMPLES / f"{name}.json").read_text())
    reader = reader_of(name, tmp_path, sample["parameters"])

    looks = [reader.look(item) for item in read_whole(reader)]

    assert {field for look in looks for field in look.unknown_fields} == set()
    told = {word for look in looks for word in look.not_understood if word[0] != "length_mm"}
    assert told == {tuple(word) for word in sample.get("told", [])}
