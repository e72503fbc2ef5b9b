"""Workbooks: XLSX, XLSM, XLSB, XLS and ODS, read by `workbook_program` in a process of its own.

The sheet is read that has a header of a price list. Where several have one, a person says which: nothing in a workbook tells
whether a second sheet has further stones, those that were sold, or the same ones once more.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ingest.feeds.pricelist.errors import ColumnsMissing, ListRefused
from ingest.feeds.pricelist.formats.contents import Content, archive, is_archive
from ingest.feeds.pricelist.formats.layout import (
    Heading,
    Layout,
    Part,
    Row,
    by_header,
    heading_of,
    refuse_wide,
    what_is_missing,
)
from ingest.feeds.pricelist.parameters import ALL_SHEETS, Parameters
from ingest.feeds.verdicts import Answer, Question, SupplierAsks, Verdict

#: Longest workbook (bytes): beyond that rows are sent as text, which is read as it comes.
MAX_BYTES = 200_000_000
#: Bytes that a workbook's parts may become. They are read as they come, but for its words, which are all held.
_MAX_UNPACKED = 2_000_000_000
#: What the process that reads a workbook may take (bytes of memory, seconds of a processor).
MAX_MEMORY, MAX_SECONDS = 1_000_000_000, 300
#: Sheets that are looked at.
MAX_SHEETS = 100
#: Sheets that a question names.
_NAMED = 8
_PROGRAM, _FOLDER = "ingest.feeds.pricelist.formats.workbook_program", Path(__file__).parents[4]
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: The name of the stream in which Office keeps a workbook that is locked by a password.
_LOCKED = "EncryptedPackage".encode("utf-16-le")


class _Head(msgspec.Struct):
    """A sheet and its first rows."""

    name: str
    visible: bool
    rows: list[tuple[int, list[str]]]
    refused: str = ""
    #: Whether rows of it are hidden, or cells struck out.
    leaves_out: bool = False


def may_be_one(beginning: bytes) -> bool:
    """Whether bytes begin as workbooks do, and archives."""
    return beginning.startswith(_OLE) or is_archive(beginning)


def form_of(content: Content, beginning: bytes) -> str:
    """What kind of workbook a file is by its bytes; empty if it is none. `beginning` are its first ones."""
    if beginning.startswith(_OLE):
        return "XLS"
    if not is_archive(beginning):
        return ""
    with content.as_file(most_bytes=_MAX_UNPACKED) as path, archive(path, _MAX_UNPACKED) as opened:
        names = set(opened.namelist())
        if "xl/workbook.xml" in names:
            return "XLSM" if any(name.endswith("vbaProject.bin") for name in names) else "XLSX"
        if "xl/workbook.bin" in names:
            return "XLSB"
        if "content.xml" in names and "mimetype" in names:
            return "ODS" if b"spreadsheet" in opened.read("mimetype")[:200] else ""
    return ""


def examine(content: Content, form: str, parameters: Parameters) -> Layout:
    """Find the sheet that has the list. Raises `SupplierAsks` where several have one."""
    heads = _heads(content)
    if not heads:
        raise ListRefused("the workbook has no sheet of rows")
    chosen = _chosen(heads, parameters.sheet)
    headings = [(head, heading) for head in chosen if (heading := _heading(head, parameters)) is not None]
    lists = [(head, heading) for head, heading in headings if heading.is_of_a_list]
    if not lists:
        raise _none(chosen, headings, form, parameters)
    for head, _ in lists:
        if head.refused:
            raise ListRefused(head.refused)
    if len(lists) > 1 and parameters.sheet != ALL_SHEETS:
        raise SupplierAsks(Verdict(question=_question([head.name for head, _ in lists])))
    parts = tuple(_part(head, heading) for head, heading in lists)
    headers = tuple(dict.fromkeys(header for part in parts for header in part.headers))
    refuse_wide(headers)
    above = tuple(text for head, heading in lists for text in (head.name, *heading.above))
    leaving_out = [_part(head, heading) for head, heading in lists if head.leaves_out]
    left_out = _left_out(content, leaving_out) if leaving_out else {}
    return Layout("", "", parts[0].skip, headers, form, parts=parts, above=above, left_out=left_out)


def rows(content: Content, layout: Layout) -> Iterator[Row]:
    """All rows below the headers of the list's sheets, in their order."""
    parts = iter(layout.parts)
    part = next(parts)
    last = part.skip
    blank = dict.fromkeys(layout.headers, "") if len(layout.parts) > 1 else {}
    for line in _lines(content, "rows", *(part.name for part in layout.parts)):
        match line:
            case [int(number), list(cells)]:
                if number > part.skip:
                    yield Row(number, {**blank, **by_header(part.headers, cells)}, part.name, number > last + 1)
                    last = number
            case str():
                # The end of a sheet.
                part = next(parts, part)
                last = part.skip


def _left_out(content: Content, parts: Sequence[Part]) -> dict[str, int]:
    """Filled rows below the headers of sheets that are hidden, and those that are struck out, by what they are."""
    counted: Counter[str] = Counter()
    for part, left_out in zip(parts, _lines(content, "left-out", *(part.name for part in parts)), strict=True):
        for what, numbers in left_out.items():
            counted[what] += sum(number > part.skip for number in numbers)
    return dict(counted)


def _heads(content: Content) -> list[_Head]:
    heads = [msgspec.convert(line, _Head) for line in _lines(content, "heads") if isinstance(line, dict)]
    if len(heads) > MAX_SHEETS:
        raise ListRefused(f"the workbook has {len(heads):,} sheets; at most {MAX_SHEETS} are looked at")
    return heads


def _chosen(heads: Sequence[_Head], sheet: str) -> Sequence[_Head]:
    """The sheets that a person sees, or the one that the feed names."""
    visible = [head for head in heads if head.visible]
    if not sheet or sheet == ALL_SHEETS:
        return visible
    named = [head for head in heads if head.name.strip().casefold() == sheet.strip().casefold()]
    if not named:
        raise ListRefused(f"the workbook has no sheet {sheet!r}; it has {_names([head.name for head in visible])}")
    return named


def _heading(head: _Head, parameters: Parameters) -> Heading | None:
    return heading_of((cells for _, cells in head.rows), parameters)


def _none(
    heads: Sequence[_Head], headings: Sequence[tuple[_Head, Heading]], form: str, parameters: Parameters
) -> ListRefused:
    """Why no sheet has a list."""
    refused = next((head.refused for head in heads if head.refused), "")
    if refused:
        return ListRefused(refused)
    if not headings:
        return ListRefused("the price list is empty: no sheet of the workbook that is shown has a filled cell")
    head, heading = max(headings, key=lambda of_sheet: of_sheet[1].rank)
    refuse_wide(heading.headers)
    where = f" (sheet {head.name[:40]!r})" if len(heads) > 1 else ""
    part = _part(head, heading)
    return ColumnsMissing(
        what_is_missing(heading, parameters) + where, Layout("", "", part.skip, part.headers, form, parts=(part,))
    )


def _part(head: _Head, heading: Heading) -> Part:
    return Part(head.name, head.rows[heading.skip][0], heading.headers)


def _question(names: Sequence[str]) -> Question:
    answers = [Answer("All of them", {"sheet": ALL_SHEETS})]
    answers += [Answer(f"Only {name!r}", {"sheet": name}) for name in names[:_NAMED]]
    return Question(
        f"The workbook has a price list in each of {len(names)} sheets, {_names(names)}: which of them are for sale?",
        tuple(answers),
    )


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown or "none"


def _lines(content: Content, what: str, *names: str) -> Iterator[Any]:
    """What the program writes, line by line. Raises `ListRefused` for what it refuses, and where it breaks off."""
    with content.as_file(most_bytes=MAX_BYTES) as path:
        if what == "heads":
            _refuse_at_sight(path)
        bounds = str(MAX_MEMORY), str(MAX_SECONDS)
        command = [sys.executable, "-s", "-m", _PROGRAM, what, str(path.resolve()), *bounds, *names]
        with _running(command) as program:
            assert program.stdout is not None
            line: Any = None
            for written in program.stdout:
                try:
                    line = msgspec.json.decode(written)
                except msgspec.DecodeError:
                    line = None
                    break
                if isinstance(line, dict) and set(line) == {"refused"}:
                    raise ListRefused(_TOO_LARGE if line["refused"] == "memory" else line["refused"])
                if line == "end":
                    return
                yield line
            raise ListRefused(_TOO_LARGE)


_TOO_LARGE = (
    f"the workbook cannot be read within {MAX_MEMORY // 10**6:,} MB of memory and {MAX_SECONDS} seconds:"
    " send the list as CSV"
)


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    # It needs nothing of the environment, where secrets may be.
    with subprocess.Popen(
        command,
        cwd=_FOLDER,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONUTF8": "1"},
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def _refuse_at_sight(path: Path) -> None:
    """Refuse what is too large, locked, or would be a bomb by what it says itself."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ListRefused(f"the workbook has {size:,} bytes; at most {MAX_BYTES:,} are read: send the list as CSV")
    with path.open("rb") as file:
        beginning = file.read(1 << 16)
    if beginning.startswith(_OLE):
        if _LOCKED in path.read_bytes():
            raise ListRefused("the workbook is locked by a password: send it without one")
        return
    with archive(path, _MAX_UNPACKED, "workbook") as opened:
        if any(member.flag_bits & 1 for member in opened.infolist()):
            raise ListRefused("the workbook is locked by a password: send it without one")
        _count_really(opened)


def _count_really(opened: zipfile.ZipFile) -> None:
    """Raise `ListRefused` if a part is damaged, or larger than the workbook says."""
    for member in opened.infolist():
        if member.filename.startswith("xl/media/"):
            continue
        try:
            with opened.open(member) as part:
                while part.read(1 << 20):
                    pass
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
            raise ListRefused(f"the workbook is damaged: {' '.join(str(error).split())[:120]}") from error
