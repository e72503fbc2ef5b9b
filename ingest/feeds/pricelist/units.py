"""Prices far above what stones cost: of another currency, or in cents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.feeds.pricelist.evidence import SampleRow
from ingest.feeds.verdicts import Answer, Question

#: Digits in groups of two, as India writes 12,34,567.
_LAKHS = re.compile(r"\d,\d\d,\d{3}(?!\d)", re.ASCII)
#: Amounts that differ by less from whole ones are whole: the rest is noise of binary fractions.
_NOISE = 0.001


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
