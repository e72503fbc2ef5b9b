"""Plans: what `ingest.planning.cutting` makes of a window, and the pieces that it makes them of."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.feeds.adapter import StoneQuery
from ingest.models.plan import Method, RunPlan

#: Whatever costs more than this (dollars per carat) is not cut finer by price.
MAX_PRICE = 10**9
#: Stones that counts may lack before their run is suspect, as a share of them: the inventory moves meanwhile.
TOLERATED_DIFFERENCE = 0.001


@dataclass(frozen=True, slots=True)
class Slice:
    """A planned partition: its query and the supplier's count of it (not `counted`: an estimate).

    Slices of one query differ by their offsets: each begins at the stone at `offset_from`; the last one has no end.
    """

    query: StoneQuery
    expected: int
    counted: bool = True
    offset_from: int = 0
    offset_to: int | None = None


@dataclass(slots=True)
class Plan:
    """A window cut into slices, and how that went.

    `density` are (dollars per carat, stones below) pairs; `difference` is what the partitions' counts lack against the
    count of the whole window (positive: lacking); `requests` counts requests to the supplier.
    """

    total: int
    slices: list[Slice]
    density: list[tuple[int, int]]
    shared_ends: bool
    difference: int
    method: Method
    requests: int = 0
    seconds: float = 0.0

    @property
    def largest(self) -> int:
        """Stones in the largest partition."""
        return max((piece.expected for piece in self.slices), default=0)

    @property
    def mean(self) -> float:
        """Stones in a partition, on average."""
        return sum(piece.expected for piece in self.slices) / max(1, len(self.slices))

    @property
    def uncounted(self) -> int:
        """Partitions whose count is an estimate: the supplier was too slow, or the budget spent."""
        return sum(not piece.counted for piece in self.slices)

    def kept(self) -> RunPlan:
        """The part of the plan that its run keeps besides the partitions."""
        return RunPlan(
            method=self.method,
            total=self.total,
            partitions=len(self.slices),
            largest=self.largest,
            mean=round(self.mean, 1),
            uncounted=self.uncounted,
            requests=self.requests,
            seconds=round(self.seconds, 3),
            shared_ends=self.shared_ends,
            difference=self.difference,
            density=self.density,
        )

    def page_requests(self, page_limit: int) -> int:
        """Requests that walking the plan takes: every page re-reads one stone, and an empty one ends each partition."""
        return sum(-(-piece.expected // max(1, page_limit - 1)) + 1 for piece in self.slices)


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice in the making; `cuts` says how often it was cut, `final` that it cannot or need not be cut further.

    `crowded` is a range of prices so heavy that it is better cut by carats than by price, `one_price` one whose stones all
    have the price of its end.
    """

    query: StoneQuery
    expected: int
    counted: bool = True
    cuts: int = 0
    final: bool = False
    crowded: bool = False
    one_price: bool = False
