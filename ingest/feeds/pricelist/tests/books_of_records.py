"""Workbooks of records for tests, XLS and XLSB: one sheet "Stock" of plain rows, some of which are hidden or struck out."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import Any

from ingest.feeds.pricelist.tests.books import Cell, Looks, zipped

_NONE, _END, _OF_TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512


def xls(rows: Sequence[Sequence[Any]], hidden: Collection[int] = ()) -> bytes:
    """A workbook of Excel 97 to 2003."""
    looks: Looks = {}
    sheet = [_bof(0x10)]
    for number, row in enumerate(rows):
        flags = 0x20 if number + 1 in hidden else 0
        sheet.append(_record(0x208, struct.pack("<6HI", number, 0, len(row), 255, 0, 0, flags)))
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            cell = value if isinstance(value, Cell) else Cell(value)
            style = looks.setdefault(cell.look, len(looks) + 1) if any(cell.look) else 0
            place = struct.pack("<3H", number, column, style)
            if isinstance(cell.value, int | float):
                sheet.append(_record(0x203, place + struct.pack("<d", cell.value)))
            elif cell.value:
                text = str(cell.value)
                sheet.append(_record(0x204, place + struct.pack("<HB", len(text), 0) + text.encode("latin-1")))
    sheet.append(_record(0x0A, b""))
    fonts = [_record(0x31, struct.pack("<2H10x", 200, struck) + b"\1\0A") for struck in (0, 0, 0, 0, 0x08)]
    codes = [code for code, _ in looks]
    formats = [
        _record(0x41E, struct.pack("<HHB", 200 + at, len(code), 1) + code.encode("utf-16-le"))
        for at, code in enumerate(codes)
        if code
    ]
    # There is no font with the number 4.
    styles = [
        struct.pack("<HH16x", 5 if struck else 0, 200 + at if code else 0) for at, (code, struck) in enumerate(looks)
    ]
    before = [_bof(0x05), *fonts, *formats, *(_record(0xE0, style) for style in (bytes(20), *styles))]
    name = struct.pack("<BBBB", 0, 0, 5, 0) + b"Stock"
    begins = sum(map(len, before)) + 4 + 4 + len(name) + 4
    stream = b"".join([*before, _record(0x85, struct.pack("<I", begins) + name), _record(0x0A, b""), *sheet])
    return _sectors(stream)


def _bof(kind: int) -> bytes:
    return _record(0x809, struct.pack("<4HII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _sectors(stream: bytes) -> bytes:
    """A compound file with one stream: sector 0 has the table of sectors, sector 1 the folder."""
    stream = stream.ljust(max(4096, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    count = len(stream) // _SECTOR
    table = [_OF_TABLE, _END, *range(3, count + 2), _END]
    table += [_NONE] * (_SECTOR // 4 - len(table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, _END, 0, _END, 0) + struct.pack("<I", 0)
    folder = _entry("Root Entry", 5, _END, 0, child=1) + _entry("Workbook", 2, 2, len(stream)) + bytes(256)
    return head.ljust(_SECTOR, b"\xff") + struct.pack(f"<{len(table)}I", *table) + folder + stream


def _entry(name: str, kind: int, first: int, size: int, child: int = _NONE) -> bytes:
    encoded = name.encode("utf-16-le")
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBB3I", len(encoded) + 2, kind, 1, _NONE, _NONE, child)
        + bytes(36)
        + struct.pack("<IIQ", first, size, 0)[:12]
    )


def xlsb(rows: Sequence[Sequence[Any]], hidden: Collection[int] = ()) -> bytes:
    """A binary workbook of Excel 2007 and later."""
    looks: Looks = {}
    size = struct.pack("<4I", 0, max(0, len(rows) - 1), 0, max(map(len, rows), default=1) - 1)
    sheet = [_short(129, b""), _short(148, size), _short(145, b"")]
    for number, row in enumerate(rows):
        flags = 0x10 if number + 1 in hidden else 0
        sheet.append(_short(0, struct.pack("<IIHBBBI", number, 0, 300, 0, flags, 0, 0)))
        for column, value in enumerate(row):
            cell = value if isinstance(value, Cell) else Cell(value)
            style = looks.setdefault(cell.look, len(looks) + 1) if any(cell.look) else 0
            place = struct.pack("<II", column, style)
            if isinstance(cell.value, int | float):
                sheet.append(_short(5, place + struct.pack("<d", cell.value)))
            elif cell.value:
                sheet.append(_short(6, place + _wide(str(cell.value))))
    sheet += [_short(146, b""), _short(130, b"")]
    fonts = [_short(43, struct.pack("<HH21x", 200, struck) + _wide("A")) for struck in (0, 0x08)]
    formats = [_short(44, struct.pack("<H", 200 + at) + _wide(code)) for at, (code, _) in enumerate(looks) if code]
    styles = [(0, 0), *((200 + at if code else 0, int(struck)) for at, (code, struck) in enumerate(looks))]
    of_cells = [_short(47, struct.pack("<3H10x", 0, *style)) for style in styles]
    counted = struct.pack("<I", len(styles))
    # The styles by name come before those of cells, and are none of theirs.
    named = [_short(626, struct.pack("<I", 1)), _short(47, struct.pack("<3H10x", 0, 0, 1)), _short(627, b"")]
    in_formats = [_short(615, struct.pack("<I", len(formats))), *formats, _short(616, b"")]
    in_fonts = [_short(611, struct.pack("<I", 2)), *fonts, _short(612, b"")]
    in_styles = [*in_formats, *in_fonts, *named, _short(617, counted), *of_cells, _short(618, b"")]
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006/relationships"
    sheets = [
        _short(131, b""),
        _short(143, b""),
        _short(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Stock")),
    ]
    return zipped(
        {
            "xl/workbook.bin": b"".join([*sheets, _short(144, b""), _short(132, b"")]),
            "xl/_rels/workbook.bin.rels": (
                f'<Relationships xmlns="{packed}"><Relationship Id="rId1" Type="{related}/worksheet" '
                'Target="worksheets/sheet1.bin"/></Relationships>'
            ).encode(),
            "xl/styles.bin": b"".join([_short(278, b""), *in_styles, _short(279, b"")]),
            "xl/worksheets/sheet1.bin": b"".join(sheet),
        }
    )


def _short(kind: int, content: bytes) -> bytes:
    """A record whose kind and length are numbers of seven bits a byte."""
    size, length = len(content), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            break
    written = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return written + length + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")
