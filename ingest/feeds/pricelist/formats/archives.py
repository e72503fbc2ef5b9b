"""ZIP archives that hold one price list, among whatever else suppliers pack with it: pictures, terms, read-me files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace

from ingest.feeds.pricelist.errors import ColumnsMissing, ListRefused
from ingest.feeds.pricelist.formats.contents import Content, archive
from ingest.feeds.pricelist.formats.layout import Layout
from ingest.feeds.verdicts import Answer, Question, SupplierAsks, Verdict

#: Files of an archive that are read to find the list, and names that a question or an error has.
MAX_READ, _NAMED = 20, 8
#: Beginnings of files that are no lists: pictures, sound, films, PDF.
_OTHER = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"RIFF",
    b"%PDF",
    b"\x00\x00\x00",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"ID3",
    b"OggS",
)

#: Looks at one file: its layout, or what it raises.
Examine = Callable[[Content], Layout]


def examine(content: Content, member: str, look: Examine) -> Layout:
    """Find the one list of an archive, or the `member` that the feed names. Raises `SupplierAsks` for several."""
    with archive(content.path, content.most_bytes) as opened:
        members = [entry for entry in opened.infolist() if _may_be_one(entry)]
        names = [entry.filename for entry in members]
    if member:
        wanted = [name for name in names if name.casefold() == member.strip().casefold()]
        if not wanted:
            raise ListRefused(f"the archive has no file {member!r}; it has {_shown(names)}")
        return _looked_at(Content(content.path, content.most_bytes, wanted[0]), look)
    lists: list[Layout] = []
    asks: SupplierAsks | None = None
    reasons: dict[str, ListRefused] = {}
    for entry in members:
        inner = Content(content.path, content.most_bytes, entry.filename)
        if len(reasons) + len(lists) >= MAX_READ:
            raise ListRefused(
                f"the archive has more than {MAX_READ} files that may be lists: name the list in the feed's `member`"
            )
        if inner.beginning(4, packed=True).startswith(_OTHER):
            continue
        try:
            lists.append(_looked_at(inner, look))
        except SupplierAsks as error:
            asks = error
        except ListRefused as error:
            reasons[entry.filename] = error
    if len(lists) + (asks is not None) > 1:
        found = [layout.member for layout in lists]
        raise SupplierAsks(Verdict(question=_question(found)))
    if asks is not None:
        raise asks
    if lists:
        return lists[0]
    raise _why_none(names, reasons)


def _looked_at(content: Content, look: Examine) -> Layout:
    return replace(look(content), member=content.member)


def _why_none(names: list[str], reasons: dict[str, ListRefused]) -> ListRefused:
    if not reasons:
        return ListRefused(f"the archive holds no price list; it has {_shown(names)}")
    if len(reasons) == 1:
        ((name, reason),) = reasons.items()
        if isinstance(reason, ColumnsMissing):
            layout = replace(reason.layout, member=name)
            return ColumnsMissing(f"{reason} ({name[:60]!r} of the archive)", layout)
        return ListRefused(f"{reason} ({name[:60]!r} of the archive)")
    told = "; ".join(f"{name[:60]!r}: {str(reason)[:200]}" for name, reason in list(reasons.items())[:3])
    return ListRefused(f"the archive holds {len(reasons)} files and none can be read as a price list: {told}")


def _may_be_one(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    return not entry.is_dir() and not hidden and entry.file_size > 0


def _question(names: list[str]) -> Question:
    return Question(
        f"The archive holds {len(names)} price lists, {_shown(names)}: which one is it?",
        tuple(Answer(f"Only {name!r}", {"member": name}) for name in names[:_NAMED]),
    )


def _shown(names: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown or "no files"
