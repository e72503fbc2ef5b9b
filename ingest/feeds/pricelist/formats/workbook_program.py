"""The program that reads a workbook: a process of its own, bounded in memory and time, that writes rows of text.

    python workbook_program.py {heads|rows|hidden} <file> <bytes of memory> <seconds> [sheet …]

A workbook has to be held whole to be read, and what its packed bytes become is not known before. So whoever reads one does
it here: a bomb ends this process and not a worker. Nothing of the project is imported and no macro or formula is run.
`heads` writes one line a sheet with its first rows, `rows` one line a row, `[number, [cell, …]]`, and `hidden` one line a
sheet with the numbers of its filled rows that are hidden, which the others leave out; the last line is `"end"`.
What is wrong is one line, `{"refused": why}`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import resource
import sys
import zipfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

#: First rows of a sheet that are shown.
HEAD_ROWS = 30
#: Longest cell (characters).
MAX_CELL = 131_072
#: Whole numbers have 15 digits in a spreadsheet; of longer ones the rest is lost.
_DIGITS = 10**15
_CHUNK = 1 << 20
#: Rows of one merged cell, and rows with such ones, that are looked at.
MAX_MERGED = 100_000
#: What makes a cell a word; units and currencies are none.
_WORD = re.compile(r"(?!(?:USD|US|CTS?|MM|CARATS?)\b)\b[A-Z]{2,}|[A-Z]\d", re.IGNORECASE)
#: Ends of an XLSX sheet's cells, and a cell: attributes, formula, and what stands behind it.
_CELL_END = b"</c>"
_NO_VALUE = re.compile(rb"<c\b([^>]*)><f\b[^<]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_HIDDEN_ROW = re.compile(rb'<row\b(?=[^>]*\bhidden="(?:1|true)")[^>]*\br="(\d{1,7})"')
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
#: Parts of number formats that are words and no placeholders.
_QUOTED = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_CURRENCY = re.compile(r"\[\$([^\]-]+)(?:-[^\]]*)?\]")
_DOLLARS = re.compile(r"(?:US)?\$|USD|US\$", re.IGNORECASE)
_SIGN = re.compile(
    r"[€£¥₹₪฿₽元]|\b(?:EUR|GBP|INR|CHF|HKD|ILS|NIS|JPY|AED|CNY|RMB|AUD|CAD|SGD|ZAR|THB|Rs\.?)|(?<![A-Z])(?:AU?|CA?|HK|SG?|NZ|NT|R|MX)\s?\$",
    re.IGNORECASE,
)
_ZEROS = re.compile(r"0{2,40}")
_PERCENT = "%"
#: Built-in formats that show percents.
_BUILT_IN = {9: _PERCENT, 10: _PERCENT}


class Refused(Exception):
    """Why the workbook is not read, as one line."""


class Shown:
    """How cells of one XLSX sheet are shown, where that is more than their value: percents, zeros in front, currencies.

    By column: the rows whose cells are shown so, and how.
    """

    def __init__(self) -> None:
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        self._forms: dict[int, list[str]] = {}

    def note(self, row: int, column: int, form: str) -> None:
        starts, ends = self._starts.setdefault(column, []), self._ends.setdefault(column, [])
        forms = self._forms.setdefault(column, [])
        if ends and ends[-1] == row - 1 and forms[-1] == form:
            ends[-1] = row
            return
        starts.append(row)
        ends.append(row)
        forms.append(form)

    @property
    def columns(self) -> Sequence[int]:
        return list(self._starts)

    def form(self, row: int, column: int) -> str:
        at = bisect_right(self._starts[column], row) - 1
        return self._forms[column][at] if at >= 0 and self._ends[column][at] >= row else ""


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
    if form == _PERCENT:
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


def form_of(number_format: str) -> str:
    """What a number format adds to a value: "%", zeros for the digits it fills up to, or another currency than dollars."""
    positive = number_format.split(";")[0]
    named = _CURRENCY.search(positive)
    if named and not _DOLLARS.fullmatch(named[1].strip()):
        return named[1].strip()[:8]
    words = "".join(match[1] or match[2] or "" for match in _QUOTED.finditer(positive))
    bare = _QUOTED.sub("", _CURRENCY.sub("", positive))
    if _PERCENT in bare:
        return _PERCENT
    if (sign := _SIGN.search(words) or _SIGN.search(bare)) is not None:
        return sign[0]
    return bare.strip() if _ZEROS.fullmatch(bare.strip()) else ""


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
        self._parts = _Parts.of(path)

    def sheets(self) -> list[tuple[str, bool]]:
        """The names of the sheets that may hold rows, and whether each is shown."""
        from python_calamine import SheetTypeEnum, SheetVisibleEnum

        return [
            (sheet.name, sheet.visible == SheetVisibleEnum.Visible)
            for sheet in self._book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        ]

    def hides_rows(self, name: str) -> bool:
        """Whether rows of a sheet are hidden, as a filter does it."""
        return bool(self._parts.read(name)[2])

    def rows(self, name: str, most: int | None = None, *, hidden: bool = False) -> Iterator[tuple[int, list[str]]]:
        """The rows of a sheet with their numbers from 1, blank ones left out: those that are shown, or the hidden ones."""
        shown, uncached, unseen = self._parts.read(name)
        if uncached:
            raise Refused(
                f"the sheet {name[:40]!r} has {uncached:,} formulas without their values:"
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
            if (number in unseen) is not hidden:
                continue
            cells = [value if isinstance(value, str) else text_of(value) for value in values]
            for column, at in formed:
                if not isinstance(values[at], str) and (form := shown.form(number, column)):
                    cells[at] = text_of(values[at], form)
            if number in merged and any(cells):
                _carry_down(cells, left, merged[number])
            if any(cells):
                yield number, _bounded(cells, name, number)


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
    """What calamine does not tell: how an XLSX workbook shows numbers, and formulas that were saved without values."""

    def __init__(self, path: str, files: dict[str, str], forms: dict[int, str]) -> None:
        self._path, self._files, self._forms = path, files, forms
        self._read: dict[str, tuple[Shown, int, set[int]]] = {}

    @classmethod
    def of(cls, path: str) -> _Parts:
        if not zipfile.is_zipfile(path):
            return cls(path, {}, {})
        with zipfile.ZipFile(path) as parts:
            names = set(parts.namelist())
            if "xl/workbook.xml" not in names:
                return cls(path, {}, {})
            try:
                files = _files(parts, names)
                return cls(path, files, _forms(parts) if "xl/styles.xml" in names else {})
            except (ET.ParseError, KeyError, zipfile.BadZipFile) as error:
                raise Refused(f"the workbook is damaged: {_said(error)}") from None

    def read(self, name: str) -> tuple[Shown, int, set[int]]:
        """How cells of a sheet are shown, in how many rows a formula has no value, and the numbers of hidden rows."""
        if name not in self._read:
            self._read[name] = self._scanned(self._files[name]) if name in self._files else (Shown(), 0, set())
        return self._read[name]

    def _scanned(self, part: str) -> tuple[Shown, int, set[int]]:
        shown, rows, rest = Shown(), 0, b""
        hidden: set[int] = set()
        without: Counter[int] = Counter()
        styled = None
        if self._forms:
            styles = b"|".join(str(number).encode() for number in sorted(self._forms))
            styled = re.compile(rb'<c\b[^>]*\bs="(' + styles + rb')"[^>]*>')
        with zipfile.ZipFile(self._path) as parts, parts.open(part) as file:
            while piece := file.read(_CHUNK):
                piece = rest + piece
                end = piece.rfind(_CELL_END)
                if end < 0:
                    # A cell of many megabytes is told where it is read.
                    rest = piece if len(piece) < 8 * _CHUNK else b""
                    continue
                piece, rest = piece[: end + 4], piece[end + 4 :]
                rows += piece.count(b"<row")
                if b"hidden=" in piece:
                    hidden.update(int(row[1]) for row in _HIDDEN_ROW.finditer(piece))
                for cell in _NO_VALUE.finditer(piece) if b"<f" in piece else ():
                    # An empty text is a value.
                    if b't="str"' not in cell[1]:
                        place = _PLACE.search(cell[1])
                        without[_column(place[1]) if place else 0] += 1
                for cell in styled.finditer(piece) if styled else ():
                    if place := _PLACE.search(cell[0]):
                        shown.note(int(place[2]), _column(place[1]), self._forms[int(cell[1])])
        # A sum below a list is no stone's.
        most = max(without.values(), default=0)
        return shown, most if 2 * most > rows - 1 else 0, hidden


def _xml(parts: zipfile.ZipFile, name: str) -> ET.Element:
    # Whatever its entities become, they become within the bounds of this process.
    return ET.fromstring(parts.read(name))  # noqa: S314


def _files(parts: zipfile.ZipFile, names: set[str]) -> dict[str, str]:
    """The sheets' parts by their names."""
    book = _xml(parts, "xl/workbook.xml")
    related = _xml(parts, "xl/_rels/workbook.xml.rels")
    targets = {element.get("Id"): element.get("Target", "") for element in related}
    files = {}
    for element in book.iter():
        if element.tag.endswith("}sheet"):
            reference = next((value for key, value in element.attrib.items() if key.endswith("}id")), "")
            target = targets.get(reference, "")
            target = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            if target in names:
                files[element.get("name", "")] = target
    return files


def _forms(parts: zipfile.ZipFile) -> dict[int, str]:
    """What a cell's style adds to its value, for the styles that add something."""
    styles = _xml(parts, "xl/styles.xml")
    formats: dict[int, str] = dict(_BUILT_IN)
    forms: dict[int, str] = {}
    for element in styles.iter():
        if element.tag.endswith("}numFmt"):
            formats[int(element.get("numFmtId", "0"))] = form_of(element.get("formatCode", ""))
    for element in styles.iter():
        if element.tag.endswith("}cellXfs"):
            for number, style in enumerate(element):
                if form := formats.get(int(style.get("numFmtId", "0")), ""):
                    forms[number] = form
    return forms


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


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
                head = {"name": name, "visible": visible, "rows": [], "refused": "", "hides": False}
                try:
                    head["rows"] = list(book.rows(name, HEAD_ROWS))
                    head["hides"] = book.hides_rows(name)
                except Refused as error:
                    head["refused"] = str(error)
                write(json.dumps(head) + "\n")
        for name in names if what == "hidden" else ():
            write(json.dumps([number for number, _ in book.rows(name, hidden=True)]) + "\n")
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
