"""The life of a rule set: copies, edits by two people, publishing with a reason, rolling back, and what is sealed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from catalog.tests.factories import a_diamond
from diamondhub.alerts.models import Event
from pricing import editing, publishing
from pricing.errors import AlreadyPublished, NotADraft, ReasonMissing, SellsBelowCost, StaleDraft
from pricing.in_force import published_rule_set
from pricing.models import Clause, Repricing, Rule, RuleSet
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def publish(rule_set: RuleSet, **options: Any) -> Repricing:
    return publishing.publish(rule_set.pk, **{"actor": "maria", "reason": "spring prices", **options})


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def at_once(change: Callable[[], Any]) -> None:
    """Make a change whose constraints are looked at now, not when the test is over."""
    with transaction.atomic():
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        change()
        sql("SET CONSTRAINTS ALL DEFERRED")


def test_a_copy_has_the_rules_under_their_numbers_and_leaves_the_original_alone() -> None:
    original = a_draft(
        {"name": "ovals", "number": 7, "modifier": 5, "clauses": [{"shapes": ["OVAL"]}, {"has_video": True}]},
        floor_margin=Decimal(5),
    )

    copy = editing.new_draft(actor="maria", source=original)

    rule = copy.rules.get()
    assert (copy.version, copy.based_on, copy.created_by) == (original.version + 1, original.version, "maria")
    assert (copy.floor_margin, rule.name, rule.number, rule.modifier) == (5, "ovals", 7, 5)
    assert [str(clause) for clause in rule.clauses.all()] == ["shape is OVAL", "with a video"]
    assert Rule.objects.filter(rule_set=original).count() == 1
    assert Clause.objects.filter(rule__rule_set=original).count() == 2


def test_a_new_draft_is_a_copy_of_what_is_in_force() -> None:
    draft = editing.new_draft(actor="maria")

    assert (draft.based_on, draft.margin_lab_grown, draft.state) == (1, 79, "draft")


def test_the_second_of_two_editors_is_told() -> None:
    draft = a_draft()

    assert editing.edited(draft.pk, revision=0) == 1
    with pytest.raises(StaleDraft, match="your changes were not saved"):
        editing.edited(draft.pk, revision=0)
    assert editing.edited(draft.pk, revision=1) == 2


def test_publishing_retires_what_was_in_force_seals_compiles_and_starts_a_repricing() -> None:
    before = published_rule_set()
    draft = a_draft({"modifier": 5})

    repricing = publish(draft)

    draft.refresh_from_db()
    before.refresh_from_db()
    assert (draft.state, before.state) == ("published", "retired")
    assert (draft.published_by, draft.published_reason) == ("maria", "spring prices")
    assert draft.compiled is not None
    assert draft.compiled["outcomes"][0][0] == 1
    assert (repricing.rule_set, repricing.state, repricing.started_by) == (draft, "ready", "maria")
    assert repricing.cause == f"rule set {draft.version} is published"
    assert Event.objects.filter(kind="rule_set_published", subject__contains="spring prices").count() == 1


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_publishing_needs_a_reason(reason: str) -> None:
    draft = a_draft()

    with pytest.raises(ReasonMissing):
        publish(draft, reason=reason)

    assert RuleSet.objects.get(pk=draft.pk).state == "draft"
    assert not Repricing.objects.exists()


def test_what_was_changed_since_somebody_looked_is_not_published() -> None:
    draft = a_draft()
    editing.edited(draft.pk, revision=0)

    with pytest.raises(StaleDraft):
        publish(draft, revision=0)

    publish(draft, revision=1)


def test_what_sells_below_cost_needs_a_second_word() -> None:
    a_diamond(cost_cents=100_000)
    a_diamond(cost_cents=100_000, availability="delisted")
    draft = a_draft({"modifier": -41})

    with pytest.raises(SellsBelowCost) as refusal:
        publish(draft)

    assert refusal.value.stones == 1
    assert RuleSet.objects.get(pk=draft.pk).state == "draft"
    publish(draft, below_cost_confirmed=True)


def test_rolling_back_publishes_an_earlier_version_again() -> None:
    first = published_rule_set()
    publish(a_draft())

    repricing = publish(first, reason="that was wrong")

    first.refresh_from_db()
    assert (first.state, first.published_reason) == ("published", "that was wrong")
    assert repricing.cause == "rule set 1 is published again"
    assert Repricing.objects.filter(state="cancelled").count() == 1
    with pytest.raises(AlreadyPublished):
        publish(first)


def test_a_sealed_set_is_not_edited() -> None:
    draft = a_draft()
    publishing.seal(draft.pk)

    with pytest.raises(NotADraft, match="copy it into a draft"):
        editing.edited(draft.pk, revision=0)


ATTEMPTS = {
    "a margin": "UPDATE pricing_ruleset SET margin_natural = 1 WHERE id = {set}",
    "the floor": "UPDATE pricing_ruleset SET floor_margin = 1 WHERE id = {set}",
    "what was compiled": "UPDATE pricing_ruleset SET compiled = '{{}}' WHERE id = {set}",
    "its version": "UPDATE pricing_ruleset SET version = 99 WHERE id = {set}",
    "back to a draft": "UPDATE pricing_ruleset SET state = 'draft' WHERE id = {set}",
    "away with it": "DELETE FROM pricing_ruleset WHERE id = {set}",
    "all away": "TRUNCATE pricing_ruleset CASCADE",
    "all clauses away": "TRUNCATE pricing_clause CASCADE",
    "a rule": "UPDATE pricing_rule SET modifier = 1 WHERE id = {rule}",
    "a rule away": "DELETE FROM pricing_rule WHERE id = {rule}",
    "a rule to another set": "UPDATE pricing_rule SET rule_set_id = {draft} WHERE id = {rule}",
    "a rule from another set": "UPDATE pricing_rule SET rule_set_id = {set}, number = 8, priority = 8 WHERE id = {other}",
    "a clause": "UPDATE pricing_clause SET has_video = true WHERE rule_id = {rule}",
    "a clause away": "DELETE FROM pricing_clause WHERE rule_id = {rule}",
    "a clause from another rule": "UPDATE pricing_clause SET rule_id = {rule} WHERE rule_id = {other}",
    "a clause to another rule": "UPDATE pricing_clause SET rule_id = {other} WHERE rule_id = {rule}",
}


@pytest.mark.parametrize("state", ["published", "retired"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_sql_cannot_alter_what_is_sealed(state: str, attempt: str) -> None:
    sealed, other = a_draft({"modifier": 5}), a_draft({"modifier": 6})
    if state == "published":
        publish(sealed)
    else:
        publishing.seal(sealed.pk)
    ids = {
        "set": sealed.pk,
        "rule": sealed.rules.get().pk,
        "draft": other.pk,
        "other": other.rules.get().pk,
    }

    sql("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError) as refusal:
        at_once(lambda: sql(ATTEMPTS[attempt].format(**ids)))

    # Of emptying a table the audit says no before.
    said = str(refusal.value)
    assert any(words in said for words in ("cannot be changed", "cannot be thrown away", "TRUNCATE of pricing_"))


@pytest.mark.parametrize("state", ["published", "retired"])
def test_neither_can_the_orm(state: str) -> None:
    sealed = a_draft({"modifier": 5})
    rule = sealed.rules.get()
    publish(sealed) if state == "published" else publishing.seal(sealed.pk)
    sealed.refresh_from_db()

    def refused(attempt: Any) -> None:
        with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic():
            attempt()

    refused(lambda: RuleSet.objects.filter(pk=sealed.pk).update(margin_fancy=1))
    refused(lambda: Rule.objects.create(rule_set=sealed, number=9, priority=9, name="late"))
    refused(lambda: Clause.objects.create(rule=rule))
    refused(lambda: Rule.objects.bulk_update([Rule(pk=rule.pk, active=False)], ["active"]))
    refused(rule.delete)
    assert sealed.rules.get().modifier == 5


BAD: dict[str, dict[str, Any]] = {
    "a margin of -100 %": {"margin_natural": -100},
    "a margin without end": {"margin_natural": Decimal("9999.001")},
    "a floor below nothing": {"floor_margin": -100},
    "priority 0": {"rule": {"priority": 0}},
    "a modifier without end": {"rule": {"modifier": Decimal("-9999.001")}},
    "a fixed amount without end": {"rule": {"fixed_cents": 10**8 + 1}},
    "an ending without steps": {"rule": {"ending_cents": 99}},
    "an ending beyond its step": {"rule": {"ending_cents": 100, "ending_step_cents": 100}},
    "rating 0": {"rule": {"rating": 0}},
    "rating 11": {"rule": {"rating": 11}},
    "days in the wrong order": {"rule": {"valid_from": "2026-02-01", "valid_to": "2026-01-31"}},
    "carats in the wrong order": {"rule": {"clauses": [{"carats_min": 2, "carats_max": 1}]}},
    "grades in the wrong order": {"rule": {"clauses": [{"color_min": 5, "color_max": 4}]}},
    "a cost below nothing": {"rule": {"clauses": [{"cost_cents_min": -1}]}},
}


@pytest.mark.parametrize("what", BAD)
def test_the_database_refuses_nonsense(what: str) -> None:
    given = dict(BAD[what])
    rules: list[Any] = [given.pop("rule")] if "rule" in given else []

    with pytest.raises(DatabaseError), transaction.atomic():
        a_draft(*rules, **given)


def test_the_database_refuses_bounds_that_are_no_number() -> None:
    a_draft({"clauses": [{"carats_min": 1}]})

    with pytest.raises(DatabaseError, match="clause_carats_sane"):
        at_once(lambda: sql("UPDATE pricing_clause SET carats_min = 'NaN'"))


def test_two_rules_cannot_have_one_priority_but_can_change_places() -> None:
    draft = a_draft({"priority": 1}, {"priority": 2})
    first, second = draft.rules.order_by("priority")

    with transaction.atomic():
        Rule.objects.filter(pk=first.pk).update(priority=2)
        Rule.objects.filter(pk=second.pk).update(priority=1)
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(DatabaseError):
        at_once(lambda: Rule.objects.filter(pk=first.pk).update(priority=1))
