"""One factor by which what a list says twice differs on all of its rows: brokerage, a tax, a further discount.

A total that is 1.01 times price × weight on every row is within what single rows may be rounded by, so no row shows it; that
all of them differ alike does. Rounding makes rows differ by one thing here and another there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from ingest.feeds.pricelist.costs import PRICES_AGREE_WITHIN
from ingest.feeds.pricelist.headers import PRICES
from ingest.feeds.pricelist.proving.case import FIELD, Case, Hint
from ingest.feeds.pricelist.proving.evidence import FURTHER_DISCOUNT, SampleRow
from ingest.feeds.verdicts import Answer, Means, Question

#: Rows that show a factor at least, and the share of rows that has to have it.
MIN_ROWS, ALIKE_ON = 5, 0.9
#: What may be rounded besides (share), and how many times beyond rounding a factor shows.
_NOISE, _BEYOND = 0.0001, 2.0
#: What amounts of a column may be multiples of (dollars), the coarsest first.
_STEPS = (100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1)
_FINEST = 0.01


@dataclass(frozen=True, slots=True)
class Twice:
    """What a row says twice: the ratio of both, and the shares by which the first and both together may be rounded."""

    row: SampleRow
    ratio: float
    first: float
    both: float


def factor_of(said: Sequence[Twice], most: float) -> float | None:
    """The factor that all rows have in common; None if that is 1, further from it than `most` (share), or they have none."""
    if len(said) < MIN_ROWS:
        return None
    factor = median(twice.ratio for twice in said)
    if abs(factor - 1) > most:
        return None
    for within in ([twice.first for twice in said], [twice.both for twice in said]):
        alike = [abs(twice.ratio / factor - 1) <= rounded + _NOISE for twice, rounded in zip(said, within, strict=True)]
        showing = [
            agrees
            for agrees, rounded in zip(alike, within, strict=True)
            if abs(factor - 1) > _BEYOND * (rounded + _NOISE)
        ]
        enough = len(showing) >= MIN_ROWS and sum(showing) >= ALIKE_ON * len(showing)
        if enough and sum(alike) >= ALIKE_ON * len(alike):
            return factor
    return None


def decide(case: Case) -> Question | None:
    """Which of two prices is paid that differ by one factor: of a stone and of a carat, or a price and list × discount.

    Prices that differ by more are rows that contradict themselves, or asked about by other rules.
    """
    told = [hint for hint in case.hints if hint.field in PRICES and case.means(hint) in FIELD]
    for first, second in combinations(sorted(told, key=lambda hint: case.means(hint) is Means.PER_CARAT), 2):
        said = _beside(case, first, second)
        if (factor := factor_of(said, float(PRICES_AGREE_WITHIN))) is not None:
            return _of_two(case, said[0].row, first, second, factor)
    if not case.listed or case.writing is None:
        return None
    for hint in told:
        said = _off_the_list(case, hint.header, weighed=case.means(hint) is Means.TOTAL)
        if (factor := factor_of(said, FURTHER_DISCOUNT)) is not None:
            return _of_the_list(case, said[0].row, hint, told, factor)
    return None


def _beside(case: Case, first: Hint, second: Hint) -> list[Twice]:
    """One price beside another one, what both say of the stone."""
    steps = _step(case, first.header), _step(case, second.header)
    said = []
    for row in case.rows:
        amount, beside = row.amounts[first.header], row.amounts[second.header]
        if row.carats and amount and beside and amount > 0 and beside > 0:
            weighed = row.carats if case.means(first) is not case.means(second) else 1.0
            rounded = steps[0] / amount
            said.append(Twice(row, amount / (beside * weighed), rounded, rounded + steps[1] / beside))
    return said


def _off_the_list(case: Case, header: str, *, weighed: bool) -> list[Twice]:
    """A price beside what list and discount give."""
    step, said = _step(case, header), []
    assert case.writing is not None
    written = [discount.number for row in case.rows if (discount := row.discounts[case.off]) is not None]
    places = max((-int(number.normalize().as_tuple().exponent) for number in written), default=0)
    for row in case.rows:
        amount, listed, discount = row.amounts[header], row.amounts[case.listed], row.discounts[case.off]
        left = None if discount is None else discount.factor(case.writing)
        if not amount or not listed or not left or not row.carats or amount <= 0 or listed <= 0:
            continue
        assert discount is not None
        share = 10.0 ** -max(0, places) / (100 if discount.percent or case.writing.percent else 1)
        expected = listed * float(left) * (row.carats if weighed else 1)
        said.append(Twice(row, amount / expected, step / amount, step / amount + share / float(left)))
    return said


def _step(case: Case, header: str) -> float:
    """What nearly all amounts of a column are multiples of."""
    amounts = [amount for row in case.rows if (amount := row.amounts[header])]
    return next((step for step in _STEPS if _are_multiples(amounts, step)), _FINEST)


def _are_multiples(amounts: Iterable[float], step: float) -> bool:
    off = [abs(amount - step * round(amount / step)) > _FINEST / 10 for amount in amounts]
    return sum(off) <= (1 - ALIKE_ON) * len(off)


def _of_two(case: Case, row: SampleRow, first: Hint, second: Hint, factor: float) -> Question:
    weighed = " × weight" if case.means(first) is not case.means(second) else ""
    costs = [
        (row.amounts[hint.header] or 0) * ((row.carats or 0) if case.means(hint) is Means.PER_CARAT else 1)
        for hint in (first, second)
    ]
    return Question(
        f"{first.header!r} is {second.header!r}{weighed}, times {factor:.4g} on all rows: which of them is paid?",
        tuple(
            Answer(
                f"What is in {paid.header!r} is paid",
                {"columns": {paid.header: FIELD[case.columns[paid.header].means], other.header: ""}},
            )
            for paid, other in ((first, second), (second, first))
        ),
        f"Row {row.number}: {row.carats:g} ct → the stone costs {costs[0]:,.2f} or {costs[1]:,.2f}.",
    )


def _of_the_list(case: Case, row: SampleRow, hint: Hint, told: Sequence[Hint], factor: float) -> Question:
    return Question(
        f"{hint.header!r} is {case.listed!r} with {case.off!r}, times {factor:.4g} on all rows: which of them is paid?",
        (
            Answer(f"What is in {hint.header!r} is paid", {"columns": {case.off: ""}}),
            Answer("What list and discount give is paid", {"columns": {other.header: "" for other in told}}),
        ),
        f"Row {row.number}: {hint.header} {row.cells[hint.header]}, {case.listed} {row.cells[case.listed]} with "
        f"{row.cells[case.off]}.",
    )
