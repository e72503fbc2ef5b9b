"""The stones of a rule: the conditions by which the catalogue is searched for them say what the evaluator says."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.grades import Color
from catalog.models import Diamond
from catalog.searching.conditions import Condition, holds
from catalog.tests.factories import a_diamond
from pricing.conditions import clause_matches
from pricing.evaluate import matching_rule
from pricing.stones_of_rules import left_to, matched_by
from pricing.tests.admin_pages import EDITOR, rule_url, signed_in
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


ADDRESS = "/admin/catalog/diamond/"


def shown(browser: Client, query: str) -> tuple[set[Any], str]:
    """The stones of the explorer's page, and what it says of the rule."""
    response = browser.get(f"{ADDRESS}?{query}")
    callout = re.search(r'<section class="dh-callout.*?</section>', response.content.decode(), re.DOTALL)
    words = re.sub(r"<[^>]+>", "", unescape(callout[0])) if callout else ""
    return {stone.pk for stone, _ in response.context["rows"]}, re.sub(r"\s+", " ", words)


@pytest.mark.django_db
def test_the_explorer_shows_what_a_rule_matches_and_how_much_of_it_earlier_rules_take() -> None:
    draft = a_draft(
        {"clauses": [{"carats_min": Decimal(2)}]},
        {"name": "Ovals & pears", "clauses": [{"shapes": ["OVAL"]}, {"shapes": ["PEAR"], "color_max": 3}]},
    )
    rule = draft.rules.get(number=2)
    oval, large = a_diamond(shape="OVAL", carats=Decimal(1)), a_diamond(shape="OVAL", carats=Decimal(2))
    pear = a_diamond(shape="PEAR", color=Color.E, carats=Decimal(1))
    a_diamond(shape="PEAR", color=Color.K)
    browser = signed_in(*EDITOR)

    matched, words = shown(browser, f"rule={rule.pk}")
    narrowed, narrowed_words = shown(browser, f"rule={rule.pk}&shape=OVAL")
    priced, _ = shown(browser, f"priced_by={rule.pk}")

    assert matched == {oval.pk, large.pk, pear.pk}
    assert "Stones of rule “Ovals & pears” of draft" in words
    assert "3 of the stones that pass your filters match one of its clauses" in words
    assert "2 of them are left to it by the 1 rule before it" in words
    assert narrowed == {oval.pk, large.pk}
    assert "1 of them are left to it" in narrowed_words
    assert priced == {oval.pk, pear.pk}


@pytest.mark.django_db
def test_a_rule_that_is_off_prices_none_of_what_it_matches() -> None:
    rule = a_draft({"active": False}).rules.get()
    stone = a_diamond()
    browser = signed_in(*EDITOR)

    matched, words = shown(browser, f"rule={rule.pk}")

    assert matched == {stone.pk}
    assert "It is off today, so it prices 0 of them" in words
    assert shown(browser, f"priced_by={rule.pk}")[0] == set()


@pytest.mark.django_db
def test_a_rule_without_clauses_matches_nothing() -> None:
    rule = a_draft({"clauses": []}).rules.get()
    a_diamond()

    assert shown(signed_in(*EDITOR), f"rule={rule.pk}")[0] == set()


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["0", "x", "-1", "9" * 18, "9" * 40, "١", "1%00"])
def test_a_rule_that_there_is_not_is_told(text: str) -> None:
    a_diamond()

    response = signed_in(*EDITOR).get(f"{ADDRESS}?rule={text}")

    assert response.status_code == 400
    assert "names no rule that there is" in response.content.decode()


@pytest.mark.django_db
def test_who_may_not_see_rules_is_told_nothing_by_them() -> None:
    rule = a_draft({"name": "Secret"}).rules.get()

    response = signed_in("view_diamond").get(f"{ADDRESS}?rule={rule.pk}")

    assert response.status_code == 400
    assert "is only for people who may see pricing rules" in response.content.decode()
    assert "Secret" not in response.content.decode()


@pytest.mark.django_db
def test_the_pages_of_a_rule_and_of_its_draft_lead_to_its_stones() -> None:
    draft = a_draft({"name": "Ovals"})
    rule = draft.rules.get()
    link = f'href="{ADDRESS}?rule={rule.pk}"'
    with_diamonds = signed_in(*EDITOR)
    without = signed_in(*(name for name in EDITOR if name != "view_diamond"), name="other")

    pages = [rule_url("change", rule), reverse("admin:pricing_ruleset_change", args=[draft.pk])]

    assert [link in with_diamonds.get(page).content.decode() for page in pages] == [True, True]
    assert [link in without.get(page).content.decode() for page in pages] == [False, False]
