"""Finds the objects of arrays in JSON that comes piece by piece, without holding more than one of them.

Only brackets and the bounds of strings are looked at here; what is within an object, a decoder checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.feeds.pricelist.errors import ListRefused

#: Longest object (bytes), and deepest nesting; stones have some kilobytes and three or four levels.
MAX_OBJECT, MAX_DEPTH = 16 << 20, 32
#: Everything up to the next bracket, or up to a string that is not whole yet. Without possessive repeats: before 3.11.5,
#: Python goes on behind the place where one failed.
_PLAIN = re.compile(rb'(?:[^"{}\[\]]+|"[^"\\]*(?:\\.[^"\\]*)*")*', re.DOTALL)
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*\Z', re.DOTALL)
#: Bytes before a bracket in which its key is looked for.
_MAX_KEY = 300
_CLOSES = {ord("}"): ord("{"), ord("]"): ord("[")}
_OPENS = frozenset(_CLOSES.values())


@dataclass(slots=True)
class _Scan:
    """Where the scan is: `brackets` that are open with the key of each, and since which depth within an array's object."""

    rest: bytes = b""
    at: int = 0
    brackets: list[tuple[int, str]] = field(default_factory=list)
    array: int = 0
    began: int = -1
    #: What stands outside of objects of arrays, if anybody wants it.
    outside: bytearray | None = None

    @property
    def path(self) -> str:
        """Where the innermost bracket is."""
        return ".".join(key for _, key in self.brackets if key)


def objects(
    pieces: Iterable[bytes], *, is_whole: bool = True, outside: bytearray | None = None
) -> Iterator[tuple[str, bytes]]:
    """The objects of the outermost arrays that hold objects, and the path of each array (`data.items`).

    `outside` becomes the document without these objects: their arrays are empty in it. Raises `ListRefused` for what is no
    such JSON; a text that is not whole may break off.
    """
    scan = _Scan(outside=outside)
    for piece in pieces:
        scan.rest += piece
        yield from _through(scan)
        if len(scan.rest) - max(0, scan.began) > MAX_OBJECT:
            raise ListRefused(f"the price list has an object or a cell of more than {MAX_OBJECT >> 20} MB")
        if outside is not None and len(outside) > MAX_OBJECT:
            raise ListRefused(f"the price list has more than {MAX_OBJECT >> 20} MB beside its stones")
    if is_whole and (scan.brackets or scan.rest[scan.at :].strip()):
        raise ListRefused("the price list is damaged JSON: it breaks off")


def _through(scan: _Scan) -> Iterator[tuple[str, bytes]]:
    """Go through all that is there; what is done with goes."""
    rest = scan.rest
    while True:
        plain = _PLAIN.match(rest, scan.at)
        assert plain is not None
        end = plain.end()
        if end == len(rest) or rest[end] == ord('"'):
            break
        _refuse_bare(scan, rest[scan.at : end])
        bracket, was_outside = rest[end], not scan.array
        if bracket in _OPENS:
            _open(scan, bracket, rest, end)
        elif (done := _close(scan, bracket, rest, end)) is not None:
            yield done
        if scan.outside is not None and (was_outside or not scan.array):
            # Of the two ends of an array, brackets belong to it and what stands between its objects does not.
            scan.outside += rest[scan.at : end] if was_outside else b""
            scan.outside += b"" if scan.array else rest[end : end + 1]
        scan.at = end + 1
    begins = scan.at if scan.began < 0 else scan.began
    scan.rest = rest[begins:]
    scan.at -= begins
    scan.began = -1 if scan.began < 0 else 0


def _open(scan: _Scan, bracket: int, rest: bytes, end: int) -> None:
    key = _KEY.search(rest, max(scan.at, end - _MAX_KEY), end)
    if not scan.array:
        in_array = bool(scan.brackets) and scan.brackets[-1][0] == ord("[")
        if in_array and bracket == ord("{"):
            scan.array, scan.began = len(scan.brackets), end
    elif len(scan.brackets) == scan.array:
        if bracket != ord("{"):
            raise ListRefused("the price list is JSON whose array has entries that are no objects")
        scan.began = end
    scan.brackets.append((bracket, key[1].decode("utf-8", "replace") if key else ""))
    if len(scan.brackets) > MAX_DEPTH:
        raise ListRefused(f"the price list is JSON nested deeper than {MAX_DEPTH} levels")


def _close(scan: _Scan, bracket: int, rest: bytes, end: int) -> tuple[str, bytes] | None:
    if not scan.brackets or scan.brackets[-1][0] != _CLOSES[bracket]:
        raise ListRefused("the price list is damaged JSON: its brackets do not match")
    scan.brackets.pop()
    if scan.array and len(scan.brackets) == scan.array:
        written, scan.began = rest[scan.began : end + 1], -1
        return scan.path, written
    if len(scan.brackets) < scan.array:
        scan.array = 0
    return None


def _refuse_bare(scan: _Scan, text: bytes) -> None:
    """Between an array's objects stands nothing but commas."""
    if scan.array and len(scan.brackets) == scan.array and text.strip(b", \t\r\n"):
        raise ListRefused("the price list is JSON whose array has entries that are no objects")
