"""What the columns of money of a list hold, worked out from its rows before any of them is read for the catalogue.

A header's spelling is a hint. What counts, in this order: the feed's own word; arithmetic (list × discount, price × weight),
which also refutes a spelling; for a column that is only called price, levels of prices and their growth with weight. Where
these prove nothing, or contradict what the feed or the header says, there is a question and the list is not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.grades import Clarity
from ingest.feeds import values
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist import (
    cheap,
    currencies,
    depth_and_table,
    discounts,
    evidence,
    few_filled,
    points,
    rivals,
    shapes_in_cut,
    stock_numbers,
    thousands,
    units,
)
from ingest.feeds.pricelist.discounts import Writing
from ingest.feeds.pricelist.evidence import SampleRow
from ingest.feeds.pricelist.headers import DISCOUNT, LIST_PRICE, PRICES, columns_of, field_of, key
from ingest.feeds.pricelist.nature_hints import question_of
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proven import NOTHING, Proven
from ingest.feeds.pricelist.reading import PROVEN
from ingest.feeds.verdicts import IN_WORDS, Answer, Column, Means, Question, SupplierAsks, Verdict, changed

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

_FIELD = {Means.TOTAL: "total_price", Means.PER_CARAT: "price_per_carat", Means.EITHER: "total_price"}
_HINTED = {"total_price": Means.TOTAL, "price_per_carat": Means.PER_CARAT}
#: Rows that make sense as one meaning only from which levels prove it, the share of them that must agree, and the share of
#: all rows that must make sense as it.
MIN_LEVELS, LEVELS_AGREE, MAKE_SENSE = 3, 0.9, 0.5
#: How many times what is usual the prices may be, in the middle, for their growth to prove anything.
GROWTH_LEVELS = 0.4, 4.0
#: A column holds shares if so many of its filled cells do, and there are so many.
SHARES_FROM, MIN_SHARES = 0.8, 3
#: Two columns of which fewer rows agree, in whichever meaning, hold different prices.
DENIED = 0.5
#: List and discount that give so many of the prices give all of them.
BINDING = 0.8
#: A price that is so many times another one, or less, may be another price of the same.
ABOUT_AS_HIGH = 1.6
#: What a price is called that may be paid instead of another one.
_OTHER_PRICE = re.compile(
    r"NEW|FINAL|SPECIAL|REVISED|CURRENT|DISCOUNTED|PROMO|SALE|OFFER|NET\b|CASH|AFTER|YOUR|DEALER|SELL"
)
#: The same on few rows.
_LOWERED = re.compile(r"SALE\b|SPECIAL|PROMO|OFFER|REVISED|REDUCED|NEW|FINAL")
#: So many times above what is usual, in the middle of so many rows, are no dollars.
TOO_HIGH, MIN_ROWS_OF_LEVEL = 30.0, 5


@dataclass(frozen=True, slots=True)
class _Hint:
    """What a column is called: its field by its spelling or by the feed's own word."""

    header: str
    field: str
    said: bool
    rank: int


def prove(
    headers: tuple[str, ...], rows: Iterable[Mapping[str, Any]], parameters: Parameters, mapper: Mapper
) -> tuple[Verdict, Proven]:
    """The verdict on a list's columns of money, and what its rows have to carry of it, and of a "Cut" that holds shapes.

    `rows` are the cells of all rows; a sample of them is kept.
    """
    hints = [hint for header in headers if (hint := _hint(header, parameters)) is not None]
    if not hints:
        return Verdict(), NOTHING
    counted = _Counted(rows)
    kept = evidence.sampled(counted)
    found = stock_numbers.find(headers, kept, parameters.chosen)
    for rule in (points, depth_and_table, few_filled):
        found |= rule.find(headers, kept, parameters, mapper)
    if found.columns:
        carried = Proven(found.columns).written()
        kept = [(number, {**row, PROVEN: carried}) for number, row in kept]
    sample = [_row(number, row, hints, parameters, mapper) for number, row in kept]
    of_money = [hint.header for hint in hints if hint.field != DISCOUNT]
    priced = [hint.header for hint in hints if hint.field in PRICES]
    decimal = "" if parameters.decimal else thousands.decimal_sign(sample, of_money, priced or of_money)
    if isinstance(decimal, Question):
        return Verdict((), len(sample), counted.rows, (), decimal), NOTHING
    if decimal:
        sample = [_row(number, row, hints, parameters, mapper, decimal) for number, row in kept]
    verdict, proven = _Case(headers, hints, sample, parameters, counted.rows).verdict()
    # What a weight is in comes before what a price is.
    question = found.question or verdict.question or question_of(sample)
    if question is None:
        prices = {column.header: column.means for column in verdict.columns if column.means in _FIELD}
        question = cheap.question_of(sample, prices, parameters)
        # Rapaport's list is in dollars.
        if question is None and not any(column.means is Means.LIST and column.proven for column in verdict.columns):
            question = currencies.question_of(headers, kept, sample, prices, parameters)
    verdict = msgspec.structs.replace(verdict, notes=verdict.notes + found.notes, question=question)
    if question is not None:
        return verdict, NOTHING
    proven = msgspec.structs.replace(
        proven, columns={**found.columns, **proven.columns}, decimal=decimal or proven.decimal
    )
    cut = shapes_in_cut.candidate(headers, parameters.chosen)
    shapes = shapes_in_cut.shapes_among(str(row.get(cut) or "") for _, row in kept) if cut else None
    if shapes is None:
        return verdict, proven
    note = f"{cut!r} holds shapes and no grades: {shapes[0]:,} of {shapes[1]:,} of its words are shapes"
    return (
        msgspec.structs.replace(verdict, notes=(*verdict.notes, note)),
        msgspec.structs.replace(proven, columns={**proven.columns, cut: "shape"}),
    )


class _Counted:
    """Rows, counted as they go by."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows
        self.rows = 0

    def __iter__(self) -> Any:
        for row in self._rows:
            self.rows += 1
            yield row


def _hint(header: str, parameters: Parameters) -> _Hint | None:
    said = parameters.chosen.get(key(header))
    field, rank = (said, -1) if said is not None else field_of(header) or ("", 0)
    if field not in (*PRICES, LIST_PRICE, DISCOUNT):
        return None
    told = said is not None and said != "price"
    return _Hint(header, field, told, rank)


def _row(
    number: int,
    row: Mapping[str, Any],
    hints: list[_Hint],
    parameters: Parameters,
    mapper: Mapper,
    decimal: str = "",
) -> SampleRow:
    cells = mapper.cells_of(dict(row))
    sign = decimal or mapper.costs.decimal_sign(cells)
    written = {hint.header: str(row.get(hint.header) or "").strip() for hint in hints}
    carats, judged = mapper.carats(cells), mapper.judge(cells)
    color = fancy_facts(cells["color"], cells["fancy_color"], cells["fancy_intensity"], cells["fancy_overtone"]).color
    return SampleRow(
        number,
        None if carats is None else float(carats),
        judged.kind,
        color,
        values.grade(Clarity, cells["clarity"]),
        {
            header: None if (amount := evidence.amount_of(cell, sign)) is None else amount / mapper.costs.unit
            for header, cell in written.items()
        },
        {header: discounts.discount(cell) for header, cell in written.items()},
        written,
        sign,
        judged.hint,
        judged.is_silent,
        judged.strong,
    )


class _Case:
    """One list."""

    def __init__(
        self, headers: tuple[str, ...], hints: list[_Hint], rows: list[SampleRow], parameters: Parameters, count: int
    ) -> None:
        self._headers, self._rows, self._count, self._parameters = headers, rows, count, parameters
        self._hints = sorted(hints, key=lambda hint: hint.rank)
        self._default = columns_of(headers, parameters.chosen)
        self._columns: dict[str, Column] = {}
        self._notes: list[str] = []
        self._writing: Writing | None = None
        self._listed = self._off = ""
        #: Columns that are not read, although their headers are known.
        self._left_out: set[str] = set()
        #: A list price of whole stones, and what proves that.
        self._of_stones: tuple[str, str] | None = None
        #: Whether list × discount was seen to give some row's price.
        self._fits = False
        #: Whether it gives so many that a row with another one contradicts itself.
        self._binds = False

    def verdict(self) -> tuple[Verdict, Proven]:
        """Find out, ask at the first thing that nothing proves."""
        question = self._decide()
        columns = tuple(self._columns[hint.header] for hint in self._hints if hint.header in self._columns)
        verdict = Verdict(columns, len(self._rows), self._count, tuple(self._notes), question)
        return verdict, NOTHING if question else self._proven()

    # --- in order -----------------------------------------------------------------------------------------------------

    def _decide(self) -> Question | None:
        self._find_shares()
        self._find_list()
        # Names first: what is only called price may hold what a column with a name holds.
        for hint in sorted(self._prices(), key=lambda hint: hint.field == "price"):
            if (question := self._decide_price(hint)) is not None:
                return question
        prices = {hint.header: means for hint in self._hints if (means := self._means(hint)) in _FIELD}
        return (
            units.hundredfold(self._rows, prices) or self._decide_rivals() or self._decide_list() or self._decide_unit()
        )

    def _prices(self) -> list[_Hint]:
        return [hint for hint in self._hints if hint.field in PRICES and hint.header not in self._columns]

    def _filled(self, header: str) -> list[SampleRow]:
        return [row for row in self._rows if (row.amounts[header] or 0) > 0]

    @property
    def _priced(self) -> bool:
        """Whether any column holds prices."""
        return any(self._means(hint) in _FIELD for hint in self._hints if self._filled(hint.header))

    def _find_shares(self) -> None:
        """Columns called price that hold discounts; beside a list price, one row that does is enough."""
        fewest = 1 if any(hint.field == LIST_PRICE for hint in self._hints) else MIN_SHARES
        for hint in self._hints:
            if hint.field not in PRICES or hint.said:
                continue
            cells = [row for row in self._rows if row.cells[hint.header]]
            shares = [row for row in cells if _is_share(row, hint.header)]
            if len(shares) >= max(fewest, SHARES_FROM * len(cells)):
                self._say(
                    hint, Means.DISCOUNT, "cells that are shares and no money", len(shares), len(cells), proven=True
                )

    def _find_list(self) -> None:
        """The list price and the discount of it, and how that is written: by what gives most prices, else by its signs."""
        listed = [hint for hint in self._hints if hint.field == LIST_PRICE and not self._lists_stones(hint)]
        offs = [hint for hint in self._hints if hint.field == DISCOUNT]
        offs += [hint for hint in self._hints if self._means(hint) is Means.DISCOUNT]
        if not listed or not offs:
            return
        prices = [hint.header for hint in self._prices()]
        best, of = 0, 1
        for of_list, off, price in product(listed, offs, prices):
            for writing in Writing:
                _, fitting = evidence.against_list(self._rows, price, of_list.header, off.header, writing)
                if fitting > best:
                    best, self._writing = fitting, writing
                    of = sum(bool(row.amounts[price] and row.amounts[of_list.header]) for row in self._rows)
                    self._listed, self._off = of_list.header, off.header
        self._fits = 2 * best >= of
        self._binds = best >= max(MIN_LEVELS, BINDING * of)
        if not self._fits:
            self._listed, self._off = listed[0].header, offs[0].header
            cells = [row.cells[self._off] for row in self._rows if row.cells[self._off]]
            told = self._parameters.discount_means
            self._writing = discounts.writing_of(cells, header=self._off, told=told)

    def _lists_stones(self, hint: _Hint) -> bool:
        """Whether a list price is of the stone: then nothing is reckoned with it."""
        found = None if hint.said else evidence.lists_stones(self._rows, hint.header)
        if found is None:
            return False
        by = f"round on {found[0]} of {found[1]} rows when it is divided by the weight, and not before"
        self._of_stones = hint.header, f"is {by}, as prices of whole stones are"
        self._left_out.add(hint.header)
        self._say(hint, Means.NOTHING, f"a list's price of the stone: {by}", *found)
        return True

    def _decide_rivals(self) -> Question | None:
        """Prices that differ although their columns mean the same: which is paid is asked until the feed leaves one out."""
        columns = {
            hint.header: means
            for hint in sorted(self._hints, key=lambda hint: self._headers.index(hint.header))
            if hint.field in PRICES and (means := self._means(hint)) in (Means.TOTAL, Means.PER_CARAT)
        }
        groups = rivals.groups_of(self._rows, columns)
        meant = [{columns[header] for header in group} for group in groups]
        if not any(first & second for first, second in combinations(meant, 2)):
            # A price of a carat and one of the stone may also disagree because of the weight: rows tell.
            return None
        return rivals.question_of(self._rows, columns, groups)

    def _decide_price(self, hint: _Hint) -> Question | None:
        """One column of prices: the feed's word, arithmetic, and for one that is only called price what else there is."""
        rows = self._filled(hint.header)
        said = self._said(hint)
        if not rows:
            by = "the feed says it" if said else "it is empty"
            self._say(hint, said or _HINTED.get(hint.field, Means.NOTHING), by, 0, 0, proven=said is not None)
            return None
        means, by, agreeing, of = self._by_arithmetic(hint)
        if said is not None:
            backed = agreeing if means is said else 0
            self._columns[hint.header] = Column(
                hint.header, said, "the feed says it", backed, of, proven=True, said=True
            )
            return self._contradicted(hint, means, by, agreeing, of) if means not in (None, said) else None
        if means is not None:
            if means is not _HINTED.get(hint.field, means):
                self._notes.append(
                    f"{hint.header!r} is called otherwise than what its rows hold: {agreeing} of {of}, {by}"
                )
            self._say(hint, means, by, agreeing, of, proven=True)
            return None
        if hint.field != "price":
            return self._decide_hinted(hint)
        return self._decide_lone(hint, rows)

    def _said(self, hint: _Hint) -> Means | None:
        if hint.said:
            return _HINTED.get(hint.field)
        if hint.field == "price" and self._parameters.price_means is not None:
            return Means(self._parameters.price_means)
        return None

    def _by_arithmetic(self, hint: _Hint) -> tuple[Means | None, str, int, int]:
        """What list and discount, or another column and the weight, prove of a column; by what, and n of m rows."""
        header = hint.header
        if self._fits and self._writing is not None:
            votes, _ = evidence.against_list(self._rows, header, self._listed, self._off, self._writing)
            if (winner := votes.winner()) is not None:
                weighed = " × weight" if winner == "total" else ""
                by = f"{self._listed} × (1 - {self._off}){weighed} = {header}"
                return Means(winner), by, votes.for_meaning[winner], votes.rows
        for other in self._hints:
            if other.field not in PRICES or other.header == header or self._means(other) is Means.DISCOUNT:
                continue
            votes = evidence.against_column(self._rows, header, other.header)
            winner = votes.winner()
            if winner == "per_carat":
                by = f"{header} × weight = {other.header}"
            elif winner == "total":
                by = f"{other.header} × weight = {header}"
            elif winner == "same" and (means := self._means_the_same(hint, other)) is not None:
                winner, by = str(means), f"{header} = {other.header}"
            else:
                continue
            of_which = votes.for_meaning[winner] or votes.for_meaning["same"]
            return Means(winner), by, of_which, votes.rows
        return None, "", 0, 0

    def _means_the_same(self, hint: _Hint, other: _Hint) -> Means | None:
        """What a column means that holds the same as another one: a name proves nothing against another name."""
        column = self._columns.get(other.header)
        if column is None or column.means not in (Means.TOTAL, Means.PER_CARAT):
            return None
        return column.means if column.proven or hint.field == "price" else None

    def _decide_hinted(self, hint: _Hint) -> Question | None:
        """A column whose name says what it holds: the name stands, unless the rows say otherwise in every way."""
        hinted = _HINTED[hint.field]
        means, by, rows, of = self._by_levels(hint)
        same = self._same_as(hint)
        if same and means is None:
            words = f"{hint.header!r} and {same!r} hold the same: is it the price of a carat or of the stone?"
            return self._ask(hint, words)
        if means not in (None, hinted):
            self._say(hint, Means.UNKNOWN, by, rows, of)
            other = "the price of a carat" if means is Means.PER_CARAT else "the price of the stone"
            return self._ask(hint, f"{hint.header!r} looks like {other} ({by}, {rows} of {of} rows). Which is it?")
        self._say(hint, hinted, by or "its header", rows, of, proven=means is hinted)
        return None

    def _same_as(self, hint: _Hint) -> str:
        """The column of the other meaning that holds the same as this one, although stones do not weigh one carat."""
        for other in self._hints:
            if other.field not in _HINTED or other.field == hint.field:
                continue
            if evidence.against_column(self._rows, hint.header, other.header).winner() == "same":
                return other.header
        return ""

    def _decide_lone(self, hint: _Hint, rows: list[SampleRow]) -> Question | None:
        """A column that is only called price, and that no other column proves."""
        if self._named_beside(hint):
            return self._of_few_rows(hint)
        if all(row.carats == 1 for row in rows):
            self._say(hint, Means.EITHER, "every stone weighs one carat", len(rows), len(rows))
            return None
        means, by, agreeing, of = self._by_levels(hint)
        if means is not None:
            self._say(hint, means, by, agreeing, of, proven=True)
            return None
        self._say(hint, Means.UNKNOWN, "nothing proves it", 0, len(rows))
        return self._ask(hint, f"Does the column {hint.header!r} hold the price of a carat or of the stone?")

    def _named_beside(self, hint: _Hint) -> bool:
        """Whether columns with names of their own are filled where this one is: then it holds what they do not.

        As `mapping` reads it: beside a total it is per carat, beside a price per carat it is the total, beside both nothing.
        """
        fields = {
            other.field
            for other in self._hints
            if other.field in _HINTED
            and self._means(other) is not Means.DISCOUNT
            and any((row.amounts[other.header] or 0) > 0 for row in self._filled(hint.header))
        }
        if not fields:
            return False
        if (other_price := self._denied_beside(hint)) and (
            len(fields) == 1 or _OTHER_PRICE.search(hint.header.upper())
        ):
            means, header = other_price
            filled = len(self._filled(hint.header))
            if filled < rivals.FILLED * len(self._rows):
                self._left_out.add(hint.header)
                self._notes.append(f"{hint.header!r} holds another price on {filled:,} rows, which is not read")
                self._say(hint, Means.NOTHING, "another price on few rows", 0, 0)
                return True
            if means is None:
                return False
            self._say(hint, means, f"about as high as {header!r}, and not the same", 0, 0)
        elif len(fields) == 2:
            self._say(hint, Means.NOTHING, "stone and carat have columns of their own", 0, 0)
        else:
            means = Means.PER_CARAT if fields == {"total_price"} else Means.TOTAL
            self._say(hint, means, "the other price has a column of its own", 0, 0)
        return True

    def _of_few_rows(self, hint: _Hint) -> Question | None:
        """Whether what few rows have beside the price of all of them is paid in its place."""
        if hint.header not in self._left_out or not _LOWERED.search(hint.header.upper()):
            return None
        rows = self._filled(hint.header)
        means, nearest = self._denied_beside(hint) or (None, "")
        answers = [Answer(f"What is in {hint.header!r} is not paid", {"columns": {hint.header: ""}})]
        if means in _FIELD:
            others = [other.header for other in self._hints if other.field in _HINTED and other.header != nearest]
            paid = dict.fromkeys(others, "") | {hint.header: _FIELD[means]}
            answers.insert(0, Answer(f"What is in {hint.header!r} is paid where it is filled", {"columns": paid}))
        row = rows[0]
        beside = f", {nearest} {row.cells[nearest]}" if nearest else ""
        return Question(
            f"{hint.header!r} holds another price on {len(rows):,} of {len(self._rows):,} rows: is it paid?",
            tuple(answers),
            f"Row {row.number}: {hint.header} {row.cells[hint.header]}{beside}.",
        )

    def _denied_beside(self, hint: _Hint) -> tuple[Means | None, str] | None:
        """Whether columns with names of their own hold other prices than this one, in either meaning.

        Then what this one may mean, as it is about as high as one of them, and its header; None for what is as high as none.
        """
        others = [other for other in self._hints if other.field in _HINTED and self._means(other) is not Means.DISCOUNT]
        denied = False
        for other in others:
            votes = evidence.against_column(self._rows, hint.header, other.header)
            denied |= votes.rows >= MIN_LEVELS and sum(votes.for_meaning.values()) < DENIED * votes.rows
        if not denied:
            return None
        apart = {other.header: evidence.times_of(self._rows, hint.header, other.header) for other in others}
        # A price for somebody else is as many times another one of every stone; of the other meaning that varies.
        nearest = min(
            others, key=lambda other: (round(apart[other.header][1], 2), abs(math.log(apart[other.header][0])))
        )
        if not 1 / ABOUT_AS_HIGH <= apart[nearest.header][0] <= ABOUT_AS_HIGH:
            return None, ""
        return self._means(nearest) or _HINTED[nearest.field], nearest.header

    def _by_levels(self, hint: _Hint) -> tuple[Means | None, str, int, int]:
        """What the height of prices and their growth with weight prove of a column, if they do not contradict each other."""
        header = hint.header
        votes = evidence.by_level(self._rows, header)
        level: tuple[Means | None, str, int, int] = (None, "", 0, 0)
        decisive = sum(votes.for_meaning.values())
        if decisive >= MIN_LEVELS:
            meaning, agreeing = votes.for_meaning.most_common(1)[0]
            sensible = evidence.share_of_usual(self._rows, header, meaning)
            if agreeing >= LEVELS_AGREE * decisive and sensible >= MAKE_SENSE:
                level = Means(meaning), "a carat costs what is usual only so", agreeing, votes.rows
        growth = evidence.growth_of(self._rows, header)
        grown = growth.meaning() if growth is not None else None
        if growth is not None and grown is not None:
            times, _ = evidence.level_of(self._rows, header, grown)
            by = f"prices grow with the weight to the power of {growth.power:.2f}"
            # Lab-grown stones that nothing says are such grow as slowly, but are far cheaper.
            if level[0] is None and GROWTH_LEVELS[0] <= times <= GROWTH_LEVELS[1]:
                return Means(grown), by, growth.rows, growth.rows
            if level[0] is not None and level[0] != Means(grown):
                return None, "", 0, 0
        return level

    def _decide_list(self) -> Question | None:
        """The list price and its discount; a list without any other price needs to know how it is written."""
        priced = self._priced
        if not self._listed:
            shares = [hint for hint in self._hints if self._means(hint) is Means.DISCOUNT and hint.field in PRICES]
            if shares and not priced:
                header = shares[0].header
                return Question(
                    f"The column {header!r} holds discounts and no prices, and the list has no column of the list price that"
                    " they are of: ask the supplier for prices, or name their column in `columns`."
                )
            for hint in self._hints:
                if hint.field in (LIST_PRICE, DISCOUNT):
                    self._say(hint, Means.NOTHING, "nothing to reckon with", 0, 0)
            return None if priced or self._of_stones is None else _of_whole_stones(*self._of_stones)
        count = sum(bool(row.cells[self._off]) for row in self._rows)
        by = f"{self._writing}" if self._writing else "nothing proves its sign"
        for hint in self._hints:
            if hint.header == self._listed:
                self._say(hint, Means.LIST, "its header", 0, 0, proven=self._fits)
            elif hint.header == self._off:
                self._say(hint, Means.DISCOUNT, by, 0, count, proven=self._fits)
            elif hint.field in (LIST_PRICE, DISCOUNT):
                self._say(hint, Means.NOTHING, "not reckoned with", 0, 0)
        if priced and not self._fits and (question := self._of_another_currency()) is not None:
            return question
        if not priced and self._writing is not None:
            return self._of_a_stone()
        if priced or self._writing is not None:
            return None
        row = next((row for row in self._rows if row.cells[self._off] and row.amounts[self._listed]), None)
        example = f"Row {row.number}: {row.cells[self._off]} of {row.cells[self._listed]}." if row else ""
        return Question(
            f"The list is priced from {self._listed!r} and {self._off!r}: is a number without a sign below or above it?",
            (
                Answer("Below the list", {"discount_means": "below"}),
                Answer("Above the list, and -38 below", {"discount_means": "signed"}),
            ),
            example,
        )

    def _of_another_currency(self) -> Question | None:
        """Prices that differ from list and discount by one factor are of another currency, or the list is another one."""
        for hint, writing in product(self._prices_told(), Writing):
            found = evidence.constant_against_list(self._rows, hint.header, self._listed, self._off, writing)
            if found is not None:
                factor, rows = found
                beside = {"columns": {self._listed: ""}}
                in_cents = abs(factor / 100 - 1) <= evidence.SAME_WITHIN
                cents = (Answer("They are cents", {**beside, "price_unit": "cents"}),) if in_cents else ()
                return Question(
                    f"On {rows} rows {hint.header!r} is {self._listed!r} with {self._off!r}, times {factor:,.2f}: are these "
                    "US dollars? Prices of another currency cannot be read; ask the supplier for dollars then.",
                    (*cents, Answer(f"They are dollars; {self._listed} is no list of theirs", beside)),
                )
        return None

    def _prices_told(self) -> list[_Hint]:
        return [hint for hint in self._hints if hint.field in PRICES and self._means(hint) in _FIELD]

    def _of_a_stone(self) -> Question | None:
        """A list price that is all there is of prices, and grows with the weight as only the price of a stone does."""
        if any(hint.header == self._listed and hint.said for hint in self._hints):
            return None
        growth = evidence.growth_of(self._rows, self._listed)
        if growth is None or growth.meaning() != "total":
            return None
        return _of_whole_stones(
            self._listed, f"grows with the weight to the power of {growth.power:.2f}, as prices of whole stones do"
        )

    def _decide_unit(self) -> Question | None:
        """Prices that are far too high in the middle of the list are of another unit than dollars."""
        if self._parameters.price_unit is not None:
            return None
        for hint in self._hints:
            means = self._means(hint)
            if means in (Means.TOTAL, Means.PER_CARAT, Means.EITHER):
                times, rows = evidence.level_of(
                    self._rows, hint.header, "per_carat" if means is Means.PER_CARAT else "total"
                )
                if rows >= MIN_ROWS_OF_LEVEL and times > TOO_HIGH:
                    return units.question_of(self._rows, hint.header, times, rows)
        return None

    # --- words --------------------------------------------------------------------------------------------------------

    def _means(self, hint: _Hint) -> Means | None:
        column = self._columns.get(hint.header)
        return column.means if column is not None else None

    def _say(self, hint: _Hint, means: Means, by: str, rows: int, of: int, *, proven: bool = False) -> None:
        if hint.header not in self._columns or self._columns[hint.header].means is Means.UNKNOWN:
            self._columns[hint.header] = Column(hint.header, means, by, rows, of, proven)

    def _contradicted(self, hint: _Hint, means: Means | None, by: str, rows: int, of: int) -> Question:
        said = "the price of a carat" if means is Means.TOTAL else "the price of the stone"
        words = f"The feed says that {hint.header!r} holds {said}, but {rows} of {of} rows prove the other: {by}."
        return self._ask(hint, words, only=means)

    def _ask(self, hint: _Hint, words: str, *, only: Means | None = None) -> Question:
        """A question about one column of prices, with the row that shows most what depends on it."""
        telling = [row for row in self._filled(hint.header) if row.carats and row.carats != 1]
        example = ""
        if telling:
            row = max(telling, key=lambda row: abs(math.log(row.carats or 1)))
            amount, weight = row.amounts[hint.header] or 0, row.carats or 1
            example = (
                f"Row {row.number}: {weight:g} ct, {row.cells[hint.header]} → the stone costs "
                f"{amount:,.2f} or {amount * weight:,.2f}."
            )
        lone = hint.field == "price" and sum(other.field == "price" for other in self._hints) == 1
        answers = [
            Answer(
                f"{hint.header} is {words_of}",
                {"price_means": str(means)} if lone else {"columns": {hint.header: _FIELD[means]}},
            )
            for means, words_of in ((Means.TOTAL, "of the stone"), (Means.PER_CARAT, "of a carat"))
            if only in (None, means)
        ]
        return Question(words, tuple(answers), example)

    def _proven(self) -> Proven:
        """What rows have to carry: what their headers do not say, or say wrongly."""
        columns: dict[str, str] = {}
        for hint in self._hints:
            means = self._means(hint)
            if hint.said or means is None:
                continue
            if hint.field == "price" and self._parameters.price_means is None:
                if means in _FIELD and not self._is_default(means):
                    columns[hint.header] = _FIELD[means]
            elif hint.field in _HINTED and means in _FIELD and _FIELD[means] != hint.field:
                columns[hint.header] = _FIELD[means]
            if hint.field in PRICES and means is Means.DISCOUNT:
                columns[hint.header] = DISCOUNT if hint.header == self._off else ""
        columns |= dict.fromkeys(self._left_out, "")
        if not self._listed or not (self._fits or not self._priced):
            return Proven(columns)
        reckoned = {LIST_PRICE: self._listed, DISCOUNT: self._off}
        columns |= {header: field for field, header in reckoned.items() if self._default.get(field) != header}
        return Proven(columns, self._writing, binding=self._binds)

    def _is_default(self, means: Means) -> bool:
        """Whether `mapping` reads a lone price so by itself, because of the columns beside it."""
        has_total, has_per_carat = "total_price" in self._default, "price_per_carat" in self._default
        if has_total:
            return means is Means.PER_CARAT and not has_per_carat
        return has_per_carat and means is Means.TOTAL


def _is_share(row: SampleRow, header: str) -> bool:
    """Whether a cell holds a share: it says so, or is a small number and far below what a stone could cost."""
    cell = row.cells[header]
    if discounts.is_percentage(cell):
        return True
    # As it is written, whatever the feed says that amounts are in.
    amount = evidence.amount_of(cell, row.sign)
    if amount is None or not 0 <= amount <= 100 or "$" in cell:
        return False
    return amount <= 1 or row.carats is None or not evidence.is_possible(row, amount)


def _of_whole_stones(listed: str, by: str) -> Question:
    return Question(
        f"The list is priced from {listed!r} and a discount alone, and {listed!r} {by}: is it Rapaport's price of a carat? "
        "If not, ask the supplier for prices, or name their column in `columns`.",
        (Answer(f"{listed} is of a carat", {"columns": {listed: LIST_PRICE}}),),
    )


def refuse_change(before: Verdict, now: Verdict, parameters: Parameters) -> None:
    """Raise `SupplierAsks` if a column means another thing than in the list before, and the feed does not say so."""
    pair = changed(before, now)
    if pair is None:
        return
    then, column = pair
    lone = (field_of(column.header) or ("", 0))[0] == "price" and key(column.header) not in parameters.chosen
    says = {"price_means": str(column.means)} if lone else {"columns": {column.header: _FIELD[column.means]}}
    words = (
        f"The column {column.header!r} held {IN_WORDS[then.means]} in the list before, and now holds "
        f"{IN_WORDS[column.means]} ({column.by}, {column.rows} of {column.of} rows). Is that so?"
    )
    question = Question(words, (Answer(f"{column.header} now is {IN_WORDS[column.means]}", says),))
    raise SupplierAsks(msgspec.structs.replace(now, question=question))
