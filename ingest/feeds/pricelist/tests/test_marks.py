"""What a workbook shows of its cells beyond their values, in whichever form: hidden rows, struck out ones, currencies."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.formats.marks import xls as of_xls
from ingest.feeds.pricelist.formats.marks.sheet import Damaged
from ingest.feeds.pricelist.tests.books import Cell, Sheet, ods, xlsx, zipped
from ingest.feeds.pricelist.tests.books_of_records import xls, xlsb
from ingest.feeds.pricelist.tests.lists import mapped
from ingest.feeds.pricelist.tests.test_reading import read
from ingest.feeds.pricelist.tests.test_workbooks import HEADER, counted, numbered

Book = Callable[[Sequence[Sequence[Any]], Collection[int]], bytes]


def in_xlsx(rows: Sequence[Sequence[Any]], hidden: Collection[int] = ()) -> bytes:
    return xlsx({"Stock": Sheet(rows, hidden=hidden)})


FORMS: list[Book] = [in_xlsx, xlsb, xls, ods]


def struck(row: Sequence[Any], columns: Collection[int] = range(20)) -> list[Any]:
    return [Cell(cell, struck=True) if column in columns else cell for column, cell in enumerate(row)]


@pytest.mark.parametrize("book", FORMS)
def test_rows_that_a_workbook_hides_are_left_out_and_asked_about(tmp_path: Path, book: Book) -> None:
    offered, left_out, faults = counted(tmp_path, book([["Our stock"], HEADER, *numbered(5)], [1, 4, 6]))

    assert (offered, left_out) == (["A-1", "A-3", "A-5"], {"hidden": 2})
    assert any(fault.startswith("2 rows are hidden in the workbook") for fault in faults)


@pytest.mark.parametrize("book", FORMS)
def test_rows_that_are_struck_out_are_left_out_and_asked_about(tmp_path: Path, book: Book) -> None:
    first, second, third, fourth, fifth = numbered(5)

    # A dealer may strike out the number of a sold stone alone.
    rows = [struck(["Old stock"]), HEADER, first, struck(second), third, struck(fourth, [0]), fifth]
    offered, left_out, faults = counted(tmp_path, book(rows, []))

    assert (offered, left_out) == (["A-1", "A-3", "A-5"], {"struck": 2})
    assert faults == [
        "2 rows are struck out in the workbook and not read, as those of sold stones are: are they for sale?"
    ]


@pytest.mark.parametrize("book", FORMS)
def test_a_row_is_counted_once_if_it_is_hidden_and_struck_out(tmp_path: Path, book: Book) -> None:
    first, second, third = numbered(3)

    assert counted(tmp_path, book([HEADER, first, struck(second), third], [3]))[:2] == (["A-1", "A-3"], {"hidden": 1})


@pytest.mark.parametrize("book", FORMS)
def test_prices_that_are_struck_out_on_all_rows_are_no_struck_out_stones(tmp_path: Path, book: Book) -> None:
    rows = [struck([*row, row[5] + 100], [6]) for row in numbered(6)]

    offered, left_out, _ = counted(tmp_path, book([[*HEADER, "Old Price"], *rows], []))

    assert (len(offered), left_out) == (6, {})


@pytest.mark.parametrize("book", FORMS)
def test_a_list_of_which_most_rows_are_struck_out_leaves_them_out(tmp_path: Path, book: Book) -> None:
    rows = [row if number < 2 else struck(row) for number, row in enumerate(numbered(9))]

    assert counted(tmp_path, book([HEADER, *rows], []))[:2] == (["A-1", "A-2"], {"struck": 7})


def test_words_that_are_struck_out_within_a_cell_are_struck_out() -> None:
    words = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>A-9</t></si><si><r><rPr><strike/>'
        "</rPr><t>A-1</t></r></si><si><r><rPr><strike/></rPr><t>old</t></r><r><t>A-2</t></r></si></sst>"
    )
    book = in_xlsx([HEADER, *numbered(3)])
    rows = read(_with_words(book, words, {2: 1, 3: 2, 4: 0}))

    assert [row["Stock #"] for row in rows] == ["oldA-2", "A-9"]


def _with_words(book: bytes, words: str, numbers: dict[int, int]) -> bytes:
    """A workbook whose first cells of some rows are words by their numbers."""
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        written = {name: parts.read(name) for name in parts.namelist()}
    sheet = written["xl/worksheets/sheet1.xml"].decode()
    for row, number in numbers.items():
        sheet = re.sub(rf'<c r="A{row}".*?</c>', f'<c r="A{row}" t="s"><v>{number}</v></c>', sheet)
    related = written["xl/_rels/workbook.xml.rels"].decode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    added = f'<Relationship Id="rId98" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    return zipped(
        {
            **written,
            "xl/worksheets/sheet1.xml": sheet.encode(),
            "xl/sharedStrings.xml": words.encode(),
            "xl/_rels/workbook.xml.rels": related.replace("</Relationships>", added).encode(),
        }
    )


@pytest.mark.parametrize(
    ("book", "form"), [(in_xlsx, "[$€-407] #,##0"), (xlsb, "[$€-407] #,##0"), (xls, '#,##0 "EUR"'), (ods, "EUR")]
)
def test_a_price_that_is_shown_in_another_currency_is_no_price_in_dollars(book: Book, form: str) -> None:
    rows = [[*row[:5], Cell(row[5], form)] for row in numbered(2)]

    for row in read(book([HEADER, *rows], [])):
        with pytest.raises(MappingError, match="is no amount of US dollars"):
            mapped(row)


@pytest.mark.parametrize("book", FORMS)
def test_a_percentage_is_read_as_it_is_shown(book: Book) -> None:
    rows = [[*row, Cell(0.625, "0.0%")] for row in numbered(1)]

    assert [row["Depth %"] for row in read(book([[*HEADER, "Depth %"], *rows], []))] == ["62.5%"]


def test_a_workbook_of_which_an_end_is_cut_off_is_damaged_and_nothing_else() -> None:
    book = xls([HEADER, *numbered(30)], [3])

    for length in range(len(book) - 1, 0, -97):
        try:
            of_xls.read(book[:length])
        except Damaged:
            continue
