"""Lists as text with a delimiter between cells, in any of the trade's encodings, with titles above the header."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.feeds.pricelist.errors import RAISE_MAX_BYTES, ColumnsMissing, ListRefused
from ingest.feeds.pricelist.formats import encodings
from ingest.feeds.pricelist.formats.contents import Content
from ingest.feeds.pricelist.formats.layout import (
    HEADER_WITHIN,
    Heading,
    Layout,
    Row,
    by_header,
    heading_of,
    refuse_wide,
    what_is_missing,
)
from ingest.feeds.pricelist.parameters import DELIMITERS, Parameters

_CHUNK = 1 << 20
#: Bytes of a list in which its header is looked for.
SAMPLE_BYTES = 256 * 1024
#: A line this long is no line of a price list (bytes); it would have to be held in memory.
MAX_LINE_BYTES = 16 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: Fewer bytes show no pattern of zeros.
_MIN_UTF16_BYTES = 16
#: Bytes that Windows-1252 has no character for; Latin-1 has.
_NOT_IN_1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
#: Control characters that no text has: everything below space but white space, escape and end-of-file.
_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1A, 0x1B, 0x00})


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of a text: its beginning and the encoding of all of it."""

    sample: bytes
    encoding: str


def examine(content: Content, parameters: Parameters) -> Layout:
    """Look at the whole list and find out how it is to be read."""
    looked = look_through(content, parameters)
    return _read_layout(looked.sample, parameters.encoding or _proven(looked.sample, looked.encoding), parameters)


def examine_beginning(sample: bytes, parameters: Parameters) -> Layout:
    """The same of a list of which only the beginning is there: whether the rest is in order is not known."""
    refuse_empty(sample)
    guessed = "windows-1252"
    if wide := utf16(sample, parameters):
        guessed = wide
    else:
        _refuse_binary(sample)
        if _still_utf8(codecs.getincrementaldecoder("utf-8")(), sample):
            guessed = "utf-8"
        elif any(byte in sample for byte in _NOT_IN_1252):
            guessed = "latin-1"
    return _read_layout(sample, parameters.encoding or _proven(sample, guessed), parameters)


def rows(content: Content, layout: Layout) -> Iterator[Row]:
    """All rows below the header that are not blank, in the list's order."""
    with content.opened() as binary, io.TextIOWrapper(binary, encodings.codec(layout.encoding), newline="") as text:
        reader = csv.reader(text, delimiter=layout.delimiter, strict=True)
        try:
            last = layout.skip
            for number, cells in enumerate(reader):
                if number > layout.skip and any(map(str.strip, cells)):
                    yield Row(reader.line_num, by_header(layout.headers, cells), gap=number > last + 1)
                    last = number
        except csv.Error as error:
            raise ListRefused(f"the price list breaks off at line {reader.line_num}: {_in_words(error)}") from error
        except UnicodeDecodeError as error:
            raise ListRefused(
                f"the price list is not {layout.encoding}: {error.reason} after line {reader.line_num}"
            ) from error


def _proven(sample: bytes, guessed: str) -> str:
    return encodings.by_words(sample, guessed) if guessed in encodings.WESTERN else guessed


def _read_layout(sample: bytes, encoding: str, parameters: Parameters) -> Layout:
    if encoding == "utf-16":
        encoding = utf16(sample, parameters) or encoding
    try:
        text = codecs.getincrementaldecoder(encodings.codec(encoding))().decode(sample)
    except UnicodeDecodeError as error:
        raise ListRefused(f"the price list is not {encoding}: {error.reason} at byte {error.start}") from error
    if text.lstrip()[:1] == "<":
        raise ListRefused(
            f"the price list is HTML or XML and no list: it begins with {' '.join(text.split())[:40]!r};"
            " a table of it can be saved as XLSX or CSV in a spreadsheet program"
        )
    return _layout(text, encoding, parameters)


def utf16(sample: bytes, parameters: Parameters) -> str:
    """The kind of UTF-16 that a text is, also without a mark: every other byte of Latin letters and signs is zero.

    Empty if it is none.
    """
    if sample.startswith(_UTF16):
        return "utf-16"
    begun = sample[: min(4096, len(sample) // 2 * 2)]
    if len(begun) < _MIN_UTF16_BYTES or parameters.encoding not in (None, "utf-16"):
        return ""
    first, second = begun[::2].count(0), begun[1::2].count(0)
    half = len(begun) // 2
    if second > 0.6 * half and first < 0.02 * half:
        return "utf-16-le"
    return "utf-16-be" if first > 0.6 * half and second < 0.02 * half else ""


def look_through(content: Content, parameters: Parameters, *, lines: bool = True) -> Looked:
    """The beginning of the unpacked list, and its encoding; refuses what is no text, and `lines` that are too long."""
    with content.opened() as file:
        return _look_through(file, parameters, content.most_bytes, MAX_LINE_BYTES if lines else content.most_bytes)


def _look_through(file: BinaryIO, parameters: Parameters, most_bytes: int, longest: int) -> Looked:
    sample, size, line, wide = b"", 0, 0, ""
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    encoding = "windows-1252"
    while chunk := file.read(_CHUNK):
        if not size:
            sample = chunk[:SAMPLE_BYTES]
            wide = utf16(sample, parameters)
        size += len(chunk)
        if size > most_bytes:
            raise ListRefused(f"the price list has more than {most_bytes:,} bytes: {RAISE_MAX_BYTES}")
        if not wide:
            _refuse_binary(chunk)
        first, last = _line_ends(chunk)
        if line + first > longest:
            raise ListRefused(f"the price list has a line of more than {MAX_LINE_BYTES >> 20} MB")
        line = line + len(chunk) if last < 0 else len(chunk) - last - 1
        utf8 = _still_utf8(utf8, chunk)
        if any(byte in chunk for byte in _NOT_IN_1252):
            encoding = "latin-1"
    if utf8 and not _still_utf8(utf8, b"", final=True):
        utf8 = None
    refuse_empty(sample)
    return Looked(sample, wide or ("utf-8" if utf8 else encoding))


def refuse_empty(sample: bytes) -> None:
    """Raise `ListRefused` if there is nothing but space."""
    if not sample.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise ListRefused("the price list is empty")


def _refuse_binary(chunk: bytes) -> None:
    if b"\0" in chunk or len(chunk) - len(chunk.translate(None, _CONTROLS)) > len(chunk) // 1000:
        raise ListRefused("the price list is no text and no workbook but binary: send it as CSV, XLSX or JSON")


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
    """The delimiter and the row that make the best header."""
    best: tuple[Heading, str] | None = None
    evenest, broken = 0, ""
    for delimiter in (parameters.delimiter,) if parameters.delimiter else DELIMITERS:
        first_rows, problem = _first_rows(text, delimiter)
        broken = broken or problem
        heading = heading_of(first_rows, parameters)
        # Where no header is known, the delimiter is the one that makes rows of one width.
        even = _rows_of_one_width(first_rows)
        if heading is not None and (
            best is None or heading.rank > best[0].rank or (heading.rank == best[0].rank == (0, 0) and even > evenest)
        ):
            best, evenest = (heading, delimiter), even
    if best is None or (best[0].known == 0 and broken):
        raise ListRefused(f"the price list breaks off at its beginning: {broken or 'it has no rows'}")
    heading, delimiter = best
    refuse_wide(heading.headers)
    layout = Layout(encoding, delimiter, heading.skip, heading.headers, above=heading.above)
    if not heading.is_of_a_list:
        is_doubtful = encoding in encodings.WESTERN and not all(map(str.isascii, heading.headers))
        hint = encodings.SAY_IT if is_doubtful and parameters.encoding is None else ""
        raise ColumnsMissing(what_is_missing(heading, parameters) + hint, layout)
    return layout


def _rows_of_one_width(rows: Sequence[Sequence[str]]) -> int:
    """The number of rows of the commonest width; 0 if they are not divided."""
    widths = Counter(map(len, rows)).most_common(1)
    return widths[0][1] if widths and widths[0][0] > 1 else 0


def _first_rows(text: str, delimiter: str) -> tuple[list[list[str]], str]:
    """The first rows of a list, and why there are no more, if it is broken."""
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            rows.append(cells)
            if len(rows) >= HEADER_WITHIN:
                break
    except csv.Error as error:
        # Of a list longer than the sample, the last row may just be cut.
        return rows, f"line {reader.line_num}: {_in_words(error)}"
    return rows, ""


def _in_words(error: csv.Error) -> str:
    said = str(error)
    if "field larger" in said:
        return f"a cell has more than {csv.field_size_limit():,} characters; is a quotation mark not closed?"
    if "unexpected end of data" in said:
        return "a quotation mark is not closed"
    return f"its quotation marks are wrong ({said})"
