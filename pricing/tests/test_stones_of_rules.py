"""The stones of a rule: the conditions by which the catalogue is searched for them say what the evaluator says."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.models import Diamond
from catalog.searching.conditions import Condition, holds
from pricing.conditions import clause_matches
from pricing.evaluate import matching_rule
from pricing.stones_of_rules import left_to, matched_by
from pricing.tests.factories import a_draft
from pricing.tests.test_prices import DAYS, rules, stones


def meets(stone: Diamond, condition: Condition) -> bool:
    return holds(condition, lambda column: getattr(stone, column))


class StonesOfRules(TestCase):
    """As conditions of the catalogue, and by the evaluator."""

    @given(
        given_rules=st.lists(rules(), min_size=1, max_size=5),
        given_stones=st.lists(stones(), min_size=1, max_size=15, unique_by=lambda stone: stone.pk),
        day=st.sampled_from(DAYS),
    )
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    def test_they_are_those_that_the_evaluator_matches_and_prices_by_it(
        self, given_rules: list[dict[str, Any]], given_stones: list[Diamond], day: date
    ) -> None:
        rule_set = a_draft(*given_rules)

        for rule in rule_set.rules.all():
            for stone in given_stones:
                matches = any(clause_matches(clause, stone) for clause in rule.clauses.all())
                assert meets(stone, matched_by(rule)) == matches
                assert meets(stone, left_to(rule, rule_set, day)) == (matching_rule(rule_set, stone, day) == rule)
