"""What an XLSB workbook shows of its cells beyond their values. Its parts are records, as [MS-XLSB] describes them."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ingest.feeds.pricelist.formats.marks.records import STRUCK, Styles
from ingest.feeds.pricelist.formats.marks.sheet import Damaged, Marks

_ROW, _CELLS, _SHEET = 0, frozenset(range(2, 12)), 156
_FONT, _FORMAT, _STYLE, _STYLES, _STYLES_END = 43, 44, 47, 617, 618
#: The bit of a row's flags that hides it, and where these lie.
_HIDDEN, _FLAGS = 0x10, 11


def files_of(parts: zipfile.ZipFile) -> dict[str, str]:
    """The sheets' parts by their names. Raises `ET.ParseError` or `KeyError` for a damaged workbook."""
    # Whatever its entities become, they become within the bounds of this process.
    related = ET.fromstring(parts.read("xl/_rels/workbook.bin.rels"))  # noqa: S314
    targets = {element.get("Id"): element.get("Target", "") for element in related}
    files = {}
    for kind, record in _records(parts.read("xl/workbook.bin")):
        if kind == _SHEET:
            reference, at = _text(record, 8)
            target = targets.get(reference, "")
            files[_text(record, at)[0]] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return files


def styles_of(parts: zipfile.ZipFile) -> Styles:
    """What the workbook's styles add to values."""
    styles, within = Styles(), False
    records = parts.read("xl/styles.bin") if "xl/styles.bin" in parts.namelist() else b""
    for kind, record in _records(records):
        if kind == _FONT:
            styles.fonts.append(bool(record[2] & STRUCK))
        elif kind == _FORMAT:
            styles.add_format(int.from_bytes(record[:2], "little"), _text(record, 2)[0])
        elif kind in (_STYLES, _STYLES_END):
            within = kind == _STYLES
        elif kind == _STYLE and within:
            _, number_format, font = struct.unpack_from("<HHH", record)
            styles.add_style(font, number_format)
    return styles


def marks_of(parts: zipfile.ZipFile, part: str, styles: Styles) -> Marks:
    """The marks of one sheet."""
    marks, row, looks = Marks(), 0, styles.looks
    for kind, record in _records(parts.read(part)):
        if kind == _ROW:
            row = int.from_bytes(record[:4], "little") + 1
            marks.rows += 1
            if record[_FLAGS] & _HIDDEN:
                marks.hidden.add(row)
        elif looks and kind in _CELLS:
            column, style = struct.unpack_from("<II", record)
            if (look := looks.get(style & 0xFFFFFF)) is not None:
                marks.note(row, column, look)
    return marks


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each record: both numbers come in sevens of bits, the lowest ones first."""
    at, end = 0, len(content)
    try:
        while at < end:
            kind = content[at]
            at += 1
            if kind & 0x80:
                kind = kind & 0x7F | (content[at] & 0x7F) << 7
                at += 1
            size = shift = 0
            while True:
                byte = content[at]
                at += 1
                size |= (byte & 0x7F) << shift
                shift += 7
                if not byte & 0x80 or shift > 21:
                    break
            yield kind, content[at : at + size]
            at += size
    except (IndexError, struct.error) as error:
        raise Damaged(str(error)) from error


def _text(record: bytes, at: int) -> tuple[str, int]:
    """A text of a record, and where it ends."""
    (length,) = struct.unpack_from("<I", record, at)
    end = at + 4 + 2 * length
    return record[at + 4 : end].decode("utf-16-le", "replace"), end
