"""What the columns of money of a supplier's list were found to hold, with the evidence, and the question where nothing does.

A verdict is kept with the snapshot of its list, on the feed and on the run (`ingest.price_meanings`).
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from ingest.errors import PermanentSupplierError


class Means(enum.StrEnum):
    """What a column holds."""

    TOTAL = "total"
    PER_CARAT = "per_carat"
    #: Every stone weighs one carat, so both are the same.
    EITHER = "either"
    LIST = "list_price"
    DISCOUNT = "discount"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


IN_WORDS = {
    Means.TOTAL: "the price of the stone",
    Means.PER_CARAT: "the price of a carat",
    Means.EITHER: "the price of the stone, which weighs one carat",
    Means.LIST: "the list's price of a carat",
    Means.DISCOUNT: "a discount",
    Means.NOTHING: "nothing of money",
    Means.UNKNOWN: "what nothing proves",
}


class Column(msgspec.Struct, frozen=True):
    """One column: what it means, by what, and how many rows say so of those that could."""

    header: str
    means: Means
    by: str
    rows: int = 0
    of: int = 0
    #: Whether rows or a person said it, and not the spelling of the header alone.
    proven: bool = False
    #: Whether the feed's parameters say it.
    said: bool = False


class Answer(msgspec.Struct, frozen=True):
    """One answer to a question: its words, and the parameters of the feed that say it."""

    words: str
    parameters: dict[str, Any]


class Question(msgspec.Struct, frozen=True):
    """What a person has to say before the list is read."""

    words: str
    answers: tuple[Answer, ...] = ()
    #: A row that shows what depends on the answer; it tells what a stone costs.
    example: str = ""

    @property
    def sentence(self) -> str:
        """The question and how to answer it, without what stones cost."""
        return f"{self.words}{self._how}"

    @property
    def with_example(self) -> str:
        """The same with the row that shows what depends on it."""
        return " ".join(part for part in (self.words, self.example) if part) + self._how

    @property
    def _how(self) -> str:
        said = " or ".join(msgspec.json.encode(answer.parameters).decode() for answer in self.answers)
        return f" Answer in the feed's parameters with {said}, or on the feed's page" if said else ""


class Verdict(msgspec.Struct, frozen=True):
    """The columns of money of one list; `looked` rows of `rows` were looked at."""

    columns: tuple[Column, ...] = ()
    looked: int = 0
    rows: int = 0
    notes: tuple[str, ...] = ()
    question: Question | None = None
    #: What the list says outside of its rows that bears on a sale, by kind; None in verdicts of before this was kept.
    outside: dict[str, str] | None = None
    #: All that it says there of currency, nature and prices; None in verdicts of before this was kept.
    said: tuple[str, ...] | None = None

    def column(self, header: str) -> Column | None:
        """The verdict on one column."""
        return next((column for column in self.columns if column.header == header), None)


class SupplierAsks(PermanentSupplierError):
    """What the supplier sent is not read before a person has answered what nothing in it proves."""

    kind = "question"

    def __init__(self, verdict: Verdict) -> None:
        assert verdict.question is not None
        super().__init__(verdict.question.with_example)
        self.verdict = verdict
        #: The question without what stones cost.
        self.question = verdict.question.sentence


def changed(before: Verdict, now: Verdict) -> tuple[Column, Column] | None:
    """A column of a carat's prices in one list and of stones' in the other, as (then, now), unless the feed says it."""
    for column in now.columns:
        then = before.column(column.header)
        both = {column.means, then.means} if then is not None else set()
        if then is not None and both == {Means.TOTAL, Means.PER_CARAT} and not column.said:
            return then, column
    return None
