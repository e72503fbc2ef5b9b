"""The case of one list: its columns of money, and what is known so far of what each of them means.

`proof` decides it, by the rules of `price_columns` and `list_price`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingest.feeds.pricelist.discounts import Writing
from ingest.feeds.pricelist.headers import DISCOUNT, LIST_PRICE, PRICES, columns_of, is_price_by_one_format
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proven import Proven
from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.verdicts import Answer, Column, Means, Question

#: The field of a price by what it means, and what the name of a field says that it means.
FIELD = {Means.TOTAL: "total_price", Means.PER_CARAT: "price_per_carat", Means.EITHER: "total_price"}
HINTED = {"total_price": Means.TOTAL, "price_per_carat": Means.PER_CARAT}
#: Rows that make sense as one meaning only from which levels prove it.
MIN_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Hint:
    """What a column is called: its field by its spelling or by the feed's own word."""

    header: str
    field: str
    said: bool
    rank: int


class Case:
    """One list, while it is found out."""

    def __init__(
        self, headers: tuple[str, ...], hints: list[Hint], rows: list[SampleRow], parameters: Parameters, count: int
    ) -> None:
        self.headers, self.rows, self.count, self.parameters = headers, rows, count, parameters
        self.hints = sorted(hints, key=lambda hint: hint.rank)
        self.default = columns_of(headers, parameters.chosen)
        self.columns: dict[str, Column] = {}
        self.notes: list[str] = []
        self.writing: Writing | None = None
        self.listed = self.off = ""
        #: Columns that are not read, although their headers are known.
        self.left_out: set[str] = set()
        #: A list price of whole stones, and what proves that.
        self.of_stones: tuple[str, str] | None = None
        #: The column that says what a lone price is of, and what it says.
        self.told: tuple[str, Means] | None = None
        #: Whether list × discount was seen to give some row's price.
        self.fits = False
        #: Whether it gives so many that a row with another one contradicts itself.
        self.binds = False

    def prices(self) -> list[Hint]:
        """The columns called prices of which nothing is known yet."""
        return [hint for hint in self.hints if hint.field in PRICES and hint.header not in self.columns]

    def filled(self, header: str) -> list[SampleRow]:
        """The rows with an amount in a column."""
        return [row for row in self.rows if (row.amounts[header] or 0) > 0]

    @property
    def priced(self) -> bool:
        """Whether any column holds prices."""
        return any(self.means(hint) in FIELD for hint in self.hints if self.filled(hint.header))

    def means(self, hint: Hint) -> Means | None:
        """What a column is known to hold."""
        column = self.columns.get(hint.header)
        return column.means if column is not None else None

    def says_nothing(self, hint: Hint) -> bool:
        """Whether the name of a column of prices does not tell what it holds."""
        return hint.field == "price" or is_price_by_one_format(hint.header, self.headers)

    def named_beside(self, hint: Hint) -> list[Hint]:
        """The other columns of prices whose names tell what they hold, or that are known to hold it."""
        return [
            other
            for other in self.hints
            if other is not hint and other.field in HINTED and self.means(other) is not Means.DISCOUNT
        ]

    def say(self, hint: Hint, means: Means, by: str, rows: int, of: int, *, proven: bool = False) -> None:
        """Note what a column holds, by what, and how many rows of how many say so, unless it is known."""
        if hint.header not in self.columns or self.columns[hint.header].means is Means.UNKNOWN:
            self.columns[hint.header] = Column(hint.header, means, by, rows, of, proven)

    def ask(self, hint: Hint, words: str, *, only: Means | None = None) -> Question:
        """A question about one column of prices, with the row that shows most what depends on it."""
        telling = [row for row in self.filled(hint.header) if row.carats and row.carats != 1]
        example = ""
        if telling:
            row = max(telling, key=lambda row: abs(math.log(row.carats or 1)))
            amount, weight = row.amounts[hint.header] or 0, row.carats or 1
            example = (
                f"Row {row.number}: {weight:g} ct, {row.cells[hint.header]} → the stone costs "
                f"{amount:,.2f} or {amount * weight:,.2f}."
            )
        lone = hint.field == "price" and sum(other.field == "price" for other in self.hints) == 1
        answers = [
            Answer(
                f"{hint.header} is {words_of}",
                {"price_means": str(means)} if lone else {"columns": {hint.header: FIELD[means]}},
            )
            for means, words_of in ((Means.TOTAL, "of the stone"), (Means.PER_CARAT, "of a carat"))
            if only in (None, means)
        ]
        return Question(words, tuple(answers), example)

    def proven(self) -> Proven:
        """What rows have to carry: what their headers do not say, or say wrongly."""
        columns: dict[str, str] = {}
        for hint in self.hints:
            means = self.means(hint)
            if hint.said or means is None:
                continue
            if hint.field == "price" and self.parameters.price_means is None:
                if means in FIELD and not self.is_default(means):
                    columns[hint.header] = FIELD[means]
            elif hint.field in HINTED and means in FIELD and FIELD[means] != hint.field:
                columns[hint.header] = FIELD[means]
            if hint.field in PRICES and means is Means.DISCOUNT:
                columns[hint.header] = DISCOUNT if hint.header == self.off else ""
        columns |= dict.fromkeys(self.left_out, "")
        if not self.listed or not (self.fits or not self.priced):
            return Proven(columns)
        reckoned = {LIST_PRICE: self.listed, DISCOUNT: self.off}
        columns |= {header: field for field, header in reckoned.items() if self.default.get(field) != header}
        return Proven(columns, self.writing, binding=self.binds)

    def is_default(self, means: Means) -> bool:
        """Whether `mapping` reads a lone price so by itself, because of the columns beside it."""
        has_total, has_per_carat = "total_price" in self.default, "price_per_carat" in self.default
        if has_total:
            return means is Means.PER_CARAT and not has_per_carat
        return has_per_carat and means is Means.TOTAL
