"""What a stone without a value costs: no condition on that value matches the stone, turned round or not.

So a stone without a colour passes over every rule that asks for colours, and over every rule that asks for any colour but
some; it is priced by the first rule that does not ask, or by the base margin of its type. `evaluate` decides so by
`matches`, and SQL by itself, where a comparison with NULL is not true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: What people read where a stone has no value.
NOT_KNOWN = "not known"


def matches(value: Any, takes: Callable[[Any], bool]) -> bool:
    """Whether a condition matches a stone whose value this is, None if it has none; `takes` says it of a value."""
    return value is not None and takes(value)


def in_words(value: Any, say: Callable[[Any], str] = str) -> str:
    """A value, or that there is none, for people."""
    return NOT_KNOWN if value is None else say(value)
