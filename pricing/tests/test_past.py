"""Prices of the past: what a stone cost on a day, the steps that led to it, and what cannot be known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import history, past, publishing
from pricing.errors import HistoryNotKept, NoPriceThen
from pricing.history import CHANGES
from pricing.models import PriceChange
from pricing.publications import in_force_at_end_of, publications
from pricing.tests.asking import READ, problem, signed_in
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def seen(days_ago: int, **changes: Any) -> Diamond:
    """A stone that came into the catalogue so many days ago."""
    return a_diamond(**{"first_seen_at": timezone.now() - timedelta(days=days_ago), **changes})


def changed(stone: Diamond, days_ago: int, **values: Any) -> PriceChange:
    """A change of the stone's price so many days ago, as the history has it; prices in cents."""
    at = timezone.now() - timedelta(days=days_ago)
    fields = {
        "old_cost_cents": 100_000,
        "new_cost_cents": 100_000,
        "old_rule_set": 1,
        "new_rule_set": 1,
        "cause": "repricing",
        "cause_id": 3,
        "actor": "maria",
    }
    return PriceChange.objects.create(diamond_id=stone.pk, changed_on=at.date(), changed_at=at, **{**fields, **values})


def test_the_price_on_a_day_is_that_at_its_end(today: date) -> None:
    stone = seen(10, price_cents=100)
    history.because("run", 7, "schedule")
    Diamond.objects.filter(pk=stone.pk).update(price_cents=200)
    Diamond.objects.filter(pk=stone.pk).update(price_cents=300, rule_set=2, rule=5)
    stone.refresh_from_db()

    before = past.price_on(stone, today - timedelta(days=1))
    now = past.price_on(stone, today)

    assert (before.price_cents, before.rule_set, before.since, before.actor) == (100, 1, None, None)
    assert (now.price_cents, now.rule_set, now.rule, now.cause, now.cause_id) == (300, 2, 5, "run", 7)


def test_a_stone_whose_price_never_changed_had_it_from_its_first_day_on(today: date) -> None:
    stone = seen(10, price_cents=100)

    found = past.price_on(stone, today - timedelta(days=10))

    assert (found.price_cents, found.since) == (100, None)


@pytest.mark.parametrize(("days", "words"), [(-11, "came into the catalogue on"), (1, "is yet to come")])
def test_a_day_before_the_stone_and_a_day_to_come_are_said_to_be_that(today: date, days: int, words: str) -> None:
    stone = seen(10)

    with pytest.raises(NoPriceThen, match=words):
        past.price_on(stone, today + timedelta(days=days))


def test_a_day_whose_changes_are_forgotten_is_said_to_be_that(today: date, settings: Any) -> None:
    settings.HISTORY_RETENTION_DAYS = 30
    CHANGES.make_ahead()
    stone = seen(400)

    with pytest.raises(HistoryNotKept, match="is kept from"):
        past.price_on(stone, today - timedelta(days=300))

    assert past.price_on(stone, today).price_cents == stone.price_cents


def test_a_price_of_the_past_is_explained_by_the_cost_and_the_rules_of_then(today: date) -> None:
    old = a_draft(
        {"name": "hearts", "clauses": [{"shapes": ["HEART"]}]}, {"name": "rounds", "modifier": 5, "rating": 4}
    )
    stone = seen(20, cost_cents=130_000, price_cents=188_500, rule_set=old.version, rule=2)
    changed(
        stone,
        10,
        old_price_cents=1,
        new_price_cents=145_000,
        new_cost_cents=100_000,
        new_rule_set=old.version,
        new_rule=2,
    )

    told = past.explain_on(stone, today - timedelta(days=5))

    assert told.doubts == ()
    assert told.explanation is not None
    assert [step.cents for step in told.explanation.steps] == [100_000, 145_000]
    assert told.explanation.rule is not None
    assert (told.explanation.rule.name, told.explanation.clause) == ("rounds", "every stone")
    assert told.explanation.passed[0].why == "shape is HEART, but the stone: ROUND"
    assert (told.explanation.rule_set.version, told.past.actor) == (old.version, "maria")


def test_a_stone_that_has_changed_since_is_explained_by_the_rule_that_the_history_names(today: date) -> None:
    rules = a_draft(
        {"name": "rounds", "modifier": 9}, {"name": "pears", "modifier": 5, "clauses": [{"shapes": ["PEAR"]}]}
    )
    stone = seen(20, shape="ROUND", cost_cents=100_000, price_cents=149_000, rule_set=rules.version, rule=1)
    changed(stone, 10, old_price_cents=1, new_price_cents=145_000, new_rule_set=rules.version, new_rule=2)

    told = past.explain_on(stone, today - timedelta(days=5))

    assert told.explanation is not None
    assert told.explanation.steps[-1].cents == 145_000
    assert told.explanation.rule is not None
    assert told.explanation.rule.name == "pears"
    assert "rule 1 “rounds” would have made the price; the history says that rule 2 “pears” did" in told.doubts[0]
    assert "it matches the stone as it is known today" in told.explanation.passed[0].why


def test_a_price_that_no_rule_gives_is_said_to_come_from_elsewhere(today: date) -> None:
    stone = seen(20, cost_cents=100_000)
    changed(stone, 10, old_price_cents=1, new_price_cents=777, cause="sql", cause_id=None)

    told = past.explain_on(stone, today)

    assert "These steps lead to $1,400.00, and the history says $7.77" in told.doubts[-1]


def test_a_set_that_is_not_here_leaves_the_price_without_steps(today: date) -> None:
    stone = seen(20)
    changed(stone, 10, old_price_cents=1, new_price_cents=777, new_rule_set=404)

    told = past.explain_on(stone, today)

    assert (told.explanation, told.past.price_cents) == (None, 777)
    assert "Rule set 404 that made this price is not here" in told.doubts[0]


def test_every_publication_is_remembered_also_the_second_one_of_a_set(today: date) -> None:
    one, other = a_draft(), a_draft()
    for draft in (one, other, one):
        publishing.publish(draft.pk, actor="maria", reason="spring", below_cost_confirmed=True)

    versions = [publication.version for publication in publications()]

    assert versions[-3:] == [one.version, other.version, one.version]
    in_force = in_force_at_end_of(today)
    assert in_force is not None
    assert in_force.version == one.version
    assert in_force_at_end_of(date(2001, 1, 1)) is None


# --- by REST ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def http() -> Client:
    return signed_in(READ)


def ask(http: Client, stone: Diamond, day: date) -> Any:
    return http.get(f"/api/v1/diamonds/{stone.pk}/past-price?day={day}")


def test_the_answer_has_the_steps_and_the_set_in_force(http: Client, today: date) -> None:
    stone = seen(20, cost_cents=100_000, price_cents=140_000, rating=None)

    told = ask(http, stone, today).json()

    assert [step["amount"] for step in told["explanation"]["steps"]] == ["1000.00", "1400.00"]
    assert (told["in_force"], told["doubts"], told["explanation"]["rule"]) == (1, [], None)


def test_a_day_before_the_stone_says_since_when_it_is_there(http: Client, today: date) -> None:
    stone = seen(3)

    answer = ask(http, stone, today - timedelta(days=9))

    assert problem(answer) == (404, "not-found")
    assert f"came into the catalogue on {today - timedelta(days=3)}" in answer.json()["detail"]
    assert [error["field"] for error in answer.json()["errors"]] == ["day"]


def test_a_day_before_the_history_says_from_when_on_it_is_kept(http: Client, today: date, settings: Any) -> None:
    settings.HISTORY_RETENTION_DAYS = 30
    CHANGES.make_ahead()

    answer = ask(http, seen(400), today - timedelta(days=300))

    assert problem(answer) == (410, "history-not-kept")
    assert "is kept from" in answer.json()["detail"]
