"""Experiments: prepared, started, counted and ended, one at a time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import a_diamond, build_diamond
from diamondhub.alerts.models import Event
from pricing import experiments, reprice
from pricing.errors import (
    ExperimentNotPrepared,
    ExperimentNotRunning,
    ExperimentUnderWay,
    NoSuchExperiment,
    ReasonMissing,
    SellsBelowCost,
)
from pricing.models import Experiment, Repricing, RuleSet
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def prepared(slug: str = "dearer", **options: Any) -> Experiment:
    rule_set = options.pop("rule_set", None) or a_draft({"modifier": 10})
    return experiments.new(slug, rule_set, **{"share": Decimal(25), **options})


def test_a_new_one_has_a_salt_of_its_own_and_changes_nothing() -> None:
    one, other = prepared("one"), prepared("other")

    assert len(one.salt) == 32
    assert one.salt != other.salt
    assert one.state == "prepared"
    assert experiments.results(one) == {}
    assert not Repricing.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "two words"}, "slug"),
        ({"slug": "a\0b"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"slug": "x" * 65}, "slug"),
        ({"share": Decimal(0)}, "share"),
        ({"share": Decimal(100)}, "share"),
        ({"share": Decimal("NaN")}, "share"),
        ({"share": Decimal("0.001")}, "share"),
        ({"notes": "x" * 10_000}, "notes"),
    ],
)
def test_what_is_wrong_with_a_new_one_is_told_by_field(values: dict[str, Any], field: str) -> None:
    prepared("taken")

    with pytest.raises(ValidationError) as refused:
        prepared(**values)

    assert list(refused.value.message_dict) == [field]
    assert Experiment.objects.count() == 1


def test_starting_seals_the_set_and_starts_a_repricing_that_knows_it() -> None:
    experiment = prepared()

    repricing = experiments.start(experiment.pk, actor="maria")

    experiment.refresh_from_db()
    assert (experiment.state, experiment.started_by) == ("running", "maria")
    assert RuleSet.objects.get(pk=experiment.rule_set_id).state == "retired"
    assert (repricing.experiment, repricing.cause) == (experiment, "experiment dearer begins")
    assert repricing.rule_set.version == 1
    assert Event.objects.filter(kind="experiment_started", subject__contains="25 % of the stones").count() == 1


def test_one_runs_at_a_time() -> None:
    first, second = prepared("first"), prepared("second")
    experiments.start(first.pk, actor="maria")

    with pytest.raises(ExperimentUnderWay, match="first is running"):
        experiments.start(second.pk, actor="maria")

    assert RuleSet.objects.get(pk=second.rule_set_id).state == "draft"
    assert Experiment.objects.get(pk=second.pk).state == "prepared"
    with pytest.raises(ExperimentNotPrepared):
        experiments.start(first.pk, actor="maria")


def test_what_there_is_not_is_neither_started_nor_ended() -> None:
    with pytest.raises(NoSuchExperiment):
        experiments.start(404, actor="maria")
    with pytest.raises(NoSuchExperiment):
        experiments.end(404, actor="maria", reason="over")
    with pytest.raises(ExperimentNotRunning, match="is prepared"):
        experiments.end(prepared().pk, actor="maria", reason="over")


def test_results_compare_the_share_with_all_stones_without_an_arm() -> None:
    experiment = prepared()
    experiments.start(experiment.pk, actor="maria")
    experiment.refresh_from_db()
    earlier, later = timezone.now() - timedelta(days=1), timezone.now() + timedelta(minutes=1)
    a_diamond(experiment_arm="dearer", price_cents=100)
    a_diamond(experiment_arm="dearer", price_cents=201)
    a_diamond(experiment_arm="dearer", price_cents=900, availability="delisted")
    a_diamond(price_cents=300, availability="sold", source_updated_at=later)
    # Sold before, and only priced anew since then.
    a_diamond(price_cents=300, availability="sold", source_updated_at=earlier, changed_at=later)
    a_diamond(experiment_arm="of old", price_cents=1)

    found = experiments.results(experiment)

    assert found["arms"] == [
        {"arm": "dearer", "stones": 2, "mean_price_cents": 151, "sold": 0},
        {"arm": None, "stones": 2, "mean_price_cents": 300, "sold": 1},
    ]


def test_results_without_stones_are_a_table_all_the_same() -> None:
    experiment = prepared()
    experiments.start(experiment.pk, actor="maria")
    experiment.refresh_from_db()

    assert experiments.results(experiment)["arms"] == [
        {"arm": "dearer", "stones": 0, "mean_price_cents": None, "sold": 0},
        {"arm": None, "stones": 0, "mean_price_cents": None, "sold": 0},
    ]


def test_ending_keeps_the_results_and_prices_all_stones_alike_again() -> None:
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000, price_cents=140_000, rating=None) for _ in range(60))
    experiment = prepared()
    reprice.work(experiments.start(experiment.pk, actor="maria").pk)
    in_share = Diamond.objects.filter(experiment_arm="dearer")
    assert set(in_share.values_list("price_cents", flat=True)) == {150_000}
    assert {stone.pk for stone in in_share} == {
        stone.pk for stone in Diamond.objects.all() if experiments.in_share(experiment, stone.pk)
    }
    count = in_share.count()

    with pytest.raises(ReasonMissing):
        experiments.end(experiment.pk, actor="olga", reason=" ")
    repricing = experiments.end(experiment.pk, actor="olga", reason="enough seen")
    reprice.work(repricing.pk)

    experiment.refresh_from_db()
    assert (experiment.state, experiment.ended_by, experiment.ended_reason) == ("ended", "olga", "enough seen")
    assert repricing.experiment is None
    assert set(Diamond.objects.values_list("price_cents", "experiment_arm")) == {(140_000, None)}
    arms = experiments.results(experiment)["arms"]
    assert [(arm["stones"], arm["mean_price_cents"]) for arm in arms] == [(count, 150_000), (60 - count, 140_000)]
    assert Event.objects.filter(kind="experiment_ended", subject__contains="enough seen").count() == 1


def test_a_share_that_would_be_sold_below_cost_needs_a_second_word() -> None:
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000) for _ in range(40))
    experiment = prepared(rule_set=a_draft({"modifier": -41}))
    in_share = sum(experiments.in_share(experiment, stone.pk) for stone in Diamond.objects.all())

    with pytest.raises(SellsBelowCost) as refusal:
        experiments.start(experiment.pk, actor="maria")

    assert 0 < refusal.value.stones == in_share < 40
    assert Experiment.objects.get().state == "prepared"
    assert RuleSet.objects.get(pk=experiment.rule_set_id).state == "draft"
    assert experiments.start(experiment.pk, actor="maria", below_cost_confirmed=True).experiment == experiment


def test_only_what_was_never_started_is_thrown_away() -> None:
    experiment = prepared()
    experiments.start(prepared("other").pk, actor="maria")

    experiments.discard(experiment.pk)

    assert [one.slug for one in Experiment.objects.all()] == ["other"]
    with pytest.raises(ExperimentNotPrepared, match="other is running"):
        experiments.discard(Experiment.objects.get().pk)
