"""What the columns of money of a list hold, worked out from its rows before any of them is read for the catalogue.

A header's spelling is a hint. What counts, in this order: the feed's own word; arithmetic (list × discount, price × weight),
which also refutes a spelling; for a column that is only called price, levels of prices and their growth with weight. Where
these prove nothing, or contradict what the feed or the header says, there is a question and the list is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.grades import Clarity
from ingest.feeds import values
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist import color_clarity, discounts
from ingest.feeds.pricelist.headers import DISCOUNT, LIST_PRICE, PRICES, field_of, key
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proven import NOTHING, Proven
from ingest.feeds.pricelist.proving import (
    availability_columns,
    belonging,
    cheap,
    color_columns,
    currencies,
    depth_and_table,
    evidence,
    fancies,
    few_filled,
    kinds,
    laboratories,
    list_price,
    one_factor,
    placeholders,
    points,
    price_columns,
    price_types,
    shapes_in_cut,
    stock_numbers,
    surface_naturals,
    thousands,
    units,
    unknown_prices,
)
from ingest.feeds.pricelist.proving.case import FIELD, Case, Hint
from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.pricelist.proving.nature_hints import question_of
from ingest.feeds.pricelist.reading import PROVEN
from ingest.feeds.verdicts import IN_WORDS, Answer, Means, Question, SupplierAsks, Verdict, changed

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper


#: What rows say of columns that hold no money is asked in this order.
_FIRST = (
    points,
    depth_and_table,
    few_filled,
    belonging,
    availability_columns,
    color_columns,
    fancies,
    surface_naturals,
)
_RULES = (*_FIRST, kinds, laboratories, color_clarity)


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
    for rule in _RULES:
        found |= rule.find(headers, kept, parameters, mapper)
    if found.columns or found.words or found.named_beside:
        carried = Proven(found.columns, words=found.words, named_beside=found.named_beside).written()
        kept = [(number, {**row, PROVEN: carried}) for number, row in kept]
    sample = [_row(number, row, hints, parameters, mapper) for number, row in kept]
    of_money = [hint.header for hint in hints if hint.field != DISCOUNT]
    priced = [hint.header for hint in hints if hint.field in PRICES]
    decimal = "" if parameters.decimal else thousands.decimal_sign(sample, of_money, priced or of_money)
    if isinstance(decimal, Question):
        return Verdict((), len(sample), counted.rows, (), decimal), NOTHING
    if decimal:
        sample = [_row(number, row, hints, parameters, mapper, decimal) for number, row in kept]
    case = Case(headers, hints, sample, parameters, counted.rows)
    case.told = price_types.told(headers, kept, parameters)
    verdict, proven = _verdict(case)
    # What a weight is in comes before what a price is.
    prices = {column.header: column.means for column in verdict.columns if column.means in FIELD}
    question = (
        found.question
        or surface_naturals.question_of(headers, kept, sample, prices, parameters, mapper)
        or verdict.question
        or question_of(sample)
    )
    if question is None:
        question = cheap.question_of(sample, prices, parameters)
        # Rapaport's list is in dollars.
        if question is None and not any(column.means is Means.LIST and column.proven for column in verdict.columns):
            question = currencies.question_of(headers, kept, sample, prices, parameters)
        question = question or unknown_prices.question_of(
            headers, kept, sample, hints, verdict.columns, proven.discounts, parameters, mapper.costs.unit
        )
    verdict = msgspec.structs.replace(verdict, notes=verdict.notes + found.notes, question=question)
    if question is not None:
        return verdict, NOTHING
    proven = msgspec.structs.replace(
        proven,
        columns={**found.columns, **proven.columns},
        decimal=decimal or proven.decimal,
        words=found.words,
        named_beside=found.named_beside,
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


def _hint(header: str, parameters: Parameters) -> Hint | None:
    said = parameters.chosen.get(key(header))
    field, rank = (said, -1) if said is not None else field_of(header) or ("", 0)
    if field not in (*PRICES, LIST_PRICE, DISCOUNT):
        return None
    told = said is not None and said != "price"
    return Hint(header, field, told, rank)


def _row(
    number: int,
    row: Mapping[str, Any],
    hints: list[Hint],
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


def _verdict(case: Case) -> tuple[Verdict, Proven]:
    """Find out, ask at the first thing that nothing proves."""
    question = _decide(case)
    no_prices = placeholders.find(case)
    columns = tuple(case.columns[hint.header] for hint in case.hints if hint.header in case.columns)
    verdict = Verdict(columns, len(case.rows), case.count, tuple(case.notes), question)
    if question is not None:
        return verdict, NOTHING
    return verdict, msgspec.structs.replace(case.proven(), placeholders=no_prices)


def _decide(case: Case) -> Question | None:
    price_columns.find_shares(case)
    list_price.find(case)
    # Names first: what is only called price may hold what a column with a name holds.
    for hint in sorted(case.prices(), key=lambda hint: (hint.field == "price", case.says_nothing(hint))):
        if (question := price_columns.decide(case, hint)) is not None:
            return question
    prices = {hint.header: means for hint in case.hints if (means := case.means(hint)) in FIELD}
    return (
        units.hundredfold(case.rows, prices)
        or price_columns.decide_rivals(case)
        or list_price.decide(case)
        or price_columns.decide_unit(case)
        or one_factor.decide(case)
    )


def refuse_change(before: Verdict, now: Verdict, parameters: Parameters) -> None:
    """Raise `SupplierAsks` if a column means another thing than in the list before, and the feed does not say so."""
    pair = changed(before, now)
    if pair is None:
        return
    then, column = pair
    lone = (field_of(column.header) or ("", 0))[0] == "price" and key(column.header) not in parameters.chosen
    says = {"price_means": str(column.means)} if lone else {"columns": {column.header: FIELD[column.means]}}
    words = (
        f"The column {column.header!r} held {IN_WORDS[then.means]} in the list before, and now holds "
        f"{IN_WORDS[column.means]} ({column.by}, {column.rows} of {column.of} rows). Is that so?"
    )
    question = Question(words, (Answer(f"{column.header} now is {IN_WORDS[column.means]}", says),))
    raise SupplierAsks(msgspec.structs.replace(now, question=question))
