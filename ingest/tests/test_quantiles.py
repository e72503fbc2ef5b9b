"""Cutting an axis at quantiles by asking only how many lie below."""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.planning.quantiles import quantile_edges

GRID = (100, 500, 1_000, 5_000, 20_000)


class Axis:
    """Values on an axis, and what asking about them costs."""

    def __init__(self, values: Sequence[int]) -> None:
        self.values = sorted(values)
        self.rounds = 0
        self.asked = 0

    def below(self, edges: Sequence[int]) -> list[int]:
        self.rounds += 1
        self.asked += len(edges)
        return [bisect.bisect_left(self.values, edge) for edge in edges]

    def sizes(self, cuts: Sequence[int]) -> list[int]:
        ends = [0, *[bisect.bisect_left(self.values, cut) for cut in cuts], len(self.values)]
        return [high - low for low, high in pairwise(ends)]


def test_it_cuts_a_smooth_axis_into_pieces_of_equal_weight_within_a_few_rounds() -> None:
    rng = random.Random(1)
    axis = Axis([int(rng.lognormvariate(7.3, 0.9)) for _ in range(100_000)])

    edges = quantile_edges(axis.below, total=100_000, pieces=50, grid=GRID)

    sizes = axis.sizes(edges.chosen)
    assert len(sizes) == 50
    assert max(sizes) <= 1.25 * 2_000
    assert axis.rounds <= 7


def test_it_leaves_a_single_heavy_value_in_one_piece() -> None:
    axis = Axis([777] * 5_000)

    edges = quantile_edges(axis.below, total=5_000, pieces=5, grid=GRID)

    assert max(axis.sizes(edges.chosen)) == 5_000


def test_it_finds_values_far_beyond_its_grid() -> None:
    axis = Axis([10_000_000 + i for i in range(1_000)])

    edges = quantile_edges(axis.below, total=1_000, pieces=4, grid=GRID)

    assert max(axis.sizes(edges.chosen)) <= 400


def test_it_asks_nothing_for_one_piece_or_an_empty_axis() -> None:
    axis = Axis([])

    assert quantile_edges(axis.below, total=0, pieces=3, grid=GRID).chosen == []
    assert quantile_edges(axis.below, total=10, pieces=1, grid=GRID).chosen == []
    assert axis.asked == 0


@given(
    values=st.lists(st.integers(min_value=0, max_value=2_000_000), min_size=1, max_size=300),
    pieces=st.integers(min_value=1, max_value=30),
)
@settings(max_examples=200, deadline=None)
def test_cuts_are_increasing_and_no_piece_but_a_single_value_is_far_too_heavy(values: list[int], pieces: int) -> None:
    axis = Axis(values)

    edges = quantile_edges(axis.below, total=len(values), pieces=pieces, grid=GRID)

    assert edges.chosen == sorted(set(edges.chosen))
    assert all(cut > 0 for cut in edges.chosen)
    assert sum(axis.sizes(edges.chosen)) == len(values)


@given(answers=st.lists(st.integers(min_value=0, max_value=1_000), min_size=1))
@settings(max_examples=100, deadline=None)
def test_it_ends_whatever_a_lying_supplier_answers(answers: list[int]) -> None:
    lies = iter(answers * 10_000)

    edges = quantile_edges(lambda edges: [next(lies) for _ in edges], total=1_000, pieces=10, grid=GRID)

    assert edges.chosen == sorted(set(edges.chosen))
