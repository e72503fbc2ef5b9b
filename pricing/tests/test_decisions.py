"""What a compiled set asks: nothing that cannot matter any more, and no more text than there is room for."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from catalog.shapes import KNOWN_SHAPES
from pricing import decisions
from pricing.compile import compile_set
from pricing.tests.factories import TODAY, a_draft

pytestmark = pytest.mark.django_db

#: Of a natural stone, whose type only these tests' rules take.
NATURAL: dict[str, Any] = {"stone_types": ["natural"]}


def outcomes_asked(*rules: dict[str, Any]) -> set[int]:
    """The places of the rules that the compiled set can come to."""
    compiled = compile_set(a_draft(*rules))
    found = map(int, re.findall(r"(?:THEN|ELSE) (\d+)", compiled["outcome"]))
    return {number for number in found if compiled["outcomes"][number - 1][0]}


def of(*clauses: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A rule of natural stones."""
    return {"clauses": [{**NATURAL, **clause} for clause in clauses], **fields}


ROUND = {"shapes": ["ROUND"]}


@pytest.mark.parametrize(
    ("earlier", "later", "asked"),
    [
        ([{**ROUND, "color_max": 5}], [{**ROUND, "color_max": 3}], {1}),
        ([{**ROUND, "color_max": 3}], [{**ROUND, "color_max": 5}], {1, 2}),
        ([{"shapes": ["ROUND", "OVAL"]}], [{**ROUND, "carats_min": 1}], {1}),
        ([{"shapes": ["OVAL"], "shapes_excluded": True}], [ROUND], {1}),
        ([{"carats_min": 1, "carats_max": 2}], [{"carats_min": 1}], {1, 2}),
        ([{"carats_min": 1}], [{"carats_min": 1, "carats_max": 2}], {1}),
        # Each of the later rule's clauses must lie in one of the earlier rule's.
        ([{"color_max": 3}, {"clarity_max": 3}], [{"color_max": 2, "cut_max": 1}, {"clarity_max": 2}], {1}),
        ([{"color_max": 3}, {"clarity_max": 3}], [{"color_max": 2}, {"polish_max": 1}], {1, 2}),
        # What is not known of a stone is in no range.
        ([{"color_min": 1}], [{"clarity_max": 3}], {1, 2}),
        ([{"has_video": True}], [{"has_video": True, "has_image": False}], {1}),
        ([{"has_video": True}], [{"has_image": False}], {1, 2}),
    ],
)
def test_a_rule_that_an_earlier_one_leaves_nothing_is_not_asked(
    earlier: list[dict[str, Any]], later: list[dict[str, Any]], asked: set[int]
) -> None:
    assert outcomes_asked(of(*earlier), of(*later)) == asked


def test_a_rule_of_some_days_leaves_the_others_something() -> None:
    assert outcomes_asked(of(ROUND, valid_to=TODAY), of({**ROUND, "color_max": 3})) == {1, 2}


def test_what_a_branch_has_settled_is_left_to_no_later_rule_there() -> None:
    # From one carat on the first takes every stone that the second would, which below one carat is alone.
    rules = [
        of({"carats_min": Decimal(low), "carats_max": Decimal(high), "color_max": color})
        for low, high, color in ((1, 2, 5), (0, 2, 5), (1, 3, 4), (4, 5, 6), (5, 6, 7))
    ]

    outcome = compile_set(a_draft(*rules))["outcome"]

    below, beyond = re.split(r"WHEN s\.carats IS NULL THEN \d+ ELSE", outcome.split("s.carats < 1.000 THEN")[1])[:2]
    assert re.findall(r"THEN (\d)", below) == ["2"]
    assert re.findall(r"THEN (\d)", beyond) == ["1", "3"]


def test_every_branch_has_its_share_of_the_room() -> None:
    rules = [
        of(
            {
                "shapes": [shape],
                "carats_min": Decimal(place) / 7,
                "carats_max": Decimal(place) / 7 + 1,
                "color_max": 1 + place % 9,
                "clarity_max": 1 + (place * 5) % 9,
            }
        )
        for shape in KNOWN_SHAPES[:5]
        for place in range(24)
    ]

    outcome = compile_set(a_draft(*rules))["outcome"]

    leaves = [len(re.findall(r"(?:THEN|ELSE) \d", branch)) for branch in re.split(r"WHEN '\w+' THEN", outcome)[1:]]
    assert len(leaves) == 5
    # As the rules of all shapes are alike, so are their branches, the last one with what stands behind it.
    assert len(set(leaves[:-1])) == 1
    assert 24 < leaves[0] <= 2 * decisions.GROWTH * 24
