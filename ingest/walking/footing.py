"""The page-shift guard: where to read next so that no stone is skipped when the pages move.

Stones leave a run's window while it is walked, and everything behind them moves towards the front. So every page re-reads
the last stone of the page before: a page that does not begin with a stone already seen has lost its footing, and the walk
steps back until it finds a page that does. Pure bookkeeping, no I/O: `ingest.walking.walkers` asks `next_offset` and tells
`received`.

Why that is enough: stones leave but never enter, and the order is stable, so the stones seen are always a prefix of those
that are there, and everything before a seen stone was seen. The end is proven the same way: an empty page at some offset,
and *after* it a page just before that offset that begins with a seen stone and shows nothing new.

A supplier that says in the same answer that nothing lies behind a page proves as much as an empty page does, and is believed
on the same condition: as many stones as it counted were seen.

A slice of a list that begins at an offset trusts its first page; from then on what it has seen is an unbroken stretch of
those that are there, whatever leaves. The slice before it has seen everything up to where it stands. So as soon as that one
meets a stone which this one has seen, nothing lies between them, and it may end. If this one lost its whole stretch, it
begins again at the front of the list; if it was never begun, the one before reads on to the end.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

#: Pages without anything new after which a gap is taken for stones that are counted but never shown.
STUCK = 8


class Verdict(enum.Enum):
    """The meaning of a page for the walk."""

    #: The page follows on what was read before: store it and go on.
    GO_ON = "go on"
    #: The page may have skipped stones, or brought nothing to store: read again where `next_offset` says.
    LOOK_AGAIN = "look again"
    #: Nothing lies behind what was read.
    END = "end"


@dataclass(slots=True)
class Footing:
    """The state of one reading of one slice.

    `position` is the offset behind the last stone read; `seen` the ids of this reading; `expected` is the supplier's count
    of the slice: if exactly that many were seen, the first empty page is believed without a second look. `start` is the
    offset at which the slice begins.
    """

    limit: int
    position: int
    expected: int
    seen: set[UUID] = field(default_factory=set)
    start: int = 0
    _overlap: int = 1
    #: The next page is read without overlap, to see whether it is empty.
    _probe: bool = False
    #: An empty page was seen, and the next page must confirm that nothing moved in front of it.
    _confirm: bool = False
    _stuck: int = 0

    def next_offset(self) -> int:
        """The offset to read next."""
        if self._at_start:
            return self.start
        return self.position if self._probe else max(0, self.position - self._overlap)

    @property
    def _at_start(self) -> bool:
        return self.position == self.start and not self.seen and self._overlap == 1

    @property
    def lost(self) -> bool:
        """Whether a slice has lost all it saw: to be begun again, from the front of the list (`start_again`)."""
        return self.start > 0 and self.next_offset() == 0

    @property
    def looking(self) -> bool:
        """Whether the walk is looking for its footing or for the end: who takes it up later would have to begin again."""
        return self._probe or self._confirm or self._overlap > 1

    def end_expected(self) -> int | None:
        """The offset behind the next page, if that page brings all that is missing: nothing should lie there."""
        missing = self.expected - len(self.seen)
        behind = self.position + missing
        if missing <= 0 or self.looking or behind - self.next_offset() > self.limit:
            return None
        return behind

    def ended(self, behind: int | None, *, is_last: bool) -> bool:
        """Whether a page that was just received on sure footing was the last one.

        The supplier said in the same answer that nothing lay at `behind`, and as many stones as it counted were seen: as
        good as an empty page.
        """
        return is_last and self.position == behind and len(self.seen) == self.expected

    def received(self, offset: int, ids: Sequence[UUID], size: int) -> Verdict:
        """Judge the page read at `offset`: the ids of its identified items, and its `size` with unidentified ones."""
        begins = self._at_start and offset == self.start
        if not size:
            # A slice that was never begun is the business of the one before it.
            return Verdict.END if begins else self._empty(offset)
        if offset and not begins and not (ids and ids[0] in self.seen) and not (self._probe and self._stuck > STUCK):
            return self._step_back()
        fresh = [stone for stone in ids if stone not in self.seen]
        if self._confirm and not fresh:
            return Verdict.END
        self.seen.update(fresh)
        self._stuck = 0 if fresh else self._stuck + 1
        self.position = offset + size
        short = size < self.limit
        # The end is looked for where it is likely; looking costs a request.
        self._probe = short and (not fresh or len(self.seen) == self.expected)
        self._confirm = False
        self._overlap = 1
        return Verdict.GO_ON

    def _empty(self, offset: int) -> Verdict:
        if offset == 0:
            return Verdict.END
        if not self._probe:
            # What was read there before is gone: the list got shorter than where we stand.
            return self._step_back()
        self._stuck += 1
        if len(self.seen) == self.expected or self._stuck > STUCK:
            return Verdict.END
        self._probe, self._confirm, self._overlap = False, True, 1
        return Verdict.LOOK_AGAIN

    def _step_back(self) -> Verdict:
        self._stuck += self._probe
        self._probe = self._confirm = False
        self._overlap = min(self.limit - 1, 10) if self._overlap == 1 else self._overlap + self.limit - 1
        return Verdict.LOOK_AGAIN

    def start_again(self) -> None:
        """Read again, from the beginning of the list."""
        self.position = self.start = self._stuck = 0
        self.seen = set()
        self._overlap, self._probe, self._confirm = 1, False, False


def union(pages: Iterable[Sequence[UUID]]) -> set[UUID]:
    """All ids of some pages."""
    return {stone for page in pages for stone in page}
