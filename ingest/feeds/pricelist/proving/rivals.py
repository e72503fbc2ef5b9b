"""Prices of one list that differ: asking and cash, old and new, before and after a further discount.

Columns whose prices are the same, of a carat or of the stone, belong together; where several such groups are filled, no row
proves which of them is paid, so it is asked (`proof`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.feeds.pricelist.proving.case import FIELD
from ingest.feeds.pricelist.proving.evidence import ROUNDED_BY, SAME_WITHIN, SampleRow
from ingest.feeds.verdicts import Answer, Means, Question

#: A group is one of the whole list if so many of its rows have it, and columns are of one group if so many rows agree.
FILLED, AGREE = 0.5, 0.6
#: Fewer rows with both prices prove nothing.
MIN_ROWS = 3


def groups_of(rows: Sequence[SampleRow], columns: Mapping[str, Means]) -> list[list[str]]:
    """The columns that most rows fill, by what they agree on; `columns` are those of prices with what they mean."""
    prices = {header: _per_carat(rows, header, means) for header, means in columns.items()}
    groups: list[list[str]] = []
    for header, own in prices.items():
        if sum(price is not None for price, _ in own) < max(MIN_ROWS, FILLED * len(rows)):
            continue
        for group in groups:
            if _agree(own, prices[group[0]]):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def question_of(rows: Sequence[SampleRow], columns: Mapping[str, Means], groups: Sequence[Sequence[str]]) -> Question:
    """Which of several groups of prices is paid."""
    names = [" and ".join(map(repr, group)) for group in groups]
    firsts = [_per_carat(rows, group[0], columns[group[0]]) for group in groups]
    example = ""
    for row, *found in zip(rows, *firsts, strict=True):
        costs = [price * row.carats for price, _ in found if price is not None and row.carats]
        if len(costs) == len(groups) and max(costs) > (1 + SAME_WITHIN) * min(costs):
            told = " or ".join(f"{cost:,.2f}" for cost in costs)
            example = f"Row {row.number}: {row.carats:g} ct → the stone costs {told}."
            break
    answers = [
        Answer(
            f"What is in {name} is paid",
            {"columns": {header: FIELD[means] if header in group else "" for header, means in columns.items()}},
        )
        for name, group in zip(names, groups, strict=True)
    ]
    return Question(
        f"The list has prices that differ: {'; '.join(names)}. Which of them are paid?", tuple(answers), example
    )


def _per_carat(rows: Sequence[SampleRow], header: str, means: Means) -> list[tuple[float | None, float]]:
    """What a carat costs by a column, row by row, and the share by which that may be rounded."""
    found: list[tuple[float | None, float]] = []
    for row in rows:
        amount = row.amounts.get(header)
        if not amount or amount <= 0 or not row.carats:
            found.append((None, 0.0))
            continue
        price = amount / row.carats if means is Means.TOTAL else amount
        found.append((price, 0.0 if amount % 1 else ROUNDED_BY / amount))
    return found


def _agree(own: Sequence[tuple[float | None, float]], other: Sequence[tuple[float | None, float]]) -> bool:
    both = same = 0
    for (price, rounded), (beside, rounded_beside) in zip(own, other, strict=True):
        if price is not None and beside is not None:
            both += 1
            same += abs(price / beside - 1) <= max(SAME_WITHIN, rounded + rounded_beside)
    return both < MIN_ROWS or same >= AGREE * both
