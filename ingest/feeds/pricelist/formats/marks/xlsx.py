"""What an XLSX workbook shows of its cells beyond their values, and formulas that were saved without values."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Collection
from xml.etree import ElementTree as ET

from ingest.feeds.pricelist.formats.marks.sheet import BUILT_IN, Marks, form_of

_CHUNK = 1 << 20
#: Ends of a sheet's cells, and a cell: attributes, formula, and what stands behind it.
_CELL_END = b"</c>"
_NO_VALUE = re.compile(rb"<c\b([^>]*)><f\b[^<]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_HIDDEN_ROW = re.compile(rb'<row\b(?=[^>]*\b(?:hidden="(?:1|true)"|ht="0(?:\.0+)?"))[^>]*\br="(\d{1,7})"')
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
#: A cell with one of the workbook's words, which are kept by their numbers, and what is struck out of a word.
_WORD_CELL = re.compile(rb'<c\b(?=[^>]*\bt="s")([^>]*)><v>(\d{1,9})</v>')
_WORD, _RUN = re.compile(rb"<si\b.*?</si>", re.DOTALL), re.compile(rb"<r\b.*?</r>", re.DOTALL)
_STRIKE = re.compile(rb'<strike\s*/>|<strike\s+val="(?:1|true)"\s*/>')


def files_of(parts: zipfile.ZipFile) -> dict[str, str]:
    """The sheets' parts by their names. Raises `ET.ParseError` or `KeyError` for a damaged workbook."""
    book = _xml(parts, "xl/workbook.xml")
    related = _xml(parts, "xl/_rels/workbook.xml.rels")
    targets = {element.get("Id"): element.get("Target", "") for element in related}
    files = {}
    names = set(parts.namelist())
    for element in book.iter():
        if element.tag.endswith("}sheet"):
            reference = next((value for key, value in element.attrib.items() if key.endswith("}id")), "")
            target = targets.get(reference, "")
            target = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            if target in names:
                files[element.get("name", "")] = target
    return files


def looks_of(parts: zipfile.ZipFile) -> dict[int, tuple[str, bool]]:
    """Style → what it adds to a value and whether it strikes it out, for the styles that do either."""
    if "xl/styles.xml" not in parts.namelist():
        return {}
    styles = _xml(parts, "xl/styles.xml")
    formats: dict[int, str] = dict(BUILT_IN)
    struck: set[int] = set()
    looks: dict[int, tuple[str, bool]] = {}
    for element in styles.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "numFmt":
            formats[int(element.get("numFmtId", "0"))] = form_of(element.get("formatCode", ""))
        elif kind == "fonts":
            struck = {number for number, font in enumerate(element) if _strikes(font)}
    for element in styles.iter():
        if element.tag.endswith("}cellXfs"):
            for number, style in enumerate(element):
                look = formats.get(int(style.get("numFmtId", "0")), ""), int(style.get("fontId", "0")) in struck
                if any(look):
                    looks[number] = look
    return looks


def struck_words(parts: zipfile.ZipFile) -> set[int]:
    """The numbers of the workbook's words that are struck out from end to end, within a cell that is not."""
    name = "xl/sharedStrings.xml"
    if name not in parts.namelist() or b"<strike" not in (words := parts.read(name)):
        return set()
    found = set()
    for number, word in enumerate(_WORD.finditer(words)):
        runs = _RUN.findall(word[0])
        if runs and all(map(_STRIKE.search, runs)):
            found.add(number)
    return found


def marks_of(path: str, part: str, looks: dict[int, tuple[str, bool]], words: Collection[int]) -> Marks:
    """The marks of one sheet. Raises what `zipfile` raises."""
    marks, rest = Marks(), b""
    without: Counter[int] = Counter()
    styled = None
    if looks:
        styles = b"|".join(str(number).encode() for number in sorted(looks))
        styled = re.compile(rb'<c\b[^>]*\bs="(' + styles + rb')"[^>]*>')
    with zipfile.ZipFile(path) as parts, parts.open(part) as file:
        while piece := file.read(_CHUNK):
            piece = rest + piece
            end = piece.rfind(_CELL_END)
            if end < 0:
                # A cell of many megabytes is told where it is read.
                rest = piece if len(piece) < 8 * _CHUNK else b""
                continue
            piece, rest = piece[: end + 4], piece[end + 4 :]
            marks.rows += piece.count(b"<row")
            if b"hidden=" in piece or b'ht="0' in piece:
                marks.hidden.update(int(row[1]) for row in _HIDDEN_ROW.finditer(piece))
            for cell in _NO_VALUE.finditer(piece) if b"<f" in piece else ():
                # An empty text is a value.
                if b't="str"' not in cell[1]:
                    place = _PLACE.search(cell[1])
                    without[_column(place[1]) if place else 0] += 1
            for cell in styled.finditer(piece) if styled else ():
                if place := _PLACE.search(cell[0]):
                    marks.note(int(place[2]), _column(place[1]), looks[int(cell[1])])
            for cell in _WORD_CELL.finditer(piece) if words else ():
                if int(cell[2]) in words and (place := _PLACE.search(cell[1])):
                    marks.note(int(place[2]), _column(place[1]), ("", True))
    # A sum below a list is no stone's.
    most = max(without.values(), default=0)
    marks.without_values = most if 2 * most > marks.rows - 1 else 0
    return marks


def _strikes(font: ET.Element) -> bool:
    strike = next((element for element in font if element.tag.endswith("}strike")), None)
    return strike is not None and strike.get("val", "1") not in ("0", "false")


def _xml(parts: zipfile.ZipFile, name: str) -> ET.Element:
    # Whatever its entities become, they become within the bounds of this process.
    return ET.fromstring(parts.read(name))  # noqa: S314


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
