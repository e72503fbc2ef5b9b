"""How sure one can be of a difference: intervals against published ones and chance, and where nothing can be said."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.uncertainty import Sample, Verdict, compare_means, compare_shares, student, wilson


def sample(values: list[float]) -> Sample:
    return Sample(len(values), sum(values), sum(value * value for value in values))


@pytest.mark.parametrize(
    ("figures", "low", "high"),
    # Newcombe 1998, table II, method 10.
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), None, None)],
)
def test_the_interval_of_two_shares_is_the_published_one(
    figures: tuple[int, int, int, int], low: float | None, high: float | None
) -> None:
    found = compare_shares(*figures)

    assert found.low == (None if low is None else pytest.approx(low, abs=0.0001))
    assert found.high == (None if high is None else pytest.approx(high, abs=0.0001))


def test_wilsons_interval_is_the_published_one() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=0.0001)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=0.0001)


@pytest.mark.parametrize(("freedom", "quantile"), [(10, 2.2281), (29, 2.0452), (100, 1.9840), (1e9, 1.9600)])
def test_students_quantiles_are_those_of_the_tables(freedom: float, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, abs=0.001)


def test_a_difference_of_means_has_welchs_interval() -> None:
    first, second = sample([10.0, 12.0, 14.0] * 20), sample([9.0, 9.5, 10.0, 10.5] * 15)

    found = compare_means(first, second, least=60)

    # By hand: 12 - 9.75, standard error 0.2248, 76 degrees of freedom.
    assert found.difference == pytest.approx(2.25)
    assert found.low == pytest.approx(1.803, abs=0.005)
    assert found.high == pytest.approx(2.697, abs=0.005)
    assert found.verdict is Verdict.HIGHER


@pytest.mark.parametrize("figures", [(0, 0, 0, 0), (9, 1000, 50, 1000), (50, 59, 500, 1000), (0, 5000, 400, 5000)])
def test_too_few_stones_say_nothing(figures: tuple[int, int, int, int]) -> None:
    found = compare_shares(*figures)

    assert (found.verdict, found.low, found.high) == (Verdict.TOO_FEW, None, None)


def test_too_few_sold_stones_say_nothing_of_means_however_many_were_offered() -> None:
    offered = Sample(100_000, 5_000.0, 1_000_000.0)

    assert compare_means(offered, offered, least=29).verdict is Verdict.TOO_FEW
    assert compare_means(offered, offered, least=30).verdict is Verdict.NOT_SEEN


def test_equal_values_have_no_spread_and_no_error() -> None:
    found = compare_means(sample([5.0] * 40), sample([5.0] * 40), least=40)

    assert (found.low, found.high, found.verdict) == (0.0, 0.0, Verdict.NOT_SEEN)


def test_chance_alone_is_taken_for_an_effect_about_once_in_twenty() -> None:
    chance = Random(7)

    def sold() -> int:
        return sum(chance.random() < 0.1 for _stone in range(400))

    verdicts = [compare_shares(sold(), 400, sold(), 400).verdict for _experiment in range(400)]

    assert 5 <= sum(verdict is not Verdict.NOT_SEEN for verdict in verdicts) <= 36


@given(st.integers(10, 500), st.integers(10, 500), st.integers(10, 500), st.integers(10, 500))
def test_an_interval_holds_its_difference_and_turns_round_with_the_groups(
    first: int, rest: int, second: int, other_rest: int
) -> None:
    found = compare_shares(first, first + rest, second, second + other_rest)
    turned = compare_shares(second, second + other_rest, first, first + rest)

    assert found.low is not None
    assert found.high is not None
    assert found.difference is not None
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert turned.low == pytest.approx(-found.high)
    assert turned.high == pytest.approx(-found.low)
