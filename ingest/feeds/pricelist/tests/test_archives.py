"""ZIP archives: the one list among whatever else is packed with it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.tests.books import xlsx, zipped
from ingest.feeds.pricelist.tests.lists import STONE, adapter, put, stones, text
from ingest.feeds.pricelist.tests.test_reading import read
from ingest.feeds.verdicts import SupplierAsks

STONES = stones(3)
CSV = text(STONES).encode()
OTHERS = {
    "README.txt": b"Prices in US dollars.\nPayment within 30 days.\n",
    "images/A-1.jpg": b"\xff\xd8\xff\xe0" + bytes(200),
    "terms.pdf": b"%PDF-1.7 " + bytes(200),
    "__MACOSX/._stock.csv": CSV,
    ".DS_Store": b"\0\0\0\1Bud1",
    "empty.csv": b"",
}


@pytest.mark.parametrize(
    "listed",
    [
        CSV,
        gzip.compress(CSV),
        json.dumps(STONES).encode(),
        xlsx({"S": [list(STONE), *(list(s.values()) for s in STONES)]}),
    ],
    ids=["CSV", "CSV in gzip", "JSON", "XLSX"],
)
def test_the_one_list_of_an_archive_is_read_whatever_else_is_in_it(listed: bytes) -> None:
    assert read(zipped({**OTHERS, "stock/today.dat": listed})) == STONES


def test_an_archive_is_known_by_its_bytes(tmp_path: Path) -> None:
    put(tmp_path, zipped({"stock.csv": CSV}), "list.csv")

    assert "CSV in utf-8, 'stock.csv' of an archive" in adapter(tmp_path).try_sign_in(10)


def test_two_lists_are_asked_about_and_the_feed_says_which(tmp_path: Path) -> None:
    packed = zipped({**OTHERS, "natural.csv": CSV, "sold.csv": text(stones(1, first=9)).encode()})

    with pytest.raises(SupplierAsks) as asked:
        read(packed)

    question = asked.value.verdict.question
    assert question is not None
    assert "'natural.csv', 'sold.csv'" in question.words
    assert [answer.parameters for answer in question.answers] == [{"member": "natural.csv"}, {"member": "sold.csv"}]
    assert [row["Stock #"] for row in read(packed, member="sold.csv")] == ["A-9"]


def bomb() -> bytes:
    """An archive of a list that is a thousand times as large when it is unpacked."""
    return zipped({"stock.csv": CSV + b"A-9,Round,1.00,G,VS1,500\r\n" * 8_000_000})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped({}), "holds no price list; it has no files"),
        (zipped(OTHERS), "README.txt"),
        (zipped({"stock.csv": b"Stock #,Shape\nA-1,Round\n"}), "no price column among: 'Stock #', 'Shape'"),
        (zipped({"a.csv": b"one,two\n1,2\n", "b.csv": b"three,four\n3,4\n"}), "none can be read as a price list"),
        (zipped({"inner.zip": zipped({"stock.csv": CSV})}), "an archive within an archive"),
        (zipped({"stock.csv": CSV})[:-40], "damaged ZIP archive"),
        (zipped({"stock.csv": CSV * 50})[:100], "damaged ZIP archive"),
        (zipped({"stock.csv": CSV * 50}).replace(b"\x08\x00", b"\x63\x00"), "cannot be unpacked"),
        (bomb(), "times as large"),
        (zipped({f"{number}.txt": b"x" for number in range(2_001)}), "2,001 files; at most 2,000"),
        (zipped({f"{number}.txt": b"x" for number in range(30)}), "more than 20 files that may be lists"),
    ],
    ids=range(11),
)
def test_a_bad_archive_is_one_clear_line_and_nothing_is_kept(tmp_path: Path, content: bytes, says: str) -> None:
    put(tmp_path, content)

    with pytest.raises(ListRefused) as refused:
        read(content, most_bytes=1_000_000_000)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_unpacked_is_bounded_by_what_it_says_and_by_what_it_is(tmp_path: Path) -> None:
    content = bytearray(zipped({"stock.csv": CSV + b"A-9,Round,1.00,G,VS1,500\r\n" * 200_000}))

    with pytest.raises(ListRefused, match="at most 1,000,000 are unpacked"):
        read(bytes(content), most_bytes=1_000_000)
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = (500).to_bytes(4, "little")
    with pytest.raises(ListRefused, match="damaged archive"):
        read(bytes(content), most_bytes=1_000_000)


def test_a_member_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ListRefused, match=r"no file 'stok\.csv'; it has 'stock\.csv'"):
        read(zipped({"stock.csv": CSV}), member="stok.csv")
