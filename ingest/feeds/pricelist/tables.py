"""Headers that stand again within a list: the list's own, and another one, by which the rows below it are not read."""

from __future__ import annotations

import re

from ingest.feeds.pricelist.columns import RESERVED
from ingest.feeds.pricelist.formats.groups import named_by_groups
from ingest.feeds.pricelist.headers import OF_MONEY, PRICES, REPEATED, field_of, key
from ingest.feeds.pricelist.reading import OTHER_HEADER, Row

#: So many cells of a row, and half of all, are the names of as many fields where it is a header.
_MIN_FIELDS = 3
#: One of these is among them.
_TELLING = frozenset({"stock_number", "carats", *PRICES})
#: Fields of amounts.
_WEIGHED = frozenset({"carats", *OF_MONEY})
#: What tells stones from the sums by shape that some lists have at their end.
_OF_STONES = frozenset({"stock_number", "color", "clarity", "fancy_color", "certificate_number", "color_clarity"})
#: Longest text of a header that is shown (characters).
_SHOWN = 200
_LETTERS = re.compile(r"[^\W\d_]")


class Tables:
    """Finds the headers within one list, whose rows come in the list's order, and marks the rows below another one."""

    def __init__(self) -> None:
        self._sheet = self._other = ""
        self._of_sums = self._begun = False
        self._above: list[str] = []
        #: The headers before the first stone, which may be one in several languages.
        self._own: list[list[str]] = []

    def is_header(self, row: Row) -> bool:
        """Take the next row that has no weight and no digit where stock numbers are; whether it is a header."""
        self._enter(row)
        headers = [header for header in row.cells if header not in RESERVED]
        names = [str(row.cells[header]).strip() for header in headers]
        above, self._above = self._above, names
        named = [name for name in names if name]
        known = [found[0] for name in named if _LETTERS.search(name) and (found := field_of(name)) is not None]
        fields = set(filter(None, known))
        if len(fields) < _MIN_FIELDS or 2 * len(known) < len(named) or not fields & _TELLING:
            return False
        if not self._begun:
            self._own.append(names)
        is_own = names in self._own or any(
            all(map(_may_be_the_same, headers, spelled)) for spelled in named_by_groups(above, names)
        )
        self._other = "" if is_own else ", ".join(named)[:_SHOWN]
        self._of_sums = not fields & _OF_STONES
        return True

    def is_sum(self, row: Row) -> bool:
        """Whether a row stands below the header of a table that only adds stones up."""
        self._enter(row)
        return bool(self._other) and self._of_sums

    def mark(self, row: Row) -> None:
        """Have a row of a stone carry the header that it stands below, if that is another than the list's."""
        self._begun = True
        if self._other:
            row.cells[OTHER_HEADER] = self._other

    def _enter(self, row: Row) -> None:
        if row.part != self._sheet:
            self._sheet, self._other, self._of_sums, self._begun = row.part, "", False, False
            self._above, self._own = [], []


def _may_be_the_same(header: str, name: str) -> bool:
    """Whether a name that stands in a column again may be that of it: of weights and prices only one that we know."""
    header = REPEATED.sub("", header)
    if not name or key(header) == key(name):
        return True
    meant, said = (found[0] if (found := field_of(text)) else None for text in (header, name))
    return meant == said or not meant or (not said and meant not in _WEIGHED)
