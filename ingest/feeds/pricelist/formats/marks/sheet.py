"""What a sheet shows of its cells beyond their values: units of numbers, hidden rows, and cells that are struck out.

A reader of a workbook gives values alone, so each form of workbooks has a module here that looks for the rest.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Parts of number formats that are words and no placeholders.
_QUOTED = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_CURRENCY = re.compile(r"\[\$([^\]-]+)(?:-[^\]]*)?\]")
_DOLLARS = re.compile(r"(?:US)?\$|USD|US\$", re.IGNORECASE)
_SIGN = re.compile(
    r"[€£¥₹₪฿₽元]|\b(?:EUR|GBP|INR|CHF|HKD|ILS|NIS|JPY|AED|CNY|RMB|AUD|CAD|SGD|ZAR|THB|Rs\.?)|(?<![A-Z])(?:AU?|CA?|HK|SG?|NZ|NT|R|MX)\s?\$",
    re.IGNORECASE,
)
_ZEROS = re.compile(r"0{2,40}")
PERCENT = "%"
#: Built-in formats that show percents.
BUILT_IN = {9: PERCENT, 10: PERCENT}


class Damaged(Exception):
    """What a workbook shows cannot be found out."""


class Shown:
    """How cells of one sheet are shown, where that is more than their value: percents, zeros in front, currencies.

    By column: the rows whose cells are shown so, and how. Rows are numbered from 1, columns from 0.
    """

    def __init__(self) -> None:
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        self._forms: dict[int, list[str]] = {}

    def note(self, row: int, column: int, form: str) -> None:
        """Note how a cell is shown; the rows of a column come in their order."""
        starts, ends = self._starts.setdefault(column, []), self._ends.setdefault(column, [])
        forms = self._forms.setdefault(column, [])
        if ends and ends[-1] == row - 1 and forms[-1] == form:
            ends[-1] = row
            return
        starts.append(row)
        ends.append(row)
        forms.append(form)

    @property
    def columns(self) -> Sequence[int]:
        """The columns of which any cell is shown so."""
        return list(self._starts)

    def form(self, row: int, column: int) -> str:
        """How a cell is shown; empty for one that is its value."""
        at = bisect_right(self._starts[column], row) - 1
        return self._forms[column][at] if at >= 0 and self._ends[column][at] >= row else ""


@dataclass(slots=True)
class Marks:
    """One sheet. Rows are numbered from 1, columns from 0."""

    shown: Shown = field(default_factory=Shown)
    #: Rows in which a formula has no value, where they are most of the sheet.
    without_values: int = 0
    hidden: set[int] = field(default_factory=set)
    #: Row → the columns of its cells that are struck out, as bits.
    struck: dict[int, int] = field(default_factory=dict)
    rows: int = 0
    _usual: int | None = None

    def note(self, row: int, column: int, look: tuple[str, bool]) -> None:
        """Note the look of a cell: how its number is shown, and whether it is struck out."""
        form, is_struck = look
        if form:
            self.shown.note(row, column, form)
        if is_struck:
            self.struck[row] = self.struck.get(row, 0) | 1 << column

    def is_struck_out(self, row: int, cells: Sequence[str], left: int) -> bool:
        """Whether a row is struck out: half of its filled cells are, or one in a column where that is not the rule.

        A price before a reduction may be struck out on all rows; that says nothing of the stones.
        """
        bits = self.struck.get(row, 0)
        if not bits:
            return False
        if self._usual is None:
            self._usual = self._struck_as_a_rule()
        filled = [column for column, cell in enumerate(cells, left) if cell]
        struck = [column for column in filled if bits >> column & 1]
        return bool(struck) and (
            2 * len(struck) >= len(filled) or any(not self._usual >> column & 1 for column in struck)
        )

    def _struck_as_a_rule(self) -> int:
        """The columns that are struck out on most rows, as bits."""
        counted: Counter[int] = Counter()
        for bits in self.struck.values():
            counted.update(column for column in range(bits.bit_length()) if bits >> column & 1)
        return sum(1 << column for column, rows in counted.items() if 2 * rows > self.rows)


def form_of(number_format: str) -> str:
    """What a number format adds to a value: "%", zeros for the digits it fills up to, or another currency than dollars."""
    positive = number_format.split(";")[0]
    named = _CURRENCY.search(positive)
    if named and not _DOLLARS.fullmatch(named[1].strip()):
        return named[1].strip()[:8]
    words = "".join(match[1] or match[2] or "" for match in _QUOTED.finditer(positive))
    bare = _QUOTED.sub("", _CURRENCY.sub("", positive))
    if PERCENT in bare:
        return PERCENT
    if (sign := _SIGN.search(words) or _SIGN.search(bare)) is not None:
        return sign[0]
    return bare.strip() if _ZEROS.fullmatch(bare.strip()) else ""
