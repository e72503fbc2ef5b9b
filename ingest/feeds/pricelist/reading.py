"""Reading a price list: gzip or plain, any of the trade's encodings and delimiters, titles above the header.

`examine` looks at all of it once and says how it is to be read; `rows` then reads it row by row, in constant memory.
Both raise `ListRefused` with one line that says what is wrong and where.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, cast

from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.headers import PRICES, columns_of, foreign
from ingest.feeds.pricelist.parameters import DELIMITERS, Parameters

_CHUNK = 1 << 20
#: Bytes of a list in which its header is looked for, and rows.
_SAMPLE, _HEADER_WITHIN = 256 * 1024, 30
#: A line this long is no line of a price list (bytes); it would have to be held in memory.
MAX_LINE_BYTES = 16 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: Bytes that Windows-1252 has no character for; Latin-1 has.
_NOT_IN_1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
#: Control characters that no text has: everything below space but white space, escape and end-of-file.
_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1A, 0x1B, 0x00})
#: Columns of a list at most; the widest that the trade writes have some 150.
MAX_COLUMNS = 500
#: Key of a row's cells that have no header.
BEYOND = "(beyond the header)"


@dataclass(frozen=True, slots=True)
class Layout:
    """The way in which a list is read: `skip` rows stand above the header."""

    encoding: str
    delimiter: str
    skip: int
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file and its cells word for word, by header; cells that it lacks at its end are blank."""

    line: int
    cells: dict[str, str | list[str]]


def examine(path: Path, parameters: Parameters, *, most_bytes: int) -> Layout:
    """Look at the whole list and find out how it is to be read. `most_bytes` bounds it after unpacking."""
    sample, guessed = _look_through(path, most_bytes)
    encoding = parameters.encoding or guessed
    try:
        text = codecs.getincrementaldecoder(_codec(encoding))().decode(sample)
    except UnicodeDecodeError as error:
        raise ListRefused(f"the price list is not {encoding}: {error.reason} at byte {error.start}") from error
    if text.lstrip()[:1] in ("<", "{", "["):
        raise ListRefused(f"the price list is HTML, XML or JSON and no CSV: it begins with {text.strip()[:40]!r}")
    return _layout(text, encoding, parameters)


def rows(path: Path, layout: Layout) -> Iterator[Row]:
    """All rows below the header that are not blank, in the list's order."""
    with _opened(path) as binary, io.TextIOWrapper(binary, _codec(layout.encoding), newline="") as text:
        reader = csv.reader(text, delimiter=layout.delimiter, strict=True)
        headers = layout.headers
        width = len(headers)
        try:
            for number, cells in enumerate(reader):
                if number <= layout.skip or not any(map(str.strip, cells)):
                    continue
                _refuse_wide(cells)
                row: dict[str, str | list[str]] = dict(zip_longest(headers, cells[:width], fillvalue=""))
                if len(cells) > width and any(map(str.strip, cells[width:])):
                    row[BEYOND] = cells[width:]
                yield Row(reader.line_num, row)
        except csv.Error as error:
            raise ListRefused(f"the price list breaks off at line {reader.line_num}: {_in_words(error)}") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ListRefused(f"the price list is a damaged gzip file: {error}") from error
        except UnicodeDecodeError as error:
            raise ListRefused(
                f"the price list is not {layout.encoding}: {error.reason} after line {reader.line_num}"
            ) from error


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return cast("BinaryIO", gzip.open(path))
    if start == b"PK\x03\x04":
        raise ListRefused("the price list is a ZIP archive or an Excel workbook: send it as CSV, or as CSV in gzip")
    return path.open("rb")


def _codec(encoding: str) -> str:
    # A byte-order mark is no part of the first header.
    return {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}.get(encoding, encoding)


def _look_through(path: Path, most_bytes: int) -> tuple[bytes, str]:
    """The beginning of the unpacked list, and its encoding; refuses what is no text."""
    sample, size, line = b"", 0, 0
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    encoding = "windows-1252"
    try:
        with _opened(path) as file:
            while chunk := file.read(_CHUNK):
                if not size:
                    sample = chunk[:_SAMPLE]
                size += len(chunk)
                if size > most_bytes:
                    raise ListRefused(f"the price list has more than {most_bytes:,} bytes: raise PRICELIST_MAX_BYTES")
                if not sample.startswith(_UTF16):
                    _refuse_binary(chunk)
                first, last = _line_ends(chunk)
                if line + first > MAX_LINE_BYTES:
                    raise ListRefused(f"the price list has a line of more than {MAX_LINE_BYTES >> 20} MB")
                line = line + len(chunk) if last < 0 else len(chunk) - last - 1
                utf8 = _still_utf8(utf8, chunk)
                if any(byte in chunk for byte in _NOT_IN_1252):
                    encoding = "latin-1"
            if utf8 and not _still_utf8(utf8, b"", final=True):
                utf8 = None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ListRefused(f"the price list is a damaged gzip file: {error}") from error
    if not sample.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise ListRefused("the price list is empty")
    if sample.startswith(_UTF16):
        return sample, "utf-16"
    return sample, "utf-8" if utf8 else encoding


def _refuse_binary(chunk: bytes) -> None:
    if b"\0" in chunk or len(chunk) - len(chunk.translate(None, _CONTROLS)) > len(chunk) // 1000:
        raise ListRefused("the price list is no text but binary: send it as CSV, or as CSV in gzip")


def _line_ends(chunk: bytes) -> tuple[int, int]:
    """The ends of the first and of the last line in a chunk (-1: none ends there)."""
    ends = [at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0]
    return min(ends, default=len(chunk)), max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))


def _still_utf8(
    decoder: codecs.IncrementalDecoder | None, chunk: bytes, *, final: bool = False
) -> codecs.IncrementalDecoder | None:
    if decoder is not None:
        try:
            decoder.decode(chunk, final)
        except UnicodeDecodeError:
            return None
    return decoder


def _layout(text: str, encoding: str, parameters: Parameters) -> Layout:
    """The delimiter and the row that make the best header: one with stock number and price, and most known columns."""
    best: tuple[tuple[int, int], Layout] | None = None
    broken = ""
    for delimiter in (parameters.delimiter,) if parameters.delimiter else DELIMITERS:
        first_rows, problem = _first_rows(text, delimiter)
        broken = broken or problem
        for skip, cells in enumerate(first_rows):
            headers = _distinct(cells)
            columns = columns_of(headers, parameters.chosen)
            required = ("stock_number" in columns) + any(price in columns for price in PRICES)
            if best is None or (required, len(columns)) > best[0]:
                best = ((required, len(columns)), Layout(encoding, delimiter, skip, headers))
    if best is None or (best[0][1] == 0 and broken):
        raise ListRefused(f"the price list breaks off at its beginning: {broken or 'it has no rows'}")
    (required, _), layout = best
    _refuse_wide(layout.headers)
    if required < 2:
        raise ListRefused(_what_is_missing(layout, parameters))
    return layout


def _refuse_wide(cells: Sequence[str]) -> None:
    """Each cell is kept with its header, so a list of very many columns would become many times as large on disk."""
    if len(cells) > MAX_COLUMNS:
        raise ListRefused(f"the price list has {len(cells):,} columns; at most {MAX_COLUMNS} are read")


def _first_rows(text: str, delimiter: str) -> tuple[list[list[str]], str]:
    """The first rows of a list, and why there are no more, if it is broken."""
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            rows.append(cells)
            if len(rows) >= _HEADER_WITHIN:
                break
    except csv.Error as error:
        # Of a list longer than the sample, the last row may just be cut.
        return rows, f"line {reader.line_num}: {_in_words(error)}"
    return rows, ""


def _distinct(cells: Sequence[str]) -> tuple[str, ...]:
    """Headers as keys: those without a name are numbered, and those of one name told apart."""
    last = max((number for number, cell in enumerate(cells, 1) if cell.strip()), default=0)
    names: dict[str, None] = {}
    for number, cell in enumerate(cells[:last], 1):
        name = plain = cell.strip() or f"column {number}"
        again = 2
        while name in names:
            name = f"{plain} ({again})"
            again += 1
        names[name] = None
    return tuple(names)


def _what_is_missing(layout: Layout, parameters: Parameters) -> str:
    columns = columns_of(layout.headers, parameters.chosen)
    shown = ", ".join(repr(header[:40]) for header in layout.headers[:40]) or "none"
    if not columns:
        return f"the price list has no header that we know; its row {layout.skip + 1} reads: {shown}"
    others = [header for header in layout.headers if foreign(header)]
    if "stock_number" in columns and others:
        return f"the price list has no price in US dollars: {others[0]!r} names another currency"
    what = "price" if "stock_number" in columns else "stock number"
    return (
        f"the price list has no {what} column among: {shown}; name it in the feed's parameters, "
        f'e.g. "columns": {{"<its header>": "{"stock_number" if what == "stock number" else "price"}"}}'
    )


def _in_words(error: csv.Error) -> str:
    said = str(error)
    if "field larger" in said:
        return f"a cell has more than {csv.field_size_limit():,} characters; is a quotation mark not closed?"
    if "unexpected end of data" in said:
        return "a quotation mark is not closed"
    return f"its quotation marks are wrong ({said})"
