"""The page-shift guard: where to read next so that no stone is skipped when the pages move.

Stones leave a run's window while it is walked, and everything behind them moves towards the front. So every page re-reads
the last stone of the page before: a page that does not begin with a stone already seen has lost its footing, and the walk
steps back until it finds a page that does. Pure bookkeeping, no I/O: `ingest.walking` asks `next_offset` and tells
`received`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID


class Verdict(enum.Enum):
    """What a page means for the walk."""

    #: The page follows on what was read before: store it and go on.
    GO_ON = "go on"
    #: The page may have skipped stones: store nothing, read again further back.
    STEP_BACK = "step back"
    #: Nothing lies behind what was read.
    END = "end"


@dataclass(slots=True)
class Footing:
    """The state of one reading of one slice.

    `position` is the offset behind the last stone read; `seen` the ids of this reading; `expected` how many stones the
    slice should have, which only decides whether it is worth looking for the end.
    """

    limit: int
    position: int
    expected: int
    seen: set[UUID] = field(default_factory=set)
    _overlap: int = 1
    _probe: bool = False
    _covered_to: int = 0

    def next_offset(self) -> int:
        """The offset to read next."""
        if self._probe:
            return self.position
        return max(0, self.position - self._overlap)

    def received(self, offset: int, ids: Sequence[UUID], size: int) -> Verdict:
        """Judge the page read at `offset`: the ids of its identified items, and its `size` with unidentified ones."""
        if not size:
            if offset == 0 or self._probe:
                return Verdict.END
            return self._step_back()
        footed = offset == 0 or offset < self._covered_to or (bool(ids) and ids[0] in self.seen)
        if not footed:
            return self._step_back()
        fresh = [one for one in ids if one not in self.seen]
        self.seen.update(fresh)
        self.position = offset + size
        short = size < self.limit
        # A short page without news: its whole width was just read, so whatever comes behind its start follows on.
        self._covered_to = offset + self.limit if short and not fresh else 0
        self._probe = (short and not fresh) or (short and len(self.seen) >= self.expected)
        self._overlap = 1
        return Verdict.GO_ON

    def _step_back(self) -> Verdict:
        if self._probe:
            # The count promised the end here and lied: take up the walk where it stands.
            self._probe = False
            self.expected = 1 << 62
            return Verdict.STEP_BACK
        self._overlap = min(self.limit - 1, 10) if self._overlap == 1 else self._overlap + self.limit - 1
        return Verdict.STEP_BACK

    def start_again(self) -> None:
        """Read the slice again from its beginning."""
        self.position = 0
        self.seen = set()
        self._overlap, self._probe, self._covered_to = 1, False, 0


def union(pages: Iterable[Sequence[UUID]]) -> set[UUID]:
    """All ids of some pages."""
    return {one for page in pages for one in page}
