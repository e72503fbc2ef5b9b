"""The program that reads a workbook: a process of its own, bounded in memory and time, that writes rows of text.

    python -m ingest.feeds.pricelist.formats.workbook_program {heads|rows|left-out} FILE BYTES_OF_MEMORY SECONDS [SHEET …]

A workbook has to be held whole to be read, and what its packed bytes become is not known before. So whoever reads one does
it here: a bomb ends this process and not a worker. Of the project only `marks` is imported, and no macro or formula is run.
`heads` writes one line a sheet with its first rows, `rows` one line a row, `[number, [cell, …]]`, and `left-out` one line a
sheet with the numbers of its filled rows that are hidden and of those that are struck out, which `rows` leaves out; the
last line is `"end"`.
What is wrong is one line, `{"refused": why}`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import resource
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ingest.feeds.pricelist.formats.marks import ods, xls, xlsb, xlsx
from ingest.feeds.pricelist.formats.marks.sheet import PERCENT, Damaged, Marks

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

#: First rows of a sheet that are shown.
HEAD_ROWS = 30
#: Longest cell (characters).
MAX_CELL = 131_072
#: Whole numbers have 15 digits in a spreadsheet; of longer ones the rest is lost.
_DIGITS = 10**15
#: Why rows are left out.
HIDDEN, STRUCK = "hidden", "struck"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Rows of one merged cell, and rows with such ones, that are looked at.
MAX_MERGED = 100_000
#: What makes a cell a word; units and currencies are none.
_WORD = re.compile(r"(?!(?:USD|US|CTS?|MM|CARATS?)\b)\b[A-Z]{2,}|[A-Z]\d", re.IGNORECASE)


class Refused(Exception):
    """Why the workbook is not read, as one line."""


def text_of(value: object, form: str = "") -> str:
    """A cell as a person sees it, and as a CSV file of the sheet would have it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, form)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return "" if value is None else str(value)


def _number(value: float, form: str) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if form == PERCENT:
        return f"{_plain(value * 100)}%"
    written = _plain(value)
    if form.startswith("0"):
        return written.zfill(len(form)) if written.isdigit() else written
    return f"{form} {written}" if form else written


def _plain(value: float) -> str:
    if abs(value) >= _DIGITS:
        return f"{value:.14E}"
    if value == int(value):
        return str(int(value))
    written = f"{value:.15g}"
    return written if "e" not in written else f"{value:.20f}".rstrip("0")


class Workbook:
    """One workbook, whatever it is written in."""

    def __init__(self, path: str) -> None:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError

        self._path = path
        try:
            self._book = CalamineWorkbook.from_path(path)
        except PasswordError:
            raise Refused("the workbook is locked by a password: send it without one") from None
        except (CalamineError, OSError, ValueError) as error:
            raise Refused(f"the workbook is damaged: {_said(error)}") from None
        self._error = CalamineError
        self._parts = _Parts(path)

    def sheets(self) -> list[tuple[str, bool]]:
        """The names of the sheets that may hold rows, and whether each is shown."""
        from python_calamine import SheetTypeEnum, SheetVisibleEnum

        return [
            (sheet.name, sheet.visible == SheetVisibleEnum.Visible)
            for sheet in self._book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        ]

    def leaves_out(self, name: str) -> bool:
        """Whether rows of a sheet are hidden, as a filter does it, or cells struck out."""
        marks = self._parts.read(name)
        return bool(marks.hidden or marks.struck)

    def rows(self, name: str, most: int | None = None) -> Iterator[tuple[int, list[str]]]:
        """The rows of a sheet with their numbers from 1, but those that are blank, hidden or struck out.

        Of the first rows, in which a header is looked for, only hidden ones are left out.
        """
        left_out = {HIDDEN} if most is not None else {HIDDEN, STRUCK}
        return ((number, cells) for number, cells, why in self._rows(name, most) if why not in left_out)

    def left_out(self, name: str) -> dict[str, list[int]]:
        """The numbers of the filled rows of a sheet that are hidden, and of those that are struck out."""
        found: dict[str, list[int]] = {HIDDEN: [], STRUCK: []}
        for number, _, why in self._rows(name):
            if why:
                found[why].append(number)
        return found

    def _rows(self, name: str, most: int | None = None) -> Iterator[tuple[int, list[str], str]]:
        """The filled rows of a sheet: number, cells, and why it is left out; empty for one that is not."""
        marks = self._parts.read(name)
        shown = marks.shown
        if marks.without_values:
            raise Refused(
                f"the sheet {name[:40]!r} has {marks.without_values:,} formulas without their values:"
                " open the workbook in a spreadsheet program, save it and send it again"
            )
        try:
            sheet = self._book.get_sheet_by_name(name)
        except self._error as error:
            raise Refused(f"the sheet {name[:40]!r} is damaged: {_said(error)}") from None
        if sheet.start is None:
            return
        above, left = sheet.start
        formed = [(column, column - left) for column in shown.columns if 0 <= column - left < sheet.width]
        merged = {} if most is not None else _merged(sheet)
        for number, values in enumerate(itertools.islice(sheet.iter_rows(), most), above + 1):
            cells = [value if isinstance(value, str) else text_of(value) for value in values]
            for column, at in formed:
                if not isinstance(values[at], str) and (form := shown.form(number, column)):
                    cells[at] = text_of(values[at], form)
            if number in merged and any(cells):
                _carry_down(cells, left, merged[number])
            if any(cells):
                is_struck = bool(marks.struck) and marks.is_struck_out(number, cells, left)
                why = HIDDEN if number in marks.hidden else STRUCK if is_struck else ""
                yield number, _bounded(cells, name, number), why


def _merged(sheet: CalamineSheet) -> dict[int, list[tuple[int, int, list[str]]]]:
    """Row from 1 → the cells that are merged downwards there: column from 0, how many rows, and the text kept of it."""
    merged: dict[int, list[tuple[int, int, list[str]]]] = {}
    for (first, column), (last, _) in sheet.merged_cell_ranges or ():
        if 0 < last - first < MAX_MERGED and len(merged) < MAX_MERGED:
            kept: list[str] = []
            for row in range(first, last + 1):
                merged.setdefault(row + 1, []).append((column, last - first + 1, kept))
    return merged


def _carry_down(cells: list[str], left: int, merged: list[tuple[int, int, list[str]]]) -> None:
    for column, rows, kept in merged:
        if 0 <= (at := column - left) < len(cells):
            if not kept:
                kept.append(_of_rows(cells[at], rows))
            cells[at] = kept[0]


def _of_rows(cell: str, rows: int) -> str:
    """What each of several rows has of one cell: a word holds for all of them, an amount is of all of them together."""
    amount = any(map(str.isdigit, cell)) and not _WORD.search(cell)
    return f"{cell} (one cell of {rows} rows)" if amount else cell


def _bounded(cells: list[str], name: str, number: int) -> list[str]:
    for cell in cells:
        if len(cell) > MAX_CELL:
            raise Refused(f"row {number:,} of the sheet {name[:40]!r} has a cell of more than {MAX_CELL:,} characters")
    return cells


class _Parts:
    """What calamine does not tell of a workbook's sheets, by its form."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._read: dict[str, Marks] = {}
        self._files: dict[str, str] = {}
        self._marks_of: Callable[[str], Marks] = lambda _: Marks()
        try:
            self._look()
        except (ET.ParseError, KeyError, zipfile.BadZipFile, Damaged, struct.error, IndexError) as error:
            raise Refused(f"the workbook is damaged: {_said(error)}") from None

    def read(self, name: str) -> Marks:
        """What there is beyond the values of a sheet."""
        if name not in self._read and name in self._files:
            self._read[name] = self._marks_of(self._files[name])
        return self._read.setdefault(name, Marks())

    def _look(self) -> None:
        """What all sheets have in common; where they are one part, all of them."""
        with open(self._path, "rb") as file:
            if file.read(len(_OLE)) == _OLE:
                file.seek(0)
                self._read = xls.read(file.read())
                return
        if not zipfile.is_zipfile(self._path):
            return
        with zipfile.ZipFile(self._path) as parts:
            names = set(parts.namelist())
            if "xl/workbook.xml" in names:
                self._files = xlsx.files_of(parts)
                looks, words = xlsx.looks_of(parts), xlsx.struck_words(parts)
                self._marks_of = lambda part: xlsx.marks_of(self._path, part, looks, words)
            elif "xl/workbook.bin" in names:
                files, styles = xlsb.files_of(parts), xlsb.styles_of(parts)
                self._read = {name: xlsb.marks_of(parts, part, styles) for name, part in files.items() if part in names}
            elif "content.xml" in names:
                self._read = ods.read(parts)


def _said(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:120]


def main(what: str, path: str, memory: str, seconds: str, *names: str) -> None:
    """Write what is asked to the standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write = sys.stdout.write
    try:
        book = Workbook(path)
        if what == "heads":
            for name, visible in book.sheets():
                head = {"name": name, "visible": visible, "rows": [], "refused": "", "leaves_out": False}
                try:
                    head["rows"] = list(book.rows(name, HEAD_ROWS))
                    head["leaves_out"] = book.leaves_out(name)
                except Refused as error:
                    head["refused"] = str(error)
                write(json.dumps(head) + "\n")
        for name in names if what == "left-out" else ():
            write(json.dumps(book.left_out(name)) + "\n")
        for name in names if what == "rows" else ():
            for row in book.rows(name):
                write(json.dumps(row) + "\n")
            write(json.dumps(name) + "\n")
        write(json.dumps("end") + "\n")
    except Refused as error:
        write(json.dumps({"refused": str(error)}) + "\n")
    except ImportError as error:
        write(json.dumps({"refused": f"workbooks cannot be read here: {error}; install requirements.txt"}) + "\n")
    except MemoryError:
        write(json.dumps({"refused": "memory"}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
