"""Prices far above what stones cost, or far above each other: of another currency, or in cents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product

from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.verdicts import Answer, Means, Question

#: Digits in groups of two, as India writes 12,34,567.
_LAKHS = re.compile(r"\d,\d\d,\d{3}(?!\d)", re.ASCII)
#: Amounts that differ by less from whole ones are whole: the rest is noise of binary fractions.
_NOISE = 0.001
#: Two prices of which one is in cents differ by so much, within a share, on so many rows at least and on so many of all.
_HUNDRED, _WITHIN, _MIN_ROWS, _AGREE = 100.0, 0.02, 3, 0.9


def question_of(rows: Sequence[SampleRow], header: str, times: float, looked: int) -> Question:
    """What to ask of a column whose prices lie so many `times` above what is usual in the middle of the rows looked at.

    Rupees are some 85 to the dollar, so only what is written tells them from cents: those are whole.
    """
    amounts = [amount for row in rows if (amount := row.amounts[header])]
    whole = sum(abs(amount - round(amount)) < _NOISE for amount in amounts) * 2 > len(amounts)
    in_lakhs = any(_LAKHS.search(row.cells[header]) for row in rows)
    may_be_cents = whole and not in_lakhs
    cents = (Answer("They are cents", {"price_unit": "cents"}),) if may_be_cents else ()
    what = "rupees, whose digits are grouped so" if in_lakhs else "another currency" + " or cents" * may_be_cents
    return Question(
        f"The prices of {header!r} lie {times:,.0f} times above what such stones cost, in the middle of {looked} rows: "
        f"are they {what}? Prices of another currency cannot be read: ask the supplier for dollars.",
        (*cents, Answer("They are dollars", {"price_unit": "dollars"})),
    )


def hundredfold(rows: Sequence[SampleRow], columns: Mapping[str, Means]) -> Question | None:
    """What to ask of a list whose prices of stones are a hundred times those of carats by the weight, or the reverse."""
    of_carats, of_stones = (
        [header for header, said in columns.items() if said is means] for means in (Means.PER_CARAT, Means.TOTAL)
    )
    for carat, stone in product(of_carats, of_stones):
        times = [
            total / (price * row.carats)
            for row in rows
            if row.carats
            and (price := row.amounts[carat])
            and (total := row.amounts[stone])
            and price > 0
            and total > 0
        ]
        for high, low, factor in ((stone, carat, _HUNDRED), (carat, stone, 1 / _HUNDRED)):
            alike = sum(abs(ratio / factor - 1) <= _WITHIN for ratio in times)
            if alike >= max(_MIN_ROWS, _AGREE * len(times)):
                return Question(
                    f"On {alike:,} of {len(times):,} rows {high!r} is 100 times what {low!r} makes it by the weight: "
                    f"is {high!r} in cents?",
                    (
                        Answer(f"{high} is in cents; {low}, in dollars, is read", {"columns": {high: ""}}),
                        Answer(f"{high} is in dollars, and {low} is not read", {"columns": {low: ""}}),
                    ),
                )
    return None
