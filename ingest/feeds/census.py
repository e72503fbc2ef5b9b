"""What a supplier's list has, all of its rows counted once: the offered ones, those that are not, by word, and the rest.

A census is taken where a list is read, before anything of it is received, and kept on the run (`Run.census`): whatever the
pages of a run never show is counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

#: What a census keeps of each: a list that makes up words must not fill a row.
MAX_HEADERS, MAX_WORDS, MAX_LENGTH = 100, 40, 60
#: All words beyond `MAX_WORDS` together.
OTHERS = "(other words)"


class Census(msgspec.Struct, frozen=True):
    """Rows of one list: `rows` are the offered ones, those `not_offered` by the list's word, and those `left_out`, by what.

    `nameless` of the offered ones do not say which stone they are. `unknown_headers` has the number of filled cells below
    headers that nobody knows, `unknown_words` the number of rows by field and word that nobody knows. `fields` are those
    that the list has a column for; `likely` are fields that a column with an unknown header seems to hold, by its cells.
    """

    rows: int = 0
    offered: int = 0
    nameless: int = 0
    not_offered: dict[str, int] = {}
    left_out: dict[str, int] = {}
    unknown_headers: dict[str, int] = {}
    unknown_words: dict[str, dict[str, int]] = {}
    fields: tuple[str, ...] = ()
    likely: dict[str, tuple[str, ...]] = {}
    #: What stands outside of the rows of stones and may be meant for them, such as a title that names another currency.
    outside: tuple[str, ...] = ()
    #: Rows by the heading of their part, or the name of their sheet, that is taken to be said of them.
    parts: dict[str, int] = {}

    @property
    def stones(self) -> int:
        """Rows of stones, offered or not, each stone once."""
        return self.offered + sum(self.not_offered.values())


def census_of(kept: Mapping[str, Any]) -> Census | None:
    """A census from the JSON of its row; None where none was taken, or it cannot be read."""
    if not kept:
        return None
    try:
        return msgspec.convert(kept, Census)
    except msgspec.ValidationError:
        return None


def bounded(words: Counter[str], most: int = MAX_WORDS) -> dict[str, int]:
    """Words with their numbers, the most frequent first; what is beyond `most` is summed up."""
    kept: Counter[str] = Counter()
    for word, number in words.most_common(most):
        kept[storable(word)] += number
    if rest := words.total() - kept.total():
        kept[OTHERS] += rest
    return dict(kept)


def storable(text: str) -> str:
    """A word of a list as the database takes it."""
    return "".join(letter if letter.isprintable() else "�" for letter in text[:MAX_LENGTH])
