"""Where the buckets of histograms begin: at numbers that people would choose, whatever the extent of what is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

#: Buckets of a histogram at most.
MAX_BUCKETS = 40
#: Fewer of the ladder's buckets than this say too little: even steps over the extent are taken instead.
MIN_BUCKETS = 8

Number = int | Decimal
#: The edges as the columns hold them: cents, carats.
LADDERS: dict[str, tuple[Number, ...]] = {
    "price": tuple(
        dollars * 100
        for dollars in (
            0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 1_250, 1_500, 1_750, 2_000, 2_500, 3_000, 3_500, 4_000,
            5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 12_500, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 75_000,
            100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
        )
    ),
    "carats": tuple(
        Decimal(carats)
        for carats in (
            *(f"{tenths / 10}" for tenths in range(21)), "2.25", "2.5", "2.75", "3", "3.5", "4", "4.5",
            *map(str, range(5, 11)), "12", "15", "20", "30", "50", "100",
        )
    ),
}  # fmt: skip
#: The finest step.
_FINEST: dict[str, Number] = {"price": 100, "carats": Decimal("0.01")}


def is_fine_enough(attribute: str, low: Number, high: Number) -> bool:
    """Whether the ladder tells values from `low` to `high` well apart."""
    return tells_apart(LADDERS[attribute], _FINEST[attribute], low, high)


def tells_apart(ladder: Sequence[Number], finest: Number, low: Number, high: Number) -> bool:
    """Whether a ladder tells values from `low` to `high` well apart, as far as steps of `finest` could."""
    return len(trimmed(ladder, low, high)) >= MIN_BUCKETS or high - low < finest * 2


def even(attribute: str, low: Number, high: Number) -> tuple[Number, ...]:
    """Edges for values from `low` to `high` in steps of 1, 2 or 5, after one at nothing."""
    return in_even_steps(_FINEST[attribute], low, high)


def in_even_steps(finest: Number, low: Number, high: Number) -> tuple[Number, ...]:
    """Edges for values from `low` to `high` in 1, 2 or 5 times `finest` or tens of it, after one at nothing."""
    step = next(step for step in _steps(finest) if (high - low) / step < MAX_BUCKETS - 2)
    first = low // step * step
    edges: list[Number] = [first]
    while edges[-1] <= high:
        edges.append(edges[-1] + step)
    # Nothing lies below the first, but evaluators are told of all values that there can be.
    return (*((type(finest)(0),) if first else ()), *edges)


def trimmed(edges: Sequence[Number], low: Number, high: Number) -> list[tuple[Number, Number | None]]:
    """The buckets from that of `low` to that of `high`, as pairs of their edges; None: without an end."""
    ends = [*edges[1:], None]
    return [(edge, end) for edge, end in zip(edges, ends, strict=True) if (end is None or end > low) and edge <= high]


def _steps(finest: Number) -> Iterator[Number]:
    while True:
        for factor in (1, 2, 5):
            yield finest * factor
        finest *= 10
