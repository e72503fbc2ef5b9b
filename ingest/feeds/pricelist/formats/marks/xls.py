"""What an XLS workbook shows of its cells beyond their values.

Its bytes are a file system of sectors, as [MS-CFB] describes it, with one stream of records, those of [MS-XLS].
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ingest.feeds.pricelist.formats.marks.records import STRUCK, Styles
from ingest.feeds.pricelist.formats.marks.sheet import Damaged, Marks

#: Beyond this a sector's number says that there is none, and entries of the table of sectors that the head has.
_NO_SECTOR, _IN_HEAD = 0xFFFFFFFA, 109
_NAMES = ("Workbook", "Book")
_BEGIN, _END, _SHEET, _FONT, _FORMAT, _STYLE = 0x0809, 0x000A, 0x0085, 0x0031, 0x041E, 0x00E0
_ROW, _NUMBERS = 0x0208, 0x00BD
#: Cells with a row, a column and a style: numbers, words, flags and formulas.
_CELLS = frozenset({0x0203, 0x027E, 0x00FD, 0x0204, 0x00D6, 0x0205, 0x0006, 0x0206, 0x0406})
#: Versions from which on texts are Unicode; the bit of a row's flags that hides it, and where these lie.
_UNICODE, _HIDDEN, _FLAGS = 0x0600, 0x20, 12
#: No font has this number.
_NO_FONT = 4


def read(content: bytes) -> dict[str, Marks]:
    """The marks of each sheet by its name. Raises `Damaged`."""
    try:
        stream = _stream(content)
        version = struct.unpack_from("<H", stream, 4)[0]
        styles, places = Styles(_NO_FONT), {}
        for kind, record in _records(stream, 0):
            if kind == _FONT:
                styles.fonts.append(bool(record[2] & STRUCK))
            elif kind == _FORMAT:
                styles.add_format(int.from_bytes(record[:2], "little"), _text(record, 2, version, wide_length=True))
            elif kind == _STYLE:
                styles.add_style(*struct.unpack_from("<HH", record))
            elif kind == _SHEET:
                places[_text(record, 6, version)] = int.from_bytes(record[:4], "little")
        return {name: _marks(stream, place, styles) for name, place in places.items()}
    except (IndexError, struct.error) as error:
        raise Damaged(str(error)) from error


def _marks(stream: bytes, place: int, styles: Styles) -> Marks:
    marks, looks = Marks(), styles.looks
    filled: set[int] = set()
    for kind, record in _records(stream, place):
        if kind == _ROW:
            if record[_FLAGS] & _HIDDEN:
                marks.hidden.add(int.from_bytes(record[:2], "little") + 1)
        elif looks and kind in _CELLS:
            row, column, style = struct.unpack_from("<HHH", record)
            filled.add(row)
            if (look := looks.get(style)) is not None:
                marks.note(row + 1, column, look)
        elif looks and kind == _NUMBERS:
            row, first = struct.unpack_from("<HH", record)
            filled.add(row)
            for at in range(4, len(record) - 2, 6):
                if (look := looks.get(int.from_bytes(record[at : at + 2], "little"))) is not None:
                    marks.note(row + 1, first + (at - 4) // 6, look)
    marks.rows = len(filled)
    return marks


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Kind and content of the records from a beginning to its end; what lies within them, as charts do, is passed over."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        at += 4
        if kind == _BEGIN:
            depth += 1
        elif kind == _END:
            depth -= 1
            if depth <= 0:
                return
        elif depth == 1:
            yield kind, stream[at : at + size]
        at += size


def _text(record: bytes, at: int, version: int, *, wide_length: bool = False) -> str:
    if version < _UNICODE:
        return record[at + 1 : at + 1 + record[at]].decode("cp1252", "replace")
    length = int.from_bytes(record[at : at + 2], "little") if wide_length else record[at]
    at += 2 if wide_length else 1
    if record[at] & 1:
        return record[at + 1 : at + 1 + 2 * length].decode("utf-16-le", "replace")
    return record[at + 1 : at + 1 + length].decode("latin-1")


# --- sectors --------------------------------------------------------------------------------------------------------------


def _stream(content: bytes) -> bytes:
    """The stream of the workbook."""
    size, small = (1 << shift for shift in struct.unpack_from("<HH", content, 30))
    _, folder, _, cutoff, small_table, _, more = struct.unpack_from("<7I", content, 44)
    table = _table(content, size, more)
    entries = _chain(content, table, folder, size, size)
    root = b""
    for at in range(0, len(entries) - 127, 128):
        entry = entries[at : at + 128]
        name = entry[: max(0, struct.unpack_from("<H", entry, 64)[0] - 2)].decode("utf-16-le", "replace")
        first, length = struct.unpack_from("<II", entry, 116)
        if at == 0:
            root = _chain(content, table, first, size, size)
        elif name in _NAMES:
            if length >= cutoff:
                return _chain(content, table, first, size, size)[:length]
            in_small = _numbers(_chain(content, table, small_table, size, size))
            return _chain(root, in_small, first, small, 0)[:length]
    raise Damaged("it has no stream of a workbook")


def _table(content: bytes, size: int, more: int) -> tuple[int, ...]:
    """Sector → the one that follows it."""
    sectors = list(struct.unpack_from(f"<{_IN_HEAD}I", content, 76))
    seen: set[int] = set()
    while more < _NO_SECTOR and more not in seen:
        seen.add(more)
        listed = _numbers(content[(more + 1) * size : (more + 2) * size])
        sectors += listed[:-1]
        more = listed[-1]
    parts = [content[(sector + 1) * size : (sector + 2) * size] for sector in sectors if sector < _NO_SECTOR]
    return _numbers(b"".join(parts))


def _chain(content: bytes, table: tuple[int, ...], sector: int, size: int, head: int) -> bytes:
    parts: list[bytes] = []
    while sector < _NO_SECTOR and len(parts) <= len(table):
        parts.append(content[head + sector * size : head + (sector + 1) * size])
        sector = table[sector]
    return b"".join(parts)


def _numbers(content: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4])
