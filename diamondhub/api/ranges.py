"""Parts of files: the `Range` that a request asks for, and whether it still means the same file (RFC 9110, section 14).

One range of bytes is answered by that part. Several ranges at once, and what is no range of bytes, are answered by the whole
file, as the RFC allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.http import http_date

_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)
#: No file has so many bytes; longer numbers mean no other (digits).
_MAX_DIGITS = 18


class NotSatisfiable(Exception):
    """No byte of the file lies in the range."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file from `first` up to and including `last`; `of` is the file's length."""

    first: int
    last: int
    of: int

    @property
    def length(self) -> int:
        """How many bytes they are."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """What `Content-Range` says of it."""
        return f"bytes {self.first}-{self.last}/{self.of}"


def part_asked_for(meta: Mapping[str, Any], *, length: int, etag: str, modified: datetime) -> Part | None:
    """The part of a file that a GET asks for; None for the whole. `etag` is its strong tag, with quotes.

    Raises `NotSatisfiable`.
    """
    header = meta.get("HTTP_RANGE")
    if header is None or meta.get("REQUEST_METHOD") != "GET":
        return None
    if not _is_the_same(meta.get("HTTP_IF_RANGE"), etag=etag, modified=modified):
        return None
    return part_of(header, length)


def part_of(header: str, length: int) -> Part | None:
    """The part of a file of `length` bytes that a `Range` header names; None for the whole. Raises `NotSatisfiable`."""
    asked = _ONE_RANGE.fullmatch(header)
    if asked is None or not (asked[1] or asked[2]):
        return None
    if not asked[1]:
        suffix = _number(asked[2])
        if not suffix:
            raise NotSatisfiable
        return Part(max(0, length - suffix), length - 1, length) if length else None
    first, last = _number(asked[1]), _number(asked[2]) if asked[2] else length - 1
    if asked[2] and last < first:
        return None
    if first >= length:
        raise NotSatisfiable
    return Part(first, min(last, length - 1), length)


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _is_the_same(if_range: str | None, *, etag: str, modified: datetime) -> bool:
    """Whether `If-Range` means this file: by its strong tag, or by the very date of it."""
    return if_range is None or if_range.strip() in {etag, http_date(int(modified.timestamp()))}
