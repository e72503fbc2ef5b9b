"""JSON that people type, into a form or a command: read within bounds, and only what PostgreSQL's jsonb takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

#: Parameters have some hundred characters, and a bracket or two in each other.
MAX_CHARACTERS, MAX_DEPTH = 100_000, 32

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def read(text: str) -> Any:
    """The value that `text` writes. Raises `ValueError`, whose words go on after the name of where it was typed."""
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"is too long: {len(text):,} characters, {MAX_CHARACTERS:,} at most")
    too_deep = f"has brackets deeper in each other than {MAX_DEPTH}"
    try:
        value = json.loads(text, object_pairs_hook=_unambiguous)
    except _TwiceError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError(too_deep) from None
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error
    for leaf, depth in _leaves(value):
        if depth > MAX_DEPTH:
            raise ValueError(too_deep)
        if isinstance(leaf, float) and not isfinite(leaf):
            raise ValueError("has a number that no database takes: NaN, or an infinite one")
        if isinstance(leaf, str) and _UNSTORABLE.search(leaf):
            raise ValueError("has a text that no database takes: with a NUL (\\u0000) or half of a surrogate pair")
    return value


class _TwiceError(Exception):
    """A name stands twice in an object; the words go on after the name of where it was typed."""


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwiceError(f"says {twice[:60]!r} twice, of which only one can hold")
    return values


def _leaves(value: Any) -> Iterator[tuple[Any, int]]:
    """Names and values with how deep they lie, without recursion."""
    left = [(value, 0)]
    while left:
        current, depth = left.pop()
        yield current, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(current, dict):
            left.extend((each, depth + 1) for pair in current.items() for each in pair)
        elif isinstance(current, list):
            left.extend((each, depth + 1) for each in current)
