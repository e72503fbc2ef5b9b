"""Explanations of prices, and what a stone cost on a day of the past."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from time import process_time
from typing import Any

import pytest

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import explain, publishing
from pricing.errors import CannotExplain
from pricing.evaluate import evaluate
from pricing.in_force import with_rules
from pricing.models import Clause, Rule, RuleSet
from pricing.tests.factories import TODAY, a_draft

pytestmark = pytest.mark.django_db


def priced(rule_set: RuleSet, **changes: Any) -> Diamond:
    """A stone that holds what the set gives for it today."""
    stone = a_diamond(**{"cost_cents": 100_000, "rule_set": rule_set.version, "priced_on": TODAY, **changes})
    found = evaluate(rule_set, stone, stone.priced_on)
    stone.price_cents, stone.rule, stone.rating = found.price_cents, found.rule_number, found.rating
    stone.save()
    return stone


def test_a_price_by_the_base_margin_alone_is_two_steps() -> None:
    found = explain.explain(priced(a_draft()))

    assert [(step.name, step.cents) for step in found.steps] == [("cost", 100_000), ("raised", 140_000)]
    assert found.steps[1].words == "natural margin 40 %, rounded half-up to the cent"
    assert (found.rule, found.clause, found.passed, found.warning) == (None, None, (), "")
    assert (found.stone_type, found.base_margin, found.day) == ("natural", Decimal(40), TODAY)


def test_the_rule_and_its_clause_are_told_and_why_earlier_ones_did_not_match() -> None:
    rule_set = a_draft(
        {"name": "big ones", "clauses": [{"carats_min": 2}, {"shapes": ["ROUND"], "color_min": 1, "color_max": 3}]},
        {"name": "asleep", "active": False},
        {"name": "spring", "valid_from": TODAY + timedelta(days=1)},
        {"name": "winter", "valid_to": TODAY - timedelta(days=1)},
        {"name": "empty", "clauses": []},
        {"name": "rounds", "modifier": 5, "clauses": [{"shapes": ["OVAL"]}, {"labs": ["GIA"], "carats_max": 2}]},
        {"name": "later", "clauses": [{}]},
    )

    found = explain.explain(priced(rule_set, shape="ROUND", carats=Decimal("1.01"), color=4, lab="GIA"))

    assert found.rule is not None
    assert (found.rule.name, found.clause) == ("rounds", "carats up to 2; lab is GIA")
    assert [(one.name, one.why) for one in found.passed] == [
        ("big ones", "carats from 2, but the stone: 1.01; colour D to F, but the stone: G"),
        ("asleep", "it is not active"),
        ("spring", f"it begins on {TODAY + timedelta(days=1)}, after {TODAY}"),
        ("winter", f"it ended on {TODAY - timedelta(days=1)}, before {TODAY}"),
        ("empty", "it has no clause, so it matches nothing"),
    ]
    assert found.steps[1].words == "natural margin 40 % and 5 % of rule 6, rounded half-up to the cent"
    assert found.warning == ""


def test_a_value_that_the_stone_lacks_is_said_to_be_unknown() -> None:
    found = explain.explain(priced(a_draft({"clauses": [{"carats_min": 1}]}), carats=None))

    assert found.passed[0].why == "carats from 1, but the stone: not known"


def test_every_step_of_rounding_is_shown() -> None:
    rule_set = a_draft(
        {"modifier": -35, "fixed_cents": -1_050, "ending_cents": 9_900, "ending_step_cents": 10_000},
        floor_margin=Decimal("12.5"),
    )

    found = explain.explain(priced(rule_set, cost_cents=100_001))

    assert [(step.name, step.cents) for step in found.steps] == [
        ("cost", 100_001),
        ("raised", 105_001),
        ("fixed", 103_951),
        ("ending", 99_900),
        ("floor", 119_900),
    ]
    assert found.steps[-1].words == "lifted to the floor of cost plus 12.5 % ($1,125.02), with its ending"
    assert found.price_cents == found.steps[-1].cents == 119_900


def test_a_stone_that_would_cost_nothing_costs_a_cent() -> None:
    found = explain.explain(priced(a_draft({"modifier": -9999})))

    assert [(step.name, step.cents) for step in found.steps] == [("cost", 100_000), ("raised", 0), ("least", 1)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"price_cents": 139_999}, "the price, which is $1,399.99 and should be $1,400.00"),
        ({"rule": 7}, "the rule, which is number 7 and should be none"),
        ({"rating": 9}, "the rating, which is 9 and should be None"),
        ({"experiment_arm": "ghost"}, "the experiment ghost"),
    ],
)
def test_a_stone_that_does_not_hold_what_its_set_gives_is_told_loudly(changes: dict[str, Any], said: str) -> None:
    stone = priced(a_draft())
    Diamond.objects.filter(pk=stone.pk).update(**changes)

    found = explain.explain(Diamond.objects.get(pk=stone.pk))

    assert found.warning.startswith("WRONG: ")
    assert said in found.warning


def test_a_set_that_is_not_there_cannot_explain() -> None:
    with pytest.raises(CannotExplain, match="rule set 404"):
        explain.explain(a_diamond(rule_set=404))


def test_the_set_that_priced_the_stone_explains_it_and_not_the_one_in_force() -> None:
    old = a_draft({"modifier": 5})
    stone = priced(old)
    publishing.seal(old.pk)
    publishing.publish(a_draft({"modifier": 9}).pk, actor="maria", reason="spring", below_cost_confirmed=True)

    found = explain.explain(stone)

    assert (found.rule_set.version, found.price_cents, found.warning) == (old.version, 145_000, "")


def test_five_hundred_rules_are_told_in_bounded_time_and_more_are_counted(django_assert_max_num_queries: Any) -> None:
    rule_set = a_draft()
    rules = [Rule(rule_set=rule_set, number=i, priority=i, name=f"rule {i}") for i in range(1, 601)]
    Rule.objects.bulk_create(rules)
    Clause.objects.bulk_create(Clause(rule=rule, shapes=["HEART"]) for rule in rules for _ in range(2))
    Clause.objects.bulk_create(Clause(rule=rules[0], shapes=["PEAR"]) for _ in range(28))
    stone = priced(with_rules(RuleSet.objects.filter(pk=rule_set.pk)).get())

    started = process_time()
    with django_assert_max_num_queries(4):
        found = explain.explain(stone)

    assert (len(found.passed), found.rules_left_out) == (500, 100)
    assert (len(found.passed[0].unmet), found.passed[0].clauses_left_out) == (20, 10)
    assert process_time() - started < 10
