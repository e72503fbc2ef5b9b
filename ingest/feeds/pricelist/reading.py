"""Reading a price list, whatever it is written in: text, workbooks, JSON, plain, in gzip or in a ZIP archive.

What a file is, its bytes say, not its name. `examine` looks at all of it once and says how it is to be read; `rows` then
reads it row by row. Both raise `ListRefused` with one line that says what is wrong and where.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.formats import archives, delimited, json_lists, workbooks
from ingest.feeds.pricelist.formats.contents import Content, is_archive
from ingest.feeds.pricelist.formats.delimited import SAMPLE_BYTES
from ingest.feeds.pricelist.formats.dittos import carried_down
from ingest.feeds.pricelist.formats.layout import (
    AMBIGUOUS,
    BESIDE,
    BEYOND,
    ONE_CERTIFICATE,
    OTHER_HALF,
    OTHER_HEADER,
    PERHAPS,
    PROVEN,
    SHAPE,
    Layout,
    Row,
)
from ingest.feeds.pricelist.parameters import Parameters

__all__ = [
    "AMBIGUOUS",
    "BESIDE",
    "BEYOND",
    "ONE_CERTIFICATE",
    "OTHER_HALF",
    "OTHER_HEADER",
    "PERHAPS",
    "PROVEN",
    "SAMPLE_BYTES",
    "SHAPE",
    "Layout",
    "Row",
    "examine",
    "examine_beginning",
    "needs_all",
    "rows",
]

#: Bytes after which nothing tells any more what a list will become that is read in memory only.
_OPEN_END = 1 << 40


def examine(path: Path, parameters: Parameters, *, most_bytes: int) -> Layout:
    """Look at the whole list and find out how it is to be read. `most_bytes` bounds it after unpacking.

    Raises `SupplierAsks` where there is more than one list in it, and nothing says which is meant.
    """
    return _examine(Content(path, most_bytes), parameters)


def rows(path: Path, layout: Layout) -> Iterator[Row]:
    """All rows below the header that are not blank, in the list's order, with what stands above in the place of dittos."""
    content = Content(path, _OPEN_END, layout.member)
    if layout.form in (json_lists.LINES, json_lists.ARRAY):
        return json_lists.rows(content, layout)
    return carried_down(workbooks.rows(content, layout) if layout.parts else delimited.rows(content, layout))


def needs_all(beginning: bytes) -> bool:
    """Whether a list that begins so can only be looked at whole: a workbook or an archive."""
    return workbooks.may_be_one(_unpacked(beginning))


def examine_beginning(beginning: bytes, parameters: Parameters) -> Layout:
    """As `examine`, of a list of which only the beginning is there: whether the rest is in order is not known."""
    sample = _unpacked(beginning)[:SAMPLE_BYTES]
    delimited.refuse_empty(sample)
    if json_lists.is_json(sample, parameters):
        return json_lists.examine_beginning(sample, parameters)
    return delimited.examine_beginning(sample, parameters)


def _unpacked(beginning: bytes) -> bytes:
    """What of a file's beginning can be unpacked, if it is packed by gzip."""
    if not beginning.startswith(b"\x1f\x8b"):
        return beginning
    try:
        return zlib.decompressobj(wbits=31).decompress(beginning, SAMPLE_BYTES)
    except zlib.error as error:
        raise ListRefused(f"the price list is a damaged gzip file: {error}") from error


def _examine(content: Content, parameters: Parameters) -> Layout:
    beginning = content.beginning(4096)
    delimited.refuse_empty(beginning)
    if form := workbooks.form_of(content, beginning):
        return workbooks.examine(content, form, parameters)
    if is_archive(beginning):
        if content.member:
            raise ListRefused(f"{content.member!r} is an archive within an archive: send the list in one")
        return archives.examine(content, parameters.member, lambda member: _examine(member, parameters))
    if json_lists.is_json(beginning, parameters):
        return json_lists.examine(content, parameters)
    return delimited.examine(content, parameters)
