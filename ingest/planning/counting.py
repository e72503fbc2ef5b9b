"""Counting slices of a run's window within a budget of requests; `ingest.planning.cutting` asks, nobody else.

A count that is known is not asked for again. Many counts travel in one request where the supplier takes that; one that is
too slow is asked for once more, in smaller company, and is then unknown, as is everything that the budget does not reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from ingest.errors import SupplierTooSlow
from ingest.feeds.adapter import Adapter, StoneQuery
from ingest.feeds.ways import Together, Way, Ways

log = structlog.get_logger(__name__)

#: Requests that planning may always make: small feeds need a few, whatever their size.
ALWAYS_ALLOWED = 20
#: No plan is worth more requests, whatever the supplier counts: some 4 minutes at 25 a second.
MAX_REQUESTS = 6_000
#: A count that was too slow so often is not asked for again.
ATTEMPTS = 2


def name_of(query: StoneQuery) -> str:
    """A slice's name within its window, e.g. "100-199" or "100-100@0.30-*": the key under which its count is kept."""
    name = f"{query.price_from}-{'*' if query.price_to is None else query.price_to}"
    if query.carats_from is None and query.carats_to is None:
        return name
    return f"{name}@{query.carats_from or 0}-{'*' if query.carats_to is None else query.carats_to}"


class Counter:
    """Counts slices of one window.

    `known` are counts by `name_of` that need not be asked for, `slow` says how often a slice's count was too slow; both
    grow. `requests` counts requests, `spent` of them made before, by a planner that did not get to its end.
    `before_request` and `after_request` are called around each. `ways` knows what the supplier takes.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        known: dict[str, int],
        slow: dict[str, int],
        spent: int = 0,
        ways: Ways | None = None,
        before_request: Callable[[], object] = lambda: None,
        after_request: Callable[[], object] = lambda: None,
    ) -> None:
        self._adapter = adapter
        self._before_request, self._after_request = before_request, after_request
        self.known, self.slow = known, slow
        self.requests = spent
        self._budget = spent + ALWAYS_ALLOWED
        #: Counts asked for in one request: fewer after one that was too slow.
        self._at_ease = adapter.counts_per_request
        self._travelling: Together[StoneQuery] = Together(
            ways or Ways({}), Way.COUNTS_TOGETHER, adapter.counts_per_request
        )

    def allow(self, requests: int) -> None:
        """Set the budget: so many requests in all, the clock's one included, or the few that are always allowed."""
        self._budget = min(max(requests, ALWAYS_ALLOWED), MAX_REQUESTS) - 1

    @property
    def together(self) -> int:
        """How many counts travel in one request."""
        return min(self._at_ease, self._travelling.size)

    def affordable(self) -> int:
        """How many counts the budget still reaches."""
        return max(0, self._budget - self.requests) * self.together

    def one(self, query: StoneQuery, *, afresh: bool = False) -> int | None:
        """One count, whatever the budget; `afresh` asks although it is known. None if it is too slow."""
        if afresh:
            self.known.pop(name_of(query), None)
        return self._count([query], at_any_cost=True)[0]

    def __call__(self, queries: Sequence[StoneQuery], *, unless_dearer: bool = False) -> list[int | None]:
        """The count of each slice; None where it is too slow, or beyond the budget. Raises what the adapter raises.

        With `unless_dearer` it stops when it finds that fewer counts travel together than was thought (`together`).
        """
        return self._count(queries, at_any_cost=False, unless_dearer=unless_dearer)

    def within(self, queries: Sequence[StoneQuery], *, reserve: int) -> list[int | None]:
        """Counts for as many of the slices as leave `reserve` counts affordable; None for the others."""
        known: dict[int, int | None] = {}
        together = 0
        while self.together != together:
            # Found out meanwhile that a request holds fewer: so fewer are affordable.
            together = self.together
            asked = _spread(range(len(queries)), self.affordable() - reserve)
            known |= zip(asked, self([queries[place] for place in asked], unless_dearer=True), strict=True)
        return [known.get(place) for place in range(len(queries))]

    def _count(
        self, queries: Sequence[StoneQuery], *, at_any_cost: bool, unless_dearer: bool = False
    ) -> list[int | None]:
        names = {name_of(query): query for query in queries}
        waiting, together = self._unknown(names), self.together
        while waiting and (at_any_cost or self.requests < self._budget):
            if unless_dearer and self.together < together:
                break
            asked = waiting[: self.together]
            try:
                answered, answers = self._travelling.ask(
                    [names[name] for name in asked], self._ask, but=(SupplierTooSlow,)
                )
                self.known.update(zip(asked[:answered], answers, strict=True))
                self._after_request()
            except SupplierTooSlow:
                log.warning("counts_too_slow", counts=len(asked), requests=self.requests)
                self._at_ease = max(1, len(asked) // 2)
                self.slow.update((name, self.slow.get(name, 0) + 1) for name in asked)
                self._after_request()
            waiting = self._unknown(waiting)
        return [self.known.get(name_of(query)) for query in queries]

    def _unknown(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in self.known and self.slow.get(name, 0) < ATTEMPTS]

    def _ask(self, queries: Sequence[StoneQuery]) -> list[int]:
        self._before_request()
        self.requests += 1
        return self._adapter.count(queries)


def _spread(values: Sequence[int], most: int) -> list[int]:
    """The values to ask about if only so many are affordable.

    Then a third of what is: the next guesses are better ones, and what is learned everywhere helps everywhere.
    """
    if len(values) * 2 <= most:
        return list(values)
    chosen = min(len(values), max(1, most // 3) if most > 0 else 0)
    return [values[(2 * place + 1) * len(values) // (2 * chosen)] for place in range(chosen)]
