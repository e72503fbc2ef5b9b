"""Lists as JSON: an object a line, an array of objects, or an object that has one such array somewhere within.

An array is read as it comes, never held. What is within an object of a stone is named by its path: `{"certificate": {"lab":
"GIA"}}` has the header `certificate.lab`. Values become the text that a CSV list would have.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from ingest.feeds.pricelist.errors import ColumnsMissing, ListRefused
from ingest.feeds.pricelist.formats import delimited, json_arrays
from ingest.feeds.pricelist.formats.contents import Content
from ingest.feeds.pricelist.formats.delimited import MAX_LINE_BYTES
from ingest.feeds.pricelist.formats.layout import (
    MAX_CELL,
    MAX_COLUMNS,
    Layout,
    Row,
    heading_of,
    refuse_wide,
    what_is_missing,
)
from ingest.feeds.pricelist.parameters import Parameters

LINES, ARRAY = "JSON lines", "JSON"
#: Objects within a stone that are opened: `certificate.measures.length` is the deepest.
_MAX_DEPTH = 4
_PIECE = 1 << 20
_decoder = msgspec.json.Decoder(dict[str, Any])
#: Exponents that are written out; nothing of a stone is larger or smaller.
_MAX_EXPONENT = 30


def is_json(beginning: bytes, parameters: Parameters) -> bool:
    """Whether text begins as JSON does."""
    text = beginning.decode(delimited.utf16(beginning, parameters) or "latin-1", "replace")
    plain = text.removeprefix("ï»¿").lstrip("\ufeff \t\r\n")
    return plain[:1] == "{" or (plain[:1] == "[" and plain[1:].lstrip()[:1] in ("{", "[", "]", '"'))


def examine(content: Content, parameters: Parameters) -> Layout:
    """Look at the whole list: where its stones are, and the names of all that they have."""
    looked = delimited.look_through(content, parameters, lines=False)
    encoding = parameters.encoding or looked.encoding
    if _is_lines(looked.sample.decode(_codec(encoding), "replace")):
        headers = _headers(stone for _, stone in _lines(content, encoding))
        return _layout(Layout(encoding, "", 0, headers, LINES), parameters)
    outside = bytearray()
    layout = _array(_stones(content, encoding, outside))
    return _layout(replace(layout, encoding=encoding, above=_head(outside)), parameters)


def examine_beginning(sample: bytes, parameters: Parameters) -> Layout:
    """The same of a list of which only the beginning is there."""
    encoding = parameters.encoding or delimited.utf16(sample, parameters) or "utf-8"
    text = sample.decode(_codec(encoding), "replace")
    if _is_lines(text):
        # The last line may be cut off.
        lines = [line for line in text.splitlines()[:-1] if line.strip()] or [text]
        headers = _headers(_decoded(line.encode(), f"at line {number:,}") for number, line in enumerate(lines, 1))
        return _layout(Layout(encoding, "", 0, headers, LINES), parameters)
    stones = (
        (within, _decoded(written, "at its beginning"))
        for within, written in json_arrays.objects([text.encode()], is_whole=False)
    )
    return _layout(replace(_array(stones), encoding=encoding), parameters)


def _array(stones: Iterator[tuple[str, dict[str, Any]]]) -> Layout:
    """The only array of stones. Raises `ListRefused` if there are several, or none."""
    headers: dict[str, dict[str, None]] = {}
    for number, (within, stone) in enumerate(stones, 1):
        of_array = headers.setdefault(within, {})
        of_array.update(dict.fromkeys(_cells(stone, number)))
        refuse_wide(list(of_array))
    if len(headers) > 1:
        names = ", ".join(repr(array) for array in headers)
        raise ListRefused(
            f"the price list is JSON with {len(headers)} arrays of objects, {names}: send one with the stones only"
        )
    if not headers:
        raise ListRefused("the price list is JSON without an array of objects, or the array is empty")
    ((within, of_array),) = headers.items()
    return Layout("", "", 0, tuple(of_array), ARRAY, within=within)


def rows(content: Content, layout: Layout) -> Iterator[Row]:
    """All stones that are not empty, in the list's order."""
    blank = dict.fromkeys(layout.headers, "")
    stones = (
        _lines(content, layout.encoding)
        if layout.form == LINES
        else enumerate((stone for within, stone in _stones(content, layout.encoding) if within == layout.within), 1)
    )
    for number, stone in stones:
        cells = _cells(stone, number)
        if any(map(str.strip, cells.values())):
            yield Row(number, {**blank, **cells})


def _headers(stones: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    headers: dict[str, None] = {}
    for number, stone in enumerate(stones, 1):
        headers.update(dict.fromkeys(_cells(stone, number)))
        refuse_wide(list(headers))
    return tuple(headers)


def _layout(layout: Layout, parameters: Parameters) -> Layout:
    """The layout, if a list can be read by it."""
    heading = heading_of([layout.headers], parameters) if layout.headers else None
    if heading is None:
        raise ListRefused("the price list is empty: its objects have no fields")
    if not heading.is_of_a_list:
        raise ColumnsMissing(what_is_missing(heading, parameters), layout)
    return layout


def _codec(encoding: str) -> str:
    return {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}.get(encoding, encoding)


def _is_lines(text: str) -> bool:
    """Whether each line is an object of its own: the first is whole, and another object follows or nothing."""
    first, _, rest = text.lstrip("\ufeff \t\r\n").partition("\n")
    try:
        stone = msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        return False
    if not isinstance(stone, dict):
        return False
    return rest.lstrip()[:1] == "{" or not any(
        isinstance(value, list) and value and isinstance(value[0], dict) for value in _values(stone)
    )


def _values(value: Any) -> Iterator[Any]:
    """The values of an object and of all objects within it."""
    for inner in value.values():
        yield inner
        if isinstance(inner, dict):
            yield from _values(inner)


def _lines(content: Content, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with content.opened() as file:
        number, rest = 0, b""
        for piece in _recoded(file, encoding):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number += 1
                yield from _line(line, number)
            if len(rest) > MAX_LINE_BYTES:
                raise ListRefused(f"the price list has a line of more than {MAX_LINE_BYTES >> 20} MB")
        yield from _line(rest, number + 1)


def _line(line: bytes, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
    if line.strip():
        yield number, _decoded(line, f"at line {number:,}")


def _decoded(written: bytes, where: str) -> dict[str, Any]:
    try:
        return _decoder.decode(written)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ListRefused(f"the price list is damaged JSON {where}: {_said(error)}") from error


def _recoded(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    """The text as UTF-8 without a mark."""
    decoder = codecs.getincrementaldecoder(_codec(encoding))()
    try:
        while piece := file.read(_PIECE):
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", True).encode()
    except UnicodeError as error:
        raise ListRefused(f"the price list is not {encoding}: {_said(error)}") from error


def _stones(content: Content, encoding: str, outside: bytearray | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of all arrays that lie in no other such array, and where each array lies; see `json_arrays.objects`."""
    with content.opened() as file:
        for number, (within, written) in enumerate(json_arrays.objects(_recoded(file, encoding), outside=outside), 1):
            yield within, _decoded(written, f"at entry {number:,}")


def _head(outside: bytearray) -> tuple[str, ...]:
    """What a document says beside its stones, a line for each value: "meta.currency: EUR"."""
    try:
        head = msgspec.json.decode(outside)
    except (msgspec.DecodeError, RecursionError):
        # The stones can be read all the same.
        head = outside.decode("utf-8", "replace")
    return tuple(_lines_of_head(head, ""))


def _lines_of_head(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lines_of_head(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _lines_of_head(inner, path)
    elif value not in (None, ""):
        yield f"{path}: {_text(value)}" if path else _text(value)


def _cells(stone: Mapping[str, Any], number: int) -> dict[str, str]:
    """A stone's values by their paths."""
    cells: dict[str, str] = {}
    _open(stone, "", cells, _MAX_DEPTH)
    for cell in cells.values():
        if len(cell) > MAX_CELL:
            raise ListRefused(f"entry {number:,} of the price list has a cell of more than {MAX_CELL:,} characters")
    return cells


def _open(stone: Mapping[str, Any], path: str, cells: dict[str, str], depth: int) -> None:
    for name, value in stone.items():
        header = f"{path}{name}".strip() or "column"
        if isinstance(value, dict) and depth:
            _open(value, f"{header}.", cells, depth - 1)
        else:
            cells[header] = _text(value)
        if len(cells) > MAX_COLUMNS:
            refuse_wide(list(cells))


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case list() if all(isinstance(entry, str | int | float) for entry in value):
            return ", ".join(map(_text, value))
        case _:
            return msgspec.json.encode(value).decode()


def _number(value: float) -> str:
    number = Decimal(repr(value))
    return str(value) if abs(number.adjusted()) > _MAX_EXPONENT else format(number, "f")


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
