"""Experiments in the admin: made, edited before they run, started, ended and thrown away, by whom may."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.tests.factories import a_diamond
from pricing import experiments
from pricing.admin.experiments import ExperimentAdmin
from pricing.in_force import published_rule_set
from pricing.models import Experiment, RuleSet
from pricing.tests.admin_pages import EDITOR, PUBLISHER, messages_of, seen_of, signed_in
from pricing.tests.factories import a_draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


@pytest.fixture
def browser() -> Client:
    return signed_in(*PUBLISHER)


def experiment_url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:pricing_experiment_{name}", args=arguments)


def test_an_experiment_is_made_started_and_ended(browser: Client) -> None:
    a_diamond(cost_cents=100_000)
    draft = a_draft({"modifier": 5})

    browser.post(
        experiment_url("add"), {"slug": "spring", "rule_set": draft.pk, "share": "25", "notes": "to see"}, follow=True
    )
    made = Experiment.objects.get()
    started = browser.post(
        experiment_url("start", made.pk), {"reason": "to see", "seen": seen_of(browser, made)}, follow=True
    )
    running = browser.get(experiment_url("change", made.pk)).content.decode()
    without = browser.post(experiment_url("end", made.pk), {"reason": ""}, follow=True)
    browser.post(experiment_url("end", made.pk), {"reason": "seen enough"}, follow=True)

    made.refresh_from_db()
    assert made.salt
    assert "The experiment runs" in messages_of(started)
    assert "all other stones" in running
    assert "Say why" in messages_of(without)
    assert (made.state, made.started_by, made.ended_by, made.ended_reason) == ("ended", "maria", "maria", "seen enough")
    assert RuleSet.objects.get(pk=draft.pk).state == "retired"
    assert "all other stones" in browser.get(experiment_url("change", made.pk)).content.decode()


BAD = {
    "no name": {"slug": ""},
    "a name with spaces": {"slug": "a b"},
    "a name of 10 kB": {"slug": "x" * 10_000},
    "no share": {"share": ""},
    "a share of nothing": {"share": "0"},
    "a share of all": {"share": "100"},
    "a share that is no number": {"share": "NaN"},
    "no rule set": {"rule_set": ""},
    "the set in force": {"rule_set": "in force"},
    "a set that is not there": {"rule_set": "999999"},
}


@pytest.mark.parametrize("what", BAD)
def test_nonsense_in_an_experiment_is_an_error_of_its_field(browser: Client, what: str) -> None:
    form = {"slug": "spring", "rule_set": str(a_draft().pk), "share": "25", "notes": "", **BAD[what]}
    form["rule_set"] = str(published_rule_set().pk) if form["rule_set"] == "in force" else form["rule_set"]

    response = browser.post(experiment_url("add"), form)

    assert set(response.context["adminform"].form.errors) == set(BAD[what])
    assert not Experiment.objects.exists()


def test_a_second_experiment_of_the_same_name_is_an_error(browser: Client) -> None:
    draft = a_draft()
    experiments.new("spring", draft, Decimal(10))

    response = browser.post(experiment_url("add"), {"slug": "spring", "rule_set": draft.pk, "share": "25", "notes": ""})

    assert set(response.context["adminform"].form.errors) == {"slug"}


def test_a_second_experiment_is_not_started_while_one_runs(browser: Client) -> None:
    first, second = (experiments.new(slug, a_draft(), Decimal(10)) for slug in ("first", "second"))
    experiments.start(first.pk, actor="maria")

    response = browser.post(
        experiment_url("start", second.pk), {"reason": "to see", "seen": seen_of(browser, second)}, follow=True
    )

    assert "end it first" in messages_of(response)
    assert Experiment.objects.get(pk=second.pk).state == "prepared"


def test_an_experiment_that_somebody_was_faster_with_is_told(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = a_draft()
    made = experiments.new("spring", draft, Decimal(10))
    form = {"slug": "summer", "rule_set": draft.pk, "share": "25", "notes": ""}
    new = experiments.new

    def faster(slug: str, rule_set: RuleSet, share: Decimal, **options: Any) -> Experiment:
        new(slug, rule_set, share)
        return new(slug, rule_set, share, **options)

    def started(self: Any, *arguments: Any, **options: Any) -> None:
        experiments.start(made.pk, actor="olga")
        save(self, *arguments, **options)

    save = ExperimentAdmin.save_model
    monkeypatch.setattr(experiments, "new", faster)
    added = browser.post(experiment_url("add"), form, follow=True)
    monkeypatch.setattr(ExperimentAdmin, "save_model", started)
    edited = browser.post(
        experiment_url("change", made.pk), form | {"slug": "autumn", "seen": seen_of(browser, made)}, follow=True
    )

    assert "There is an experiment of this name already" in messages_of(added)
    assert "somebody has started the experiment meanwhile" in messages_of(edited)
    assert list(Experiment.objects.values_list("slug", "share")) == [("spring", Decimal(10))]


def test_an_experiment_that_runs_is_not_edited(browser: Client) -> None:
    made = experiments.new("spring", a_draft(), Decimal(10))
    experiments.start(made.pk, actor="maria")

    response = browser.post(experiment_url("change", made.pk), {"slug": "x", "share": "50"}, follow=True)
    deleted = browser.post(experiment_url("delete", made.pk), {"post": "yes"})

    assert "it cannot be changed" in messages_of(response)
    assert deleted.status_code == 403
    assert Experiment.objects.get().share == 10


def test_experiments_are_not_run_by_who_may_only_edit_rules() -> None:
    browser = signed_in(*EDITOR, name="editor")
    made = experiments.new("spring", a_draft(), Decimal(10))

    answers = [
        browser.get(experiment_url("add")),
        browser.post(experiment_url("start", made.pk)),
        browser.post(experiment_url("end", made.pk), {"reason": "x"}),
        browser.post(experiment_url("change", made.pk), {"share": "50"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert Experiment.objects.get().state == "prepared"
    assert "spring" in browser.get(experiment_url("change", made.pk)).content.decode()


def test_buttons_of_experiments_survive_numbers_that_are_not_there(browser: Client) -> None:
    for number in (999_999, 10**30):
        assert browser.post(experiment_url("start", number)).status_code == 302
        assert browser.post(experiment_url("end", number), {"reason": "x"}).status_code == 302


def test_an_experiment_that_sells_below_cost_asks_for_a_second_word(browser: Client) -> None:
    for _place in range(20):
        a_diamond(cost_cents=100_000)
    made = experiments.new("clearance", a_draft({"modifier": -60}), Decimal("99.99"))

    refused = browser.post(
        experiment_url("start", made.pk), {"reason": "to see", "seen": seen_of(browser, made)}, follow=True
    )
    state = Experiment.objects.get().state
    browser.post(
        experiment_url("start", made.pk),
        {"reason": "to see", "below_cost": "on", "seen": seen_of(browser, made)},
        follow=True,
    )

    assert "confirm that this is what you want" in messages_of(refused)
    assert state == "prepared"
    assert Experiment.objects.get().state == "running"


def test_a_prepared_experiment_is_thrown_away_and_lets_its_draft_go(browser: Client) -> None:
    draft = a_draft()
    made = experiments.new("spring", draft, Decimal(10))
    kept = browser.post(
        reverse("admin:pricing_ruleset_delete", args=[draft.pk]), {"post": "yes", "revision": 0}, follow=True
    )

    browser.post(experiment_url("delete", made.pk), {"post": "yes"})

    assert "an experiment uses draft" in messages_of(kept)
    assert RuleSet.objects.filter(pk=draft.pk).exists()
    assert not Experiment.objects.exists()
