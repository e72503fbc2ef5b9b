"""What the rows of a list prove of its columns that hold no money: whose number is the stone's, and what weights are in.

Each rule has a module of its own, which sees an even sample of the rows. What it finds is carried by every row as a column's
field is (`proven`), or asked before the list is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.feeds.verdicts import Question

#: A row of the sample: its number in the list from 1, and its cells by header.
Sample = Sequence[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Header → field where the rows say it, what a person is told of it, what has to be asked, field → word → what it
    means in this list, and whether a colour beside an intensity is the name of a fancy one."""

    columns: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    question: Question | None = None
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    named_beside: bool = False

    def __or__(self, other: Finding) -> Finding:
        """Both of two findings; the first one's question is asked first."""
        return Finding(
            self.columns | other.columns,
            self.notes + other.notes,
            self.question or other.question,
            self.words | other.words,
            self.named_beside or other.named_beside,
        )


NOTHING = Finding()


def cells_below(header: str, sample: Sample) -> list[str]:
    """The cells of a column, blank where a row has none."""
    return [cell.strip() if isinstance(cell := row.get(header), str) else "" for _, row in sample]
