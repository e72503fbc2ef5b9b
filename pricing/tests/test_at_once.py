"""Two people at once: publishing, editing, starting experiments and importing, in connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from diamondhub.tests.threads import at_once
from pricing import drafts, editing, experiments, publishing, rule_files
from pricing.errors import DraftInUse, ExperimentUnderWay, StaleDraft
from pricing.models import Experiment, Repricing, Rule, RuleSet
from pricing.tests.asking import EDIT, send, signed_in
from pricing.tests.factories import a_draft, first_rule_set

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _first_rule_set() -> None:
    """A test that commits throws everything away at its end, the first rule set included."""
    first_rule_set()


def test_of_two_publications_both_happen_one_after_the_other() -> None:
    sets = [a_draft({"modifier": place}) for place in (1, 2, 3)]

    def publish(rule_set: RuleSet) -> Callable[[], Repricing]:
        return lambda: publishing.publish(rule_set.pk, actor="maria", reason="spring", below_cost_confirmed=True)

    outcomes = at_once(*map(publish, sets))

    assert [type(one) for one in outcomes] == [Repricing] * 3
    (published,) = RuleSet.objects.filter(state="published")
    assert Repricing.objects.get(state="ready").rule_set == published
    assert RuleSet.objects.filter(state="retired").count() == 3


def test_of_two_editors_one_is_told_and_the_rule_is_whole() -> None:
    draft = a_draft({"number": 5})
    http = signed_in(EDIT)

    def put(shape: str) -> Callable[[], int]:
        rule = {"name": shape, "priority": 7, "clauses": [{"shapes": [shape]}, {"shapes": [shape], "carats_min": 1}]}
        address = f"rule-sets/{draft.version}/rules/5"
        return lambda: send(http, "put", address, {"revision": 0, "rule": rule}).status_code

    outcomes = at_once(put("OVAL"), put("PEAR"), put("ROUND"))

    assert sorted(outcomes) == [200, 409, 409]
    rule = Rule.objects.get(rule_set=draft)
    assert [clause.shapes for clause in rule.clauses.all()] == [[rule.name], [rule.name]]


def test_of_an_edit_and_a_publication_only_what_was_read_is_published() -> None:
    draft = a_draft()

    outcomes = at_once(
        lambda: drafts.edited(draft.pk, revision=0),
        lambda: publishing.publish(draft.pk, actor="maria", reason="x", below_cost_confirmed=True, revision=0),
    )

    assert sum(isinstance(one, Exception) for one in outcomes) == 1
    draft.refresh_from_db()
    assert (draft.state, draft.revision) in {("published", 0), ("draft", 1)}


def test_of_two_experiments_one_starts() -> None:
    prepared = [experiments.new(slug, a_draft(), Decimal(10)) for slug in ("one", "other")]

    outcomes = at_once(*(lambda one=one: experiments.start(one.pk, actor="maria") for one in prepared))

    assert sorted(type(one).__name__ for one in outcomes) == [ExperimentUnderWay.__name__, Repricing.__name__]
    assert Experiment.objects.filter(state="running").count() == 1
    assert RuleSet.objects.filter(state="draft").count() == 1


def test_imports_at_once_get_versions_and_numbers_of_their_own() -> None:
    text = (
        b"format: 1\nmargin_natural: 40\nmargin_lab_grown: 79\nmargin_fancy: 40\n"
        b"rules:\n- {name: a, priority: 1}\n- {name: b, priority: 2}\n"
    )

    outcomes = at_once(*[lambda: rule_files.from_yaml(text, actor="maria")] * 3)

    assert sorted(one.version for one in outcomes) == [2, 3, 4]
    assert sorted(Rule.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]


def test_the_second_to_throw_a_draft_away_is_told() -> None:
    draft = a_draft({})

    outcomes = at_once(*[lambda: drafts.edited(draft.pk, revision=0)] * 2)

    assert sorted(map(str, outcomes))[0] == "1"
    assert [type(one) for one in outcomes if one != 1] == [StaleDraft]


def test_a_draft_is_thrown_away_or_is_in_an_experiment() -> None:
    for place in range(10):
        draft = a_draft({"modifier": place})

        def prepare(slug: str = f"e{place}", draft: RuleSet = draft) -> Experiment:
            return experiments.new(slug, draft, Decimal(5))

        def throw_away(draft: RuleSet = draft) -> None:
            editing.delete_draft(RuleSet.objects.get(pk=draft.pk), revision=0)

        prepared, thrown_away = at_once(prepare, throw_away)

        assert (type(prepared), type(thrown_away)) in {(Experiment, DraftInUse), (ValidationError, type(None))}


def test_an_experiment_with_a_draft_that_is_gone_is_refused_by_field() -> None:
    draft = a_draft({})
    RuleSet.objects.filter(pk=draft.pk).delete()

    with pytest.raises(ValidationError) as refused:
        experiments.new("spring", draft, Decimal(5))

    assert list(refused.value.message_dict) == ["rule_set"]
    assert not Experiment.objects.exists()
