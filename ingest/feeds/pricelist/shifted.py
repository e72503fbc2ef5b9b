"""Rows whose cells stand under the headers of their neighbours: a cell was left out or pushed in, or two changed places.

A cell tells it that is no word of its own column, and one of the column beside it. Where two tell the same direction, every
cell behind them is another one's, those of money among them, so the row is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from catalog.labs import SPELLINGS
from ingest.errors import MappingError
from ingest.feeds.pricelist import certificates, measures, numbers, vocabulary
from ingest.feeds.pricelist.columns import RESERVED, Cells, is_filled
from ingest.feeds.pricelist.headers import OF_MONEY
from ingest.feeds.values import Reader

#: Cells that must tell the same direction.
_MIN_TELLING = 2
#: The number of a report has so many digits; fewer, or a fraction, are an amount.
MIN_REPORT = 6
#: Carats, and percent of a depth or a table.
_WEIGHTS, _SHARES = (Decimal("0.01"), Decimal(100)), (Decimal(30), Decimal(100))
#: Prices that are one by the weight agree within this share.
_AGREE_WITHIN = Decimal("0.005")
_LABS = frozenset(SPELLINGS.values()) - {""}
#: Whither cells were moved.
_LEFT, _RIGHT = "left", "right"


class _Cell(NamedTuple):
    """One cell of a row; the field is empty where its header has none."""

    header: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.text[:60]!r} under {self.header!r}"

    def is_of(self, other: _Cell) -> bool:
        """Whether it is a word of another one's column."""
        return is_filled(self.text) and _WORDS[other.field][self.text]

    def is_no_word_but_of(self, other: _Cell) -> bool:
        """Whether it is no word of its own column, and one of another one's."""
        return self.is_of(other) and not _WORDS[self.field][self.text]


def _is_report(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= MIN_REPORT and "." not in cell and "," not in cell


def _between(least: Decimal, most: Decimal) -> Reader[bool]:
    return Reader(lambda cell: (number := numbers.measure(cell)) is not None and least <= number <= most)


_is_amount = Reader(lambda cell: numbers.amount(cell, ".") is not None or numbers.amount(cell, ",") is not None)
#: Field → whether a cell is one of its words.
_WORDS: Mapping[str, Reader[bool]] = {
    **{
        field: vocabulary.FIELDS[field].understood
        for field in ("shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence")
    },
    **dict.fromkeys(OF_MONEY, _is_amount),
    **dict.fromkeys(("depth_pct", "table_pct"), _between(*_SHARES)),
    "carats": _between(*_WEIGHTS),
    "measurements": Reader(lambda cell: measures.written(cell) != measures.NOTHING),
    "lab": Reader(lambda cell: certificates.lab[certificates.laboratory(cell)[0]] in _LABS),
    "certificate_number": Reader(_is_report),
}


def refuse_shifted(cells: Cells) -> None:
    """Raise `MappingError` if the row's cells make sense under the headers beside their own only."""
    row = _row(cells)
    telling: Counter[str] = Counter()
    example: dict[str, str] = {}
    for left, right in pairwise(row):
        if not (left.field in _WORDS and right.field in _WORDS):
            continue
        belongs_right, belongs_left = left.is_no_word_but_of(right), right.is_no_word_but_of(left)
        if (belongs_right and right.is_of(left)) or (belongs_left and left.is_of(right)):
            raise MappingError("row", f"{left} and {right} stand in each other's columns")
        for belongs, direction, cell, other in (
            (belongs_right, _LEFT, left, right),
            (belongs_left, _RIGHT, right, left),
        ):
            if belongs:
                telling[direction] += 1
                example.setdefault(direction, f"{cell} belongs under {other.header!r}")
    if telling[_LEFT] and _lacks_a_price(cells):
        # Where a cell is left out, the last column is empty.
        telling[_LEFT] += 1
    for direction, count in telling.most_common(1):
        if count >= _MIN_TELLING:
            raise MappingError("row", f"its cells stand one column to the {direction}: {example[direction]}")
    _refuse_number_as_lab(cells)


def _refuse_number_as_lab(cells: Cells) -> None:
    """Refuse a laboratory that is a number, beside something else in the place of that."""
    lab, number = cells["lab"], cells["certificate_number"]
    if number and lab != number and lab.isdigit() and _is_report(lab):
        raise MappingError(
            "row", f"{lab[:60]!r} under {cells.header('lab')!r} is no laboratory: its cells may be shifted"
        )


def refuse_pushed_prices(cells: Cells, carats: Decimal | None) -> None:
    """Raise `MappingError` for a lone price if what stands behind it, under no header of money, is the other one."""
    for price, behind in cells.of_list.behind_prices:
        said, beside = cells.row[price], cells.row[behind]
        if carats and said and beside and isinstance(said, str) and isinstance(beside, str):
            amount, other = numbers.amount(said.strip(), "."), numbers.amount(beside.strip(), ".")
            if (
                amount
                and other
                and any(abs(other - due) <= _AGREE_WITHIN * due for due in (amount * carats, amount / carats))
            ):
                raise MappingError(
                    "row", f"its prices stand one column to the right: {beside[:60]!r} under {behind!r} is one of them"
                )


def _lacks_a_price(cells: Cells) -> bool:
    """Whether the row has one of the two prices only, of a list that has both."""
    columns = cells.columns
    both = "total_price" in columns and "price_per_carat" in columns
    return both and bool(cells["total_price"]) != bool(cells["price_per_carat"])


def _row(cells: Cells) -> list[_Cell]:
    """The row's cells in the order of the list."""
    best, others = cells.of_list.best, cells.of_list.others
    fields = {header: field for field in best for header in (best[field], *others.get(field, ()))}
    row = []
    for header in cells.row:
        if header not in RESERVED:
            field = fields.get(header, "")
            text = cells.cell(field, header)
            # What words mean is put in the place of the first column's cells.
            row.append(_Cell(header, field, cells[field] if text and best.get(field) == header else text))
    return row
