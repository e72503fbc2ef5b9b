"""Discounts of the Rapaport list, as the trade writes them: `-38`, `-0.38`, `38%`, `38 % back`, `38% off`.

A cell alone rarely tells whether 38 is below the list or above it, or 0.5 a half or half a percent; the column does, and
`ingest.feeds.pricelist.proving.proof` finds it out from all of its rows.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ingest.feeds.pricelist import numbers

_BELOW = re.compile(r"\b(OFF|BACK|BELOW|LESS|DISC|DISCOUNT)\b\.?", re.ASCII)
_ABOVE = re.compile(r"\b(ABOVE|OVER|PREMIUM|PLUS)\b\.?", re.ASCII)
_AROUND = re.compile(r"\b(RAP|RAPAPORT|FROM|LIST|PCT|PERCENT)\b", re.ASCII)
#: Headers of the share of the list that is paid.
_OF_THE_LIST = re.compile(r"(?:%|\bPCT|\bPERCENT(?:AGE)?)\s*OF\s+(?:THE\s+)?(?:RAP|LIST)")
#: What is left over of the list is no more than this times it, and more than nothing.
MAX_FACTOR = Decimal(20)


class Writing(enum.StrEnum):
    """How a column writes its discounts: which sign is below the list, and in which unit."""

    SIGNED_PERCENT = "signed percent"
    SIGNED_FRACTION = "signed fraction"
    BELOW_PERCENT = "below percent"
    BELOW_FRACTION = "below fraction"
    #: Columns that write a plus before every discount.
    PLUS_BELOW_PERCENT = "plus below percent"
    PLUS_BELOW_FRACTION = "plus below fraction"
    #: Columns of what is left of the list: 62 % of it is paid.
    OF_PERCENT = "percent of the list"
    OF_FRACTION = "fraction of the list"

    @property
    def below(self) -> bool:
        """Whether a number without a sign is below the list."""
        return self.value.startswith(("below", "plus"))

    @property
    def percent(self) -> bool:
        return "percent" in self.value

    @property
    def of_the_list(self) -> bool:
        """Whether a number is the share of the list that is paid, and not the one that is taken off."""
        return self.value.endswith("of the list")

    @property
    def plus_is_above(self) -> bool:
        """Whether a plus is above the list: beside numbers without a sign it always is."""
        return not self.value.startswith("plus")


@dataclass(frozen=True, slots=True)
class Discount:
    """A cell: its number, and what it says for itself: a percent sign, and which side of the list it is on."""

    number: Decimal
    percent: bool = False
    below: bool | None = None
    #: Whether it is written with a plus.
    plus: bool = False

    def factor(self, writing: Writing) -> Decimal | None:
        """What is left of the list's price; None if nothing that could be paid."""
        share = self.number / 100 if self.percent or writing.percent else self.number
        if self.below is not None:
            share = -abs(share) if self.below else abs(share)
        elif writing.of_the_list:
            share -= 1
        elif writing.below and not (self.plus and writing.plus_is_above):
            share = -share
        factor = 1 + share
        return factor if 0 < factor <= MAX_FACTOR else None


def discount(cell: str) -> Discount | None:
    """A discount; None for what is none."""
    said = cell.upper()
    below, above = _BELOW.search(said), _ABOVE.search(said)
    bare = _AROUND.sub(" ", _ABOVE.sub(" ", _BELOW.sub(" ", said)))
    percent = "%" in bare or "PCT" in said or "PERCENT" in said
    bare = bare.replace("%", " ").strip().replace("−", "-").replace("–", "-")  # signs that lists have
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1].strip()}"
    if bare.endswith("-"):
        bare = f"-{bare[:-1].strip()}"
    number = numbers.measure(bare.replace(" ", ""))
    if number is None or abs(number) >= 1_000 or (below and above):
        return None
    return Discount(number, percent, True if below else False if above else None, bare.startswith("+"))


def is_percentage(cell: str) -> bool:
    """Whether a cell says for itself that it is a share: `38%`, `-0.38`, `38 back`."""
    read = discount(cell)
    return read is not None and (read.percent or read.below is not None or read.number < 0)


def writing_of(cells: Sequence[str], *, header: str, told: str | None) -> Writing | None:
    """The writing of a column, from all that it holds and what it is called; None if that does not tell.

    `told` is the feed's own word: `"below"`, `"signed"` or `"of"`.
    """
    read = [said for cell in cells if (said := discount(cell)) is not None and said.number]
    percent = any(said.percent for said in read) or any(abs(said.number) > 1 for said in read)
    unsaid = [said for said in read if said.below is None]
    negative = sum(said.number < 0 for said in unsaid)
    if told == "of" or (told is None and _OF_THE_LIST.search(header.upper())):
        return Writing.OF_PERCENT if percent else Writing.OF_FRACTION
    if told is not None:
        below = told == "below"
    elif not unsaid or negative * 2 >= len(unsaid):
        below = False
    elif re.search(r"OFF|BACK|BELOW|DISC", header.upper()):
        below = True
    else:
        return None
    if below and unsaid and all(said.plus for said in unsaid):
        return Writing.PLUS_BELOW_PERCENT if percent else Writing.PLUS_BELOW_FRACTION
    if below:
        return Writing.BELOW_PERCENT if percent else Writing.BELOW_FRACTION
    return Writing.SIGNED_PERCENT if percent else Writing.SIGNED_FRACTION
