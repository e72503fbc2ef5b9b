"""Lists as JSON: lines, arrays, arrays within objects, and what is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.tests.lists import STONE, adapter, mapped, put, stones
from ingest.feeds.pricelist.tests.test_reading import read

STONES = stones(3)
LINES = "\n".join(map(json.dumps, STONES))


@pytest.mark.parametrize(
    "content",
    [
        LINES,
        LINES.replace("\n", "\r\n\r\n") + "\n",
        json.dumps(STONES),
        json.dumps(STONES, indent=2),
        json.dumps({"data": STONES}),
        json.dumps({"status": "ok", "data": {"total": 3, "errors": [], "items": STONES}, "next": None}, indent=1),
        "\ufeff" + json.dumps(STONES),
        json.dumps(STONES).encode("utf-16"),
        gzip.compress(LINES.encode()),
    ],
    ids=["lines", "lines apart", "array", "indented", "in data", "deep", "with a mark", "utf-16", "gzip"],
)
def test_json_lists_are_read_as_csv_lists_are(content: bytes | str) -> None:
    assert read(content) == STONES


def test_a_single_stone_is_a_list_of_one() -> None:
    assert read(json.dumps({**STONE, "images": ["a", "b"]})) == [{**STONE, "images": "a, b"}]


def test_what_lies_within_a_stone_is_named_by_its_path_and_values_become_text() -> None:
    stone: dict[str, Any] = {
        "stock_number": 2140000074.0,
        "price_per_carat": 1234.50,
        "weight": 1,
        "certificate": {"lab": "GIA", "number": 2140000075, "measures": {"length": 6.4}},
        "eye_clean": True,
        "comments": None,
    }

    (row,) = read(json.dumps([stone]))

    assert row == {
        "stock_number": "2140000074.0",
        "price_per_carat": "1234.5",
        "weight": "1",
        "certificate.lab": "GIA",
        "certificate.number": "2140000075",
        "certificate.measures.length": "6.4",
        "eye_clean": "true",
        "comments": "",
    }
    assert mapped(row, columns={"certificate.number": "certificate_number"}).certificate_number == "2140000075"


def test_stones_may_have_different_fields_and_null_ones() -> None:
    first, second = read(json.dumps([{**STONE, "Lab": None}, {**STONE, "Stock #": "A-2", "Cert #": 5}, {}]))

    assert (first["Lab"], first["Cert #"], second["Cert #"], second["Lab"]) == ("", "", "5", "")


def test_the_beginning_of_a_json_list_tells_whether_it_can_be_read(tmp_path: Path) -> None:
    many = [{**stone, "Comments": "x" * 500} for stone in stones(2000)]
    for content in (json.dumps(many), "\n".join(map(json.dumps, many)), json.dumps({"rows": many})):
        put(tmp_path, content)

        assert "JSON" in adapter(tmp_path).try_sign_in(10)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "without an array of objects"),
        ("{}", "empty"),
        ('{"error": "token expired"}', "its row 1 reads: 'error'"),
        ('{"errors": [{"message": "no"}], "data": null}', "no header that we know"),
        (json.dumps({"natural": STONES, "labgrown": STONES}), "2 arrays of objects, 'natural', 'labgrown'"),
        (json.dumps([*STONES, 7]), "entries that are no objects"),
        (json.dumps([[1, 2], [3, 4]]), "without an array of objects"),
        (json.dumps(STONES)[:-30], "damaged JSON"),
        (LINES + "\n{broken", "damaged JSON at line 4"),
        (json.dumps([{**STONE, **{f"c{number}": 1 for number in range(20_000)}}]), "columns; at most 500"),
        (json.dumps([{**STONE, "Comments": "x" * 10_000_000}]), "131,072 characters"),
        (json.dumps([{**STONE, "Comments": "x" * 40_000_000}]), "more than 16 MB"),
        (json.dumps({**STONE, "Comments": "x" * 40_000_000}), "more than 16 MB"),
        (LINES + "\n" + json.dumps({**STONE, "Comments": "x" * 40_000_000}), "more than 16 MB"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
        (json.dumps([{**STONE, "Weight": 0}]).replace('"Weight": 0', '"Weight": ' + "9" * 9_000), "JSON"),
        (json.dumps([{"Stock #": "A-1"}]), "no price column"),
        ('[{"Stock #": "A-1", "Price": 1e999999}]', "Number out of range"),
    ],
    ids=range(19),
)
def test_a_bad_json_list_is_one_clear_line(content: str, says: str) -> None:
    with pytest.raises(ListRefused) as refused:
        read(content, most_bytes=100_000_000)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_numbers_are_written_out() -> None:
    (row,) = read('[{"Stock #": "A-1", "Price": 1.5E3, "Weight": 1E-7}]')

    assert (row["Price"], row["Weight"]) == ("1500.0", "0.0000001")
