"""Price lists in every form in which people send them, and what is no price list."""

from __future__ import annotations

import codecs
import csv
import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.feeds.pricelist import reading
from ingest.feeds.pricelist.errors import ColumnsMissing, ListRefused
from ingest.feeds.pricelist.parameters import DELIMITERS, parameters_of
from ingest.feeds.pricelist.reading import examine
from ingest.feeds.pricelist.tests.lists import STONE, stone, stones, text

#: Bytes by encoding; what the list is written in must be found out.
ENCODERS = {
    "utf-8": lambda written: written.encode(),
    "utf-8 with a mark": lambda written: codecs.BOM_UTF8 + written.encode(),
    "utf-16": lambda written: written.encode("utf-16"),
    "windows-1252": lambda written: written.encode("cp1252"),
}
# A cell's text is as wild as it may be.
_cells = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]) | st.sampled_from('",;|\t\n\r'), max_size=12
)


def read(content: bytes | str, *, most_bytes: int = 50_000_000, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a list."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        layout = reading.examine(path, parameters_of({"source": "x", **parameters}), most_bytes=most_bytes)
        return [row.cells for row in reading.rows(path, layout)]


@settings(max_examples=150, deadline=None)
@given(
    comments=st.lists(_cells, min_size=1, max_size=8),
    delimiter=st.sampled_from(DELIMITERS),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    encoder=st.sampled_from(sorted(ENCODERS)),
    packed=st.booleans(),
    title=st.booleans(),
)
def test_any_delimiter_encoding_and_quoting_comes_back_word_for_word(
    comments: list[str], delimiter: str, quoting: int, encoder: str, packed: bool, title: bool
) -> None:
    # In Windows-1252 no UTF-8 has these two side by side: that is what tells one from the other.
    rows = [stone(Comments=f"é {comment}") for comment in comments]
    written = text(rows, delimiter=delimiter, quoting=quoting)
    content = ENCODERS[encoder](f"Stock of the week\r\n\r\n{written}" if title else written)

    found = read(gzip.compress(content) if packed else content)

    assert found == rows


def test_rows_that_end_early_or_are_blank_lose_nothing() -> None:
    lines = ["Stock #,Weight,Total Price,Comments", "", "A-1,1.00,500", ",,,", "A-2,1.10,600,nice,,", "\r"]

    found = read("\r".join(lines))

    assert [row["Stock #"] for row in found] == ["A-1", "A-2"]
    assert found[0]["Comments"] == ""


def test_cells_without_a_header_are_kept_apart() -> None:
    (row,) = read("Stock #,Weight,Price\nA-1,1.00,12,345\n")

    assert row == {"Stock #": "A-1", "Weight": "1.00", "Price": "12", reading.BEYOND: ["345"]}


@pytest.mark.parametrize(
    "wide",
    [
        ",".join([*STONE, *(f"c{number}" for number in range(30_000))]) + "\n" + ",".join(map(str, STONE.values())),
        text([STONE]).rstrip("\r\n") + "," * 600 + "x\n",
    ],
    ids=["header", "row"],
)
def test_a_list_of_very_many_columns_is_refused_before_it_is_kept(wide: str) -> None:
    with pytest.raises(ListRefused, match="columns; at most 500"):
        read(wide)


def test_headers_of_one_name_and_of_none_are_told_apart() -> None:
    (row,) = read("Stock #,Price,Comment,,Comment\nA-1,500,a,b,c\n")

    assert row == {"Stock #": "A-1", "Price": "500", "Comment": "a", "column 4": "b", "Comment (2)": "c"}


def test_the_feed_may_say_what_no_header_does() -> None:
    (row,) = read("Artikel;Preis\nA-1;500\n", columns={"Artikel": "stock_number", "Preis": "price"}, delimiter=";")

    assert row == {"Artikel": "A-1", "Preis": "500"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (bytes(range(256)) * 20, "binary"),
        (b"PK\x03\x04" + b"x" * 100, "damaged ZIP archive"),
        (gzip.compress(text([STONE] * 50).encode())[:-20], "damaged gzip"),
        (b"<!DOCTYPE html><html>Not found</html>", "HTML"),
        (b"<table><tr><td>Stock #</td></tr></table>", "saved as XLSX or CSV in a spreadsheet program"),
        (b"one two three\nfour five six\n", "no header that we know"),
        (b"Stock #,Shape,Weight\nA-1,Round,1.00\n", "no price column among: 'Stock #', 'Shape', 'Weight'"),
        (b"Shape,Weight,Price\nRound,1.00,500\n", "no stock number column"),
        (b"Stock #,Weight,Price (EUR)\nA-1,1.00,500\n", "no price in US dollars: 'Price (EUR)'"),
        (text([stone(Comments="x" * 10_000_000)]).encode(), "more than 131,072 characters"),
        (text(stones(100)).encode() + b'A-101,"Round,1.00,G\nA-102,Round,1.00\n', "quotation mark is not closed"),
        (text(stones(100)).encode() + b'A-101,"Rou"nd",1.00\n', "line 102"),
        (text(stones(100)).encode() + b"x" * (17 << 20), "a line of more than 16 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_price_list_is_refused_in_one_line(content: bytes, says: str) -> None:
    with pytest.raises(ListRefused) as refused:
        read(content)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 2_500


def test_a_list_is_bounded_after_it_is_unpacked() -> None:
    bomb = gzip.compress((text([STONE]) + "A-2,Round,1.00,G,VS1,500\r\n" * 200_000).encode())

    with pytest.raises(ListRefused, match="more than 1,000,000 bytes"):
        read(bomb, most_bytes=1_000_000)


def test_a_list_that_is_not_in_the_encoding_of_the_feed_is_refused() -> None:
    with pytest.raises(ListRefused, match="is not utf-8"):
        read(text([stone(Comments="é")]).encode("latin-1"), encoding="utf-8")


def test_a_list_of_which_no_header_is_known_is_divided_by_what_makes_even_rows(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_text("Numéro X;Poids X;Prix X\n" + "".join(f"A{n};0,{n + 30};1 {n}00,50\n" for n in range(9)))

    with pytest.raises(ColumnsMissing) as missing:
        examine(source, parameters_of({"source": "x"}), most_bytes=1_000_000)

    assert missing.value.layout.headers == ("Numéro X", "Poids X", "Prix X")
