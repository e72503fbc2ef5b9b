"""What differs between two rule sets, in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pricing import editing
from pricing.differences import Change, difference
from pricing.in_force import with_rules
from pricing.models import Clause, Rule, RuleSet
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def fetched(rule_set: RuleSet) -> RuleSet:
    return with_rules(RuleSet.objects.filter(pk=rule_set.pk)).get()


def test_a_copy_does_not_differ() -> None:
    original = a_draft({"name": "ovals", "clauses": [{"shapes": ["OVAL"]}, {}]}, floor_margin=Decimal(3))
    copy = editing.new_draft(actor="maria", source=original)

    assert not difference(original, fetched(copy))


def test_margins_and_rules_differ_by_number() -> None:
    original = a_draft({"name": "stays", "number": 1}, {"name": "goes", "number": 2}, {"name": "changes", "number": 3})
    copy = editing.new_draft(actor="maria", source=original)
    RuleSet.objects.filter(pk=copy.pk).update(margin_natural=Decimal("41.5"), floor_margin=Decimal(2))
    copy.rules.get(number=2).delete()
    Rule.objects.create(rule_set=copy, number=9, priority=99, name="comes")
    Rule.objects.filter(rule_set=copy, number=3).update(
        modifier=Decimal("-2.5"), fixed_cents=-995, ending_cents=9_900, ending_step_cents=10_000, rating=7, active=False
    )

    found = difference(original, fetched(copy))

    assert found.margins == [
        Change("natural margin", "40 %", "41.5 %"),
        Change("floor margin over cost", "none", "2 %"),
    ]
    assert [rule.name for rule in found.added] == ["comes"]
    assert [rule.name for rule in found.removed] == ["goes"]
    (one,) = found.changed
    assert one.rule.name == "changes"
    assert one.changes == (
        Change("modifier", "0", "-2.5"),
        Change("fixed amount", "$0.00", "-$9.95"),
        Change("price ending", "none", "$99.00, $199.00, $299.00 … (nearest)"),
        Change("rating", "none", "7"),
        Change("active", "yes", "no"),
    )


def test_a_clause_that_differs_is_said_in_words() -> None:
    original = a_draft({"clauses": [{"shapes": ["OVAL"]}]})
    copy = editing.new_draft(actor="maria", source=original)
    Clause.objects.filter(rule__rule_set=copy).update(carats_min=1)

    (one,) = difference(original, fetched(copy)).changed

    assert one.changes == (Change("conditions", "shape is OVAL", "carats from 1; shape is OVAL"),)


def test_names_that_words_do_not_show_differ_all_the_same() -> None:
    names = [f"supplier {place}" for place in range(12)]
    original = a_draft({"clauses": [{"suppliers": names}]})
    copy = editing.new_draft(actor="maria", source=original)
    Clause.objects.filter(rule__rule_set=copy).update(suppliers=[*names[:11], "somebody else"])

    (one,) = difference(original, fetched(copy)).changed

    assert [change.label for change in one.changes] == ["conditions"]


def test_names_that_words_do_not_show_are_told_beside_other_changes() -> None:
    names = [f"supplier {place}" for place in range(12)]
    original = a_draft({"clauses": [{"suppliers": names}]})
    copy = editing.new_draft(actor="maria", source=original)
    copy.rules.update(modifier=5)
    Clause.objects.filter(rule__rule_set=copy).update(suppliers=[*names[:11], "somebody else"])

    (one,) = difference(original, fetched(copy)).changed

    assert [change.label for change in one.changes] == ["modifier", "conditions"]
