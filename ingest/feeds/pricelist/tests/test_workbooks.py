"""Workbooks: what their cells are worth, which sheet is the list, and what is refused before it hurts anybody."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import first_day
from ingest.drift import Counts
from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.formats import workbooks
from ingest.feeds.pricelist.formats.marks import sheet
from ingest.feeds.pricelist.tests.books import Cell, Sheet, ods, xlsx, zipped
from ingest.feeds.pricelist.tests.lists import STONE, adapter, mapped, put
from ingest.feeds.pricelist.tests.test_reading import read
from ingest.feeds.verdicts import SupplierAsks

HEADER = list(STONE)
ROW: list[Any] = ["A-1", "Round", 1.25, "G", "VS1", 5000]
XLS = Path(__file__).with_name("cases") / "stock.xls"


def numbered(count: int, first: int = 1) -> list[list[Any]]:
    """Rows of one carat."""
    return [[f"A-{number}", "Round", 1.0, "G", "VS1", 4000 + number] for number in range(first, first + count)]


def test_a_workbooks_rows_are_what_a_csv_of_its_sheet_would_have() -> None:
    (row,) = read(xlsx({"Stock": [HEADER, ROW]}))

    assert row == {**STONE, "Weight": "1.25", "Total Price": "5000"}


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (2140000074.0, "2140000074"),
        (0.1 + 0.2, "0.3"),
        (4516.74999999999996, "4516.75"),
        (0.000012, "0.000012"),
        (True, "TRUE"),
        (Cell(error="#REF!", formula="X1"), ""),
        (Cell(0.625, "0.0%"), "62.5%"),
        (Cell(-0.38, "0%;[Red]-0%"), "-38%"),
        (Cell(42, "00000000"), "00000042"),
        (Cell(45000, "yyyy\\-mm\\-dd"), "2023-03-15"),
        (Cell(1234.5, "_-[$€-2]\\ * #,##0.00"), "€ 1234.5"),
        (Cell(1234.5, '"Rs" #,##0'), "Rs 1234.5"),
        (Cell(1234.5, "[$$-409]#,##0.00"), "1234.5"),
        (Cell(1234.5, '"$"#,##0.00'), "1234.5"),
        (Cell(7, "0.00 \\%"), "7"),
        (Cell("12", formula='"1"&"2"'), "12"),
        (12345678901234567890, "1.23456789012346E+19"),
        ("  word for word, ½ \n", "  word for word, ½ \n"),
    ],
    ids=str,
)
def test_a_cell_is_written_as_it_is_shown(cell: Any, written: str) -> None:
    (row,) = read(xlsx({"Stock": [[*HEADER, "Comments"], [*ROW, cell]]}))

    assert row["Comments"] == written


def test_cells_of_a_workbook_are_cleaned_as_those_of_a_csv() -> None:
    header = [*HEADER, "Depth %", "Table %", "Cert #", "Lab"]
    cells = [2140000074.0, "RB", 1.25, "G", "VS1", 5000, Cell(0.625, "0.0%"), 58.0, 2140000075.0, "GIA"]
    (row,) = read(xlsx({"Stock": [header, cells]}))

    facts = mapped(row)

    assert (row["Stock #"], facts.certificate_number) == ("2140000074", "2140000075")
    assert (str(facts.depth_pct), str(facts.table_pct)) == ("62.50", "58.00")


def test_a_number_that_the_spreadsheet_has_rounded_is_no_stock_number(tmp_path: Path) -> None:
    rows = [[12345678901234567890 + number, *ROW[1:]] for number in range(3)]
    put(tmp_path, xlsx({"Stock": [HEADER, *rows]}))

    with pytest.raises(ListRefused, match="rounded by a spreadsheet"):
        adapter(tmp_path).server_time()


def test_prices_shown_in_another_currency_are_no_dollars(tmp_path: Path) -> None:
    rows = [[*row[:5], Cell(row[5], "[$€-407] #,##0")] for row in numbered(2)]
    read_rows = read(xlsx({"Stock": [HEADER, *rows]}))

    with pytest.raises(Exception, match="no amount of US dollars"):
        mapped(read_rows[0])


def test_titles_merged_above_the_header_are_no_rows() -> None:
    rows = [["Stock of the week"], [], HEADER, ROW, [], [*ROW[:0], "A-2", *ROW[1:]]]

    found = read(xlsx({"Stock": Sheet(rows, merged=["A1:F1"])}))

    assert [row["Stock #"] for row in found] == ["A-1", "A-2"]


def test_the_sheet_with_the_header_of_a_list_is_read_wherever_it_stands() -> None:
    book = xlsx(
        {
            "Terms": [["Payment within 30 days"], ["Prices in USD"]],
            "Diamonds": [HEADER, ROW],
            "Old": Sheet([HEADER, ["X-1", *ROW[1:]]], state="hidden"),
        }
    )

    assert [row["Stock #"] for row in read(book)] == ["A-1"]


def test_several_sheets_with_lists_are_asked_about() -> None:
    book = xlsx({"Natural": [HEADER, *numbered(2)], "Sold": [HEADER, *numbered(2, 7)], "Terms": [["none"]]})

    with pytest.raises(SupplierAsks) as asked:
        read(book)

    question = asked.value.verdict.question
    assert question is not None
    assert "'Natural', 'Sold'" in question.words
    assert [answer.parameters for answer in question.answers] == [
        {"sheet": "*"},
        {"sheet": "Natural"},
        {"sheet": "Sold"},
    ]


@pytest.mark.parametrize(
    ("sheet", "read_of_it"), [("*", ["A-1", "A-2", "A-7"]), ("Sold", ["A-7"]), (" natural", ["A-1", "A-2"])]
)
def test_the_feed_says_which_sheets_are_read(sheet: str, read_of_it: list[str]) -> None:
    book = xlsx({"Natural": [HEADER, *numbered(2)], "Sold": [["As of today"], HEADER, *numbered(1, 7)]})

    assert [row["Stock #"] for row in read(book, sheet=sheet)] == read_of_it


def test_sheets_of_different_columns_are_read_together_without_losing_any() -> None:
    book = xlsx({"White": [HEADER, ROW], "Fancy": [["Stock #", "Carat", "Price/Ct"], ["F-1", 2, 9000]]})

    white, fancy = read(book, sheet="*")

    assert (white["Total Price"], white["Price/Ct"]) == ("5000", "")
    assert (fancy["Carat"], fancy["Price/Ct"], fancy["Total Price"]) == ("2", "9000", "")


def test_a_sheet_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ListRefused, match="no sheet 'Stok'; it has 'Stock'"):
        read(xlsx({"Stock": [HEADER, ROW]}), sheet="Stok")


def test_old_workbooks_and_open_documents_are_read() -> None:
    of_xls = read(XLS.read_bytes())
    (of_ods,) = read(ods([[*HEADER, "Depth %"], [*ROW, Cell(0.625, "0.0%")]]))

    assert [(row["Stock #"], row["Weight"], row["Cert #"]) for row in of_xls] == [
        ("A-1", "1.01", "2140000074"),
        ("A-2", "1.5", "2140000075"),
    ]
    assert (of_ods["Weight"], of_ods["Total Price"]) == ("1.25", "5000")
    assert str(mapped(of_ods).depth_pct) == "62.50"


def test_a_wrong_extension_and_packing_change_nothing(tmp_path: Path) -> None:
    book = xlsx({"Stock": [HEADER, ROW]})
    put(tmp_path, book, "list.csv")

    assert read(gzip.compress(book)) == read(book)
    assert "XLSX, sheet 'Stock', with 6 columns" in adapter(tmp_path).try_sign_in(10)


def test_macros_are_not_run_and_values_are_read() -> None:
    (row,) = read(xlsx({"Stock": [HEADER, ROW]}, xl__vbaProject_bin=b"macro"))

    assert row["Stock #"] == "A-1"


def test_a_sum_without_its_value_below_a_list_does_no_harm() -> None:
    total = ["", "", Cell(formula="SUM(C2:C4)"), "", "", Cell(formula="SUM(F2:F4)")]

    assert len(read(xlsx({"Stock": [HEADER, *numbered(3), total]}))) == 3


def sparse() -> bytes:
    """A workbook of two cells that are as far from each other as can be: held as a table it has 17 thousand million."""
    book = xlsx({"Stock": [HEADER, ROW]})
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(
        b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    return zipped(parts)


def repeated(of: bytes, size: int) -> bytes:
    """A workbook with a part of nothing but one byte, packed to a thousandth."""
    with zipfile.ZipFile(io.BytesIO(of)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**parts, "xl/sharedStrings.xml": b" " * size})


def lying() -> bytes:
    """A workbook whose directory says that a part is smaller than it is."""
    book = bytearray(xlsx({"Stock": [HEADER, *numbered(2000)]}))
    at = book.rindex(b"PK\x01\x02", 0, book.rindex(b"xl/worksheets/sheet1.xml"))
    book[at + 24 : at + 28] = (100).to_bytes(4, "little")
    return bytes(book)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (xlsx({"Stock": [HEADER, *numbered(40)]})[:-200], "damaged"),
        (xlsx({"Stock": [HEADER, *numbered(40)]})[:500], "damaged"),
        (b"PK\x03\x04" + b"x" * 5000, "damaged"),
        (XLS.read_bytes()[:3000], "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
        (
            xlsx({"Stock": [HEADER, *([*row[:5], Cell(formula="C2*10")] for row in numbered(3))]}),
            "without their values",
        ),
        (xlsx({"Stock": [[*HEADER, *(f"c{at}" for at in range(20_000 - 6))], ROW]}), "columns"),
        (xlsx({"Stock": [[*HEADER, "Comments"], [*ROW, "x" * 10_000_000]]}), "131,072 characters"),
        (xlsx({"Stock": []}), "empty"),
        (xlsx({"Stock": [["Stock #", "Shape"], ["A-1", "Round"]]}), "no price column"),
        (xlsx({"Stock": [["one", "two"], ["A-1", "Round"]]}), "no header that we know"),
        (repeated(xlsx({"Stock": [HEADER, ROW]}), 200_000_000), "times as large"),
        (sparse(), "send the list as CSV"),
        (lying(), "damaged"),
    ],
    ids=[
        *("end cut off", "cut in the middle", "no archive", "old one cut off", "old one of zeros", "locked"),
        *("formulas only", "20,000 columns", "cell of 10 MB", "empty", "no price", "unknown header"),
        *("bomb", "sparse", "lying"),
    ],
)
def test_a_bad_workbook_is_one_clear_line_and_nothing_is_kept(tmp_path: Path, content: bytes, says: str) -> None:
    put(tmp_path, content)

    with pytest.raises(ListRefused) as refused:
        adapter(tmp_path).server_time()

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 2_500
    assert [path.name for path in (tmp_path / "spool").iterdir() if path.suffix != ".lock"] == []


def test_a_workbook_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MAX_BYTES", 1_000)

    with pytest.raises(ListRefused, match="at most 1,000 are read: send the list as CSV"):
        read(xlsx({"Stock": [HEADER, *numbered(500)]}))


def test_what_a_number_format_adds_is_known_of_all_that_are_built_in() -> None:
    forms = {code: sheet.form_of(code) for code in ("General", "0", "0.00", "#,##0", "0%", "0.00E+00", "@")}

    assert {code for code, form in forms.items() if form} == {"0%"}


def test_a_percentage_that_is_written_as_a_fraction_is_read_as_it_was_shown() -> None:
    facts = mapped({**STONE, "Depth %": "0.625", "Table %": "0.58"})

    assert (str(facts.depth_pct), str(facts.table_pct)) == ("62.50", "58.00")


def counted(folder: Path, book: bytes) -> tuple[list[str], dict[str, int], list[str]]:
    """Stock numbers on sale, rows left out, and why a first run would wait."""
    put(folder, book)
    reader = adapter(folder)
    window = reader.server_time()
    census = reader.census(window)
    items = reader.page(StoneQuery(window_to=window), 0, 500).items
    faults = first_day.judge(census, Counts(), received=census.offered)
    return [reader.identify(item).offer_id for item in items], census.left_out, [fault.words for fault in faults]


def test_rows_that_are_hidden_are_not_read_but_counted_and_asked_about(tmp_path: Path) -> None:
    rows = [["Our stock"], ["technical"], HEADER, *numbered(5), [], []]

    offered, left_out, faults = counted(tmp_path, xlsx({"Stock": Sheet(rows, hidden=[2, 5, 7, 9, 10])}))

    # The rows above the header and the blank ones are no stones.
    assert (offered, left_out) == (["A-1", "A-3", "A-5"], {"hidden": 2})
    assert any(fault.startswith("2 rows are hidden in the workbook") for fault in faults)


def test_hidden_rows_of_all_sheets_that_are_read_are_counted(tmp_path: Path) -> None:
    book = xlsx(
        {
            "Round": Sheet([HEADER, *numbered(3)], hidden=[3]),
            "Fancy": Sheet([["Fancy"], HEADER, *numbered(3, 7)], hidden=[4, 5]),
            "Terms": Sheet([["none"], ["paid"]], hidden=[2]),
        }
    )
    put(tmp_path, book)
    reader = adapter(tmp_path, sheet="*")

    census = reader.census(reader.server_time())

    assert (census.offered, census.rows, census.left_out) == (3, 6, {"hidden": 3})


def test_a_workbook_that_hides_nothing_leaves_nothing_out(tmp_path: Path) -> None:
    offered, left_out, faults = counted(tmp_path, xlsx({"Stock": [HEADER, *numbered(3)]}))

    assert (offered, left_out, faults) == (["A-1", "A-2", "A-3"], {}, [])


@settings(max_examples=10, deadline=None)
@given(st.sets(st.integers(2, 41)))
def test_any_rows_that_are_hidden_are_the_ones_left_out(hidden: set[int]) -> None:
    # Cells so long that rows begin in one piece of what is read and end in the next.
    rows = [[*row[:5], row[5], "x" * 60_000] for row in numbered(40)]

    shown = read(xlsx({"Stock": Sheet([[*HEADER, "Remark"], *rows], hidden=hidden)}))

    assert [row["Stock #"] for row in shown] == [f"A-{number - 1}" for number in range(2, 42) if number not in hidden]


@pytest.mark.parametrize(
    "form", ['"A$"#,##0', '"C$"#,##0.00', '"HK$"#,##0', "\\S\\$#,##0", "[$NZ$-1409]#,##0", '"CA$" 0']
)
def test_other_dollars_are_no_us_dollars(form: str) -> None:
    assert sheet.form_of(form).endswith("$")


@pytest.mark.parametrize("form", ['"$"#,##0', '"US$"#,##0', "[$$-409]#,##0.00", "[$USD] #,##0", "$#,##0.00", "#,##0"])
def test_us_dollars_are_shown_plain(form: str) -> None:
    assert sheet.form_of(form) == ""


@pytest.mark.parametrize("amount", [9000, "$9,000", "USD 9000"])
def test_one_price_of_several_rows_is_none_of_each(amount: Any) -> None:
    rows = [["A-1", "Round", 1.0, "G", "VS1", amount], ["A-2", "Round", 1.0, "G", "VS1", None], ROW]

    first, second, third = read(xlsx({"Stock": Sheet([HEADER, *rows], merged=["F2:F3"])}))

    for row in (first, second):
        with pytest.raises(MappingError, match="no amount of US dollars"):
            mapped(row)
    assert mapped(third).cost_cents == 500_000


def test_a_word_that_is_merged_downwards_holds_for_all_of_its_rows() -> None:
    rows: list[list[Any]] = [
        [f"A-{number}", shape, 1.0, "G", "VS1", 5000] for number, shape in enumerate(["Pear", None, None, "Oval"])
    ]

    found = read(xlsx({"Stock": Sheet([["Stock of the week"], HEADER, *rows], merged=["B3:B5", "A1:F1"])}))

    assert [mapped(row).shape for row in found] == ["PEAR", "PEAR", "PEAR", "OVAL"]


def test_a_header_of_two_rows_that_is_merged_is_no_row() -> None:
    blank = [None] * len(HEADER)
    merged = [f"{column}1:{column}2" for column in "ABCDEF"]

    found = read(xlsx({"Stock": Sheet([HEADER, blank, ROW], merged=merged)}))

    assert [row["Stock #"] for row in found] == ["A-1"]
