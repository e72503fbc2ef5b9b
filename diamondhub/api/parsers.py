"""JSON bodies of requests, read strictly: what is too long, too deep, ambiguous or not storable never reaches a view.

DRF's own parser is lenient where clients should be told. `Endpoint` has this one alone, and asks `check_announced` first.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import takewhile
from typing import IO, Any

from rest_framework.parsers import BaseParser

from diamondhub.api.mistakes import MAX_SHOWN, FieldError, joined
from diamondhub.api.problems import InvalidBody, Problem

#: Objects and lists within each other.
MAX_DEPTH = 32
#: Integers beyond these fit no column and no other language's integers.
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
#: Where in a body something stands: where that stands in which it is, and its name or place there; None: at the top.
_Place = tuple["_Place", str | int] | None


class StrictJsonParser(BaseParser):
    """Reads a body as one unambiguous JSON object in UTF-8. Raises `InvalidBody` for anything else."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return parse_object(stream.read())


def is_sent(headers: Mapping[str, Any]) -> bool:
    """Whether a body comes by a request's `META`: with a length, or in chunks, which cannot be read and must be told."""
    return "HTTP_TRANSFER_ENCODING" in headers or headers.get("CONTENT_LENGTH") not in {None, "", "0"}


def check_announced(headers: Mapping[str, Any], limit: int) -> int:
    """The length in bytes of a body, at most `limit`, by a request's `META`.

    Raises problems 411, 413 and 415 before a byte of the body is read.
    """
    kind, _, parameters = headers.get("CONTENT_TYPE", "").partition(";")
    charset = re.sub(r'[\s"]', "", parameters).lower()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise _unsupported("Send the body as application/json in UTF-8.")
    if headers.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise _unsupported("Send the body uncompressed.")
    length = headers.get("CONTENT_LENGTH") or ""
    if not re.fullmatch(r"[0-9]{1,18}", length, re.ASCII):
        # Without it the server hands over no body, or one without end.
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "length-required", "Send a Content-Length.")
    if int(length) > limit:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", f"The body must not be longer than {limit:,} bytes."
        )
    return int(length)


def parse_object(text: bytes) -> dict[str, Any]:
    """The JSON object that a body writes. Raises `InvalidBody`."""
    if _depth(text) > MAX_DEPTH:
        raise InvalidBody(f"The body nests more than {MAX_DEPTH} levels deep.")
    try:
        value = json.loads(
            text.decode("utf-8"), object_pairs_hook=_unambiguous, parse_constant=_no_number, parse_int=_integer
        )
    except UnicodeDecodeError:
        raise InvalidBody("The body is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidBody(f"The body is not JSON{where}.") from None
    _check(value, None)
    if not isinstance(value, dict):
        raise InvalidBody("The body must be a JSON object.")
    return value


def _unsupported(detail: str) -> Problem:
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)


def _depth(text: bytes) -> int:
    deepest = depth = 0
    for bracket in _TEXTS.sub(b"", text).translate(None, delete=_NO_BRACKETS):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


@dataclass(frozen=True)
class _Unreadable:
    """Stands for what cannot be read until its place is known: the words of the problem, and of its field.

    `name` is that of the field in the object that cannot be read.
    """

    detail: str
    message: str
    name: str | None = None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Unreadable:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                detail = f"The body names {name[:60]!a} twice in one object."
                return _Unreadable(detail, "must be there once", name)
            seen.add(name)
    return value


def _no_number(text: str) -> _Unreadable:
    return _Unreadable(f"{text} is not a JSON number.", "must be a finite number")


def _integer(text: str) -> int | _Unreadable:
    if len(text) > 20 or not MIN_INTEGER <= int(text) <= MAX_INTEGER:
        return _Unreadable("A number is outside of 64 bits.", "must be a number within 64 bits")
    return int(text)


def _check(value: Any, place: _Place) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _check(name, (place, name))
            _check(inner, (place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, (place, number))
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InvalidBody(
                "A text holds a NUL or half of a surrogate pair.", errors=_at(place, "must be plain text")
            )
    elif isinstance(value, _Unreadable):
        raise InvalidBody(value.detail, errors=_at(place if value.name is None else (place, value.name), value.message))
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidBody("A number is too large.", errors=_at(place, "must be a finite number"))


def _at(place: _Place, message: str) -> list[FieldError]:
    # Written out only where something is wrong: names may be long, and very many values stand below one.
    if place is None:
        return []
    path = ""
    parts: list[str | int] = []
    while place is not None:
        place, part = place
        parts.append(part)
        path = joined(f"[{part}]" if isinstance(part, int) else part, path)
    parts.reverse()
    # A pointer leads as far as the names can be shown.
    shown = list(takewhile(lambda part: isinstance(part, int) or _can_be_shown(part), parts))
    return [FieldError(path[:100] if path.strip() and path.isprintable() else ascii(path[:100]), message, tuple(shown))]


def _can_be_shown(name: str) -> bool:
    return len(name) <= MAX_SHOWN and not re.search(r"[\ud800-\udfff]", name)
