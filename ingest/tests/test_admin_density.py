"""The density picture: arithmetic from a plan's density and the partitions to paths."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from ingest.admin.density import HEIGHT, WIDTH, Piece, picture

DENSITY = [[0, 0], [100, 0], [200, 100], [400, 600], [800, 1000], [1600, 1000]]


def spans(path_list: list[tuple[str, str]]) -> list[tuple[str, float, float]]:
    found = []
    for state, path in path_list:
        numbers = re.fullmatch(r"M([\d.]+) \d+H([\d.]+)V\d+H[\d.]+Z", path)
        assert numbers
        found.append((state, float(numbers[1]), float(numbers[2])))
    return found


def test_the_strip_covers_the_axis_without_gaps() -> None:
    pieces = [Piece(0, 249, "completed"), Piece(250, 399, "working"), Piece(400, None, "ready")]

    drawn = picture(DENSITY, pieces)

    assert drawn
    found = spans(drawn.strip)
    assert [state for state, _left, _right in found] == ["completed", "working", "ready"]
    assert found[0][1] == 0
    assert found[-1][2] == WIDTH
    assert all(before[2] == pytest.approx(after[1], abs=0.2) for before, after in pairwise(found))


def test_neighbours_in_one_state_are_one_rectangle() -> None:
    pieces = [Piece(start, start + 9, "completed") for start in range(0, 1000, 10)] + [Piece(1000, None, "completed")]

    drawn = picture(DENSITY, pieces)

    assert drawn
    assert len(drawn.strip) == 1


def test_partitions_split_by_carat_share_the_width_of_their_price() -> None:
    pieces = [
        Piece(0, 399, "completed"),
        Piece(400, 599, "failed"),
        Piece(400, 599, "ready"),
        Piece(600, None, "ready"),
    ]

    drawn = picture(DENSITY, pieces)

    assert drawn
    _first, failed, ready = spans(drawn.strip)
    assert failed[2] == ready[1]


def test_the_area_is_highest_where_the_stones_are() -> None:
    drawn = picture(DENSITY, [Piece(0, None, "ready")])

    assert drawn
    heights = [(float(x), HEIGHT - float(y)) for x, y in re.findall(r"L([\d.]+) ([\d.]+)", drawn.area)]
    peak = max(heights, key=lambda corner: corner[1])[0]
    assert WIDTH / 3 - 1 <= peak <= WIDTH * 2 / 3 + 1


@pytest.mark.parametrize("density", [[], [[0, 0]], [[0, 0], [100, 0]], [[0, 5], [100, 5]]])
def test_a_plan_that_says_nothing_has_no_picture(density: list[list[int]]) -> None:
    assert picture(density, [Piece(0, None, "ready")]) is None


def test_all_stones_at_one_price_have_a_picture_or_none_but_no_error() -> None:
    picture([[0, 0], [500, 0], [501, 1000], [1000, 1000]], [Piece(0, 500, "ready"), Piece(501, None, "ready")])
    picture([[0, 0], [1, 1000]], [Piece(0, None, "ready")])


def test_the_peak_says_where_most_stones_are_and_no_price_of_the_axis_is_cut_off() -> None:
    wide = [[1, 0], [10, 10], [100, 100], [1_000, 9_000], [10_000, 9_900], [100_000, 10_000]]

    drawn = picture(wide, [Piece(0, None, "ready")])

    assert drawn
    low, high = (int(price.replace(",", "")) for price in re.findall(r"\$([\d,]+)", drawn.peak))
    assert 100 <= low < high <= 1_000 * 1.2
    assert 2 <= len(drawn.ticks) <= 7
    assert all(40 <= x <= WIDTH - 40 for x, _label in drawn.ticks)


def test_the_axis_is_spent_on_prices_at_which_stones_are() -> None:
    searched = [[0, 0], [1, 0], [80, 1_000], [110, 3_000], [200, 6_000], [400, 7_900], [100_000, 8_000]]

    drawn = picture(searched, [Piece(0, 79, "ready"), Piece(80, 109, "ready"), Piece(110, None, "ready")])

    assert drawn
    _start, second, third = borders_of(drawn.borders)
    assert WIDTH * 0.2 < second < third < WIDTH * 0.8


def borders_of(borders: str) -> list[float]:
    return [0.0, *(float(x) for x in re.findall(r"M([\d.]+) 0V", borders))]
