"""Conflicts: what an earlier rule covers, what contradicts itself, what overlaps, and how long looking may take."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pricing.conflicts import Conflict, Kind, conflicts
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db

OVALS = {"shapes": ["OVAL"]}


def found(*rules: dict[str, Any], **options: int) -> list[Conflict]:
    return conflicts(a_draft(*rules), **options)


def kinds(*rules: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.kind.value, one.rule.name if one.rule else "") for one in found(*rules)]


def test_rules_for_different_stones_have_nothing_against_each_other() -> None:
    assert kinds({"clauses": [OVALS]}, {"clauses": [{"shapes": ["PEAR"]}]}) == []


def test_a_rule_that_an_earlier_one_covers_can_never_match() -> None:
    (conflict,) = found(
        {"name": "large", "clauses": [{"carats_min": 1}, {"has_video": True}]},
        {"name": "large ovals", "clauses": [{"carats_min": 2, **OVALS}, {"has_video": True, "labs": ["GIA"]}]},
    )

    assert (conflict.kind, conflict.harmless) == (Kind.NEVER, False)
    assert [rule.name for rule in conflict.earlier] == ["large"]
    assert conflict.message == "It can never match: “large” (priority 10) takes all of its stones."


def test_a_rule_of_which_one_clause_is_not_covered_only_overlaps() -> None:
    assert kinds(
        {"clauses": [{"carats_min": 1}]},
        {"name": "later", "clauses": [{"carats_min": 2}, OVALS]},
    ) == [("overlap", "later")]


@pytest.mark.parametrize(
    ("earlier", "later", "kind"),
    [
        ((None, None), (None, None), ["never"]),
        ((None, None), (date(2026, 1, 1), date(2026, 2, 1)), ["never"]),
        ((date(2026, 1, 1), None), (None, None), ["overlap"]),
        ((None, date(2026, 1, 31)), (date(2026, 1, 1), date(2026, 2, 1)), ["overlap"]),
        ((None, date(2026, 1, 31)), (date(2026, 2, 1), None), []),
        ((None, date(2026, 1, 31)), (date(2026, 1, 31), None), ["overlap"]),
    ],
)
def test_an_earlier_rule_covers_only_while_it_is_in_force(earlier: Any, later: Any, kind: list[str]) -> None:
    rules = [{"valid_from": days[0], "valid_to": days[1], "clauses": [OVALS]} for days in (earlier, later)]

    assert [one.kind for one in found(*rules)] == kind


def test_an_inactive_rule_is_in_nobodys_way() -> None:
    assert kinds({"active": False}, {"clauses": [OVALS]}) == []
    assert kinds({}, {"active": False, "clauses": []}) == []


def test_a_rule_without_a_clause_matches_nothing_and_covers_nothing() -> None:
    assert kinds({"name": "empty", "clauses": []}, {"clauses": [OVALS]}) == [("no clause", "empty")]


def test_a_clause_that_contradicts_itself_is_said_with_its_place_and_covers_nothing() -> None:
    yellow_naturals = {"stone_types": ["natural"], "fancy_colors": ["YELLOW"]}

    (conflict,) = found({"clauses": [yellow_naturals]}, {"clauses": [yellow_naturals | OVALS, OVALS]})[:1]

    assert conflict.kind == Kind.CONTRADICTION
    assert conflict.message.startswith("Clause 1 never matches: a stone with a named fancy colour")


def test_types_that_are_all_turned_away_are_a_contradiction() -> None:
    every = {"stone_types": ["natural", "lab_grown", "fancy"], "stone_types_excluded": True}

    assert kinds({"name": "none", "clauses": [every]}) == [("contradiction", "none")]


def test_a_rule_loses_stones_to_the_earlier_ones_that_it_overlaps() -> None:
    many = [{"name": f"size {place}", "clauses": [{"carats_min": place}]} for place in range(7, 0, -1)]

    conflict = found(*many, {"name": "ovals", "clauses": [OVALS]})[-1]

    assert (conflict.kind, conflict.harmless) == (Kind.OVERLAP, True)
    assert conflict.rule is not None
    assert conflict.rule.name == "ovals"
    assert conflict.message.endswith("“size 3” (50) and others go to the earlier rule.")


def test_what_is_serious_comes_before_overlaps() -> None:
    assert kinds(
        {"name": "a", "clauses": [OVALS]},
        {"name": "b", "clauses": [{"has_video": True}]},
        {"name": "c", "clauses": [OVALS]},
    ) == [
        ("never", "c"),
        ("overlap", "b"),
    ]


def test_a_set_that_is_too_large_is_looked_at_as_far_as_it_goes_and_says_so() -> None:
    rules = [{"name": f"rule {place}", "clauses": [OVALS]} for place in range(5)]

    last = found(*rules, most_comparisons=3)[-1]

    assert (last.kind, last.rule) == (Kind.CUT_SHORT, None)
    assert "rules from priority 40 on were not compared" in last.message


def test_500_rules_of_two_clauses_are_compared_completely() -> None:
    rules = [
        {"clauses": [{"carats_min": place, "carats_max": place}, {"ratio_min": place, "ratio_max": place, **OVALS}]}
        for place in range(500)
    ]

    result = found(*rules)

    assert {one.kind for one in result} == {Kind.OVERLAP}
    assert len(result) == 499
