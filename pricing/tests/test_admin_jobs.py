"""Repricings, experiments and price histories in the admin."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import experiments, publishing, reprice
from pricing.admin.experiments import ExperimentAdmin
from pricing.history import because
from pricing.in_force import published_rule_set
from pricing.models import Experiment, PriceChange, Repricing, RepricingBatch, RuleSet
from pricing.tests.admin_pages import EDITOR, PUBLISHER, messages_of, seen_of, signed_in
from pricing.tests.factories import a_draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


@pytest.fixture
def browser() -> Client:
    return signed_in(*PUBLISHER)


def job_url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:pricing_repricing_{name}", args=arguments)


def experiment_url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:pricing_experiment_{name}", args=arguments)


# --- repricings ------------------------------------------------------------------------------------------------------


def test_a_repricing_is_started_for_a_reason_and_followed(browser: Client) -> None:
    response = browser.post(job_url("start"), {"reason": "rates moved"}, follow=True)

    repricing = Repricing.objects.get()
    page = response.content.decode()
    assert response.redirect_chain[-1][0] == job_url("change", repricing.pk)
    assert (repricing.cause, repricing.started_by) == ("on demand: rates moved", "maria")
    assert "0 of 1 batches are done" in page
    assert f"{job_url('live', repricing.pk)}?state=ready" in page


def test_the_page_shows_how_far_it_is_and_what_does_not_get_on(browser: Client) -> None:
    repricing = reprice.start(cause="<b>why</b>", actor="maria")
    RepricingBatch.objects.filter(repricing=repricing).update(last_error="<i>DataError</i>", attempts=3)
    RepricingBatch.objects.create(
        repricing=repricing,
        ordinal=1,
        stone_from="00000000-0000-0000-0000-000000000001",
        state="completed",
        stones=10_000,
        changed=300,
        repriced=200,
    )

    page = browser.get(job_url("live", repricing.pk)).content.decode()

    assert "1 of 2 batches are done" in page
    assert "<strong>10,000</strong>" in page
    assert "<strong>200</strong>" in page
    assert "3 attempts: &lt;i&gt;DataError&lt;/i&gt;" in page
    assert "<b>why</b>" not in browser.get(job_url("change", repricing.pk)).content.decode()


def test_a_repricing_that_is_over_asks_the_page_to_reload(browser: Client) -> None:
    repricing = reprice.start(cause="test", actor="maria")
    reprice.cancel(repricing.pk, actor="maria", reason="enough")

    response = browser.get(job_url("live", repricing.pk), {"state": "ready"})

    assert response["HX-Refresh"] == "true"
    assert "hx-get" not in browser.get(job_url("change", repricing.pk)).content.decode().split('id="live"')[1][:200]


def test_a_repricing_is_cancelled_for_a_reason_once(browser: Client) -> None:
    repricing = reprice.start(cause="test", actor="maria")

    without = browser.post(job_url("cancel", repricing.pk), {"reason": " "}, follow=True)
    done = browser.post(job_url("cancel", repricing.pk), {"reason": "wrong day"}, follow=True)
    again = browser.post(job_url("cancel", repricing.pk), {"reason": "wrong day"}, follow=True)

    repricing.refresh_from_db()
    assert "Say why" in messages_of(without)
    assert (repricing.state, repricing.cancelled_by, repricing.cancelled_reason) == ("cancelled", "maria", "wrong day")
    assert "is cancelled" in messages_of(done)
    assert "is cancelled already" in messages_of(again)


def test_repricings_are_neither_started_nor_cancelled_by_who_may_only_edit() -> None:
    repricing = reprice.start(cause="test", actor="maria")
    browser = signed_in(*EDITOR, name="editor")

    answers = [
        browser.post(job_url("start"), {"reason": "x"}),
        browser.post(job_url("cancel", repricing.pk), {"reason": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert list(Repricing.objects.values_list("state", flat=True)) == ["ready"]
    assert "Cancel…" not in browser.get(job_url("change", repricing.pk)).content.decode()


def test_buttons_of_repricings_take_no_get_and_survive_numbers_that_are_not_there(browser: Client) -> None:
    assert browser.get(job_url("start")).status_code == 405
    for number in (999_999, 10**30):
        assert browser.post(job_url("cancel", number), {"reason": "x"}).status_code == 302
        assert browser.get(job_url("live", number)).status_code == 404
    assert browser.post(job_url("start"), {"reason": "x" * 501}).status_code == 302
    assert not Repricing.objects.exists()


def test_the_list_of_repricings_costs_the_same_for_one_and_for_many(browser: Client) -> None:
    reprice.start(cause="test", actor="maria")
    browser.get(job_url("changelist"))
    with CaptureQueriesContext(connection) as few:
        browser.get(job_url("changelist"))
    for place in range(5):
        reprice.start(cause=f"test {place}", actor="maria")

    with CaptureQueriesContext(connection) as many:
        page = browser.get(job_url("changelist")).content.decode()

    assert len(many) == len(few)
    assert "superseded" not in page
    assert page.count("dh-progress") == 6


def started_by(browser: Client, experiment: Experiment, **more: str) -> Any:
    """The page behind the button that starts an experiment."""
    form = {"reason": "to see", "seen": seen_of(browser, experiment), **more}
    return browser.post(experiment_url("start", experiment.pk), form, follow=True)


# --- experiments -----------------------------------------------------------------------------------------------------


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


# --- price histories -------------------------------------------------------------------------------------------------


def repriced(stone: Diamond, price_cents: int) -> None:
    Diamond.objects.filter(pk=stone.pk).update(price_cents=price_cents, rule=7, changed_at=timezone.now())


def test_a_diamonds_page_shows_how_its_price_changed_and_why() -> None:
    browser = signed_in("view_diamond", "view_pricechange", name="auditor")
    stone = a_diamond(cost_cents=100_000, price_cents=140_000)
    because("repricing", 3, "maria")
    repriced(stone, 147_500)
    because("", None, "<b>somebody</b>")
    repriced(stone, 150_000)

    page = browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()

    assert "$1,400.00 → $1,475.00" in page
    assert "+$75.00 (+5.4%)" in page
    assert f'<a class="dh-link" href="{job_url("change", 3)}">repricing 3</a>' in page
    assert "1, base margin" in page
    assert "1, rule 7" in page
    assert "&lt;b&gt;somebody&lt;/b&gt;" in page
    assert page.index("$1,475.00 → $1,500.00") < page.index("$1,400.00 → $1,475.00")


def test_a_diamond_whose_price_never_changed_says_so() -> None:
    browser = signed_in("view_diamond", "view_pricechange", name="auditor")

    page = browser.get(reverse("admin:catalog_diamond_change", args=[a_diamond().pk])).content.decode()

    assert "The price has not changed since the stone came into the catalogue." in page


def test_the_history_is_not_shown_to_who_may_not_see_it() -> None:
    browser = signed_in("view_diamond", name="buyer")

    page = browser.get(reverse("admin:catalog_diamond_change", args=[a_diamond().pk])).content.decode()

    assert "Price history" not in page
    assert browser.get(reverse("admin:pricing_pricechange_changelist")).status_code == 403


def test_all_changes_are_listed_and_found_by_the_diamond() -> None:
    browser = signed_in("view_pricechange", name="auditor")
    one, other = a_diamond(price_cents=140_000), a_diamond(price_cents=140_000)
    repriced(one, 111_100)
    repriced(other, 222_200)
    address = reverse("admin:pricing_pricechange_changelist")

    everything = browser.get(address).content.decode()
    found = browser.get(address, {"diamond_id": str(one.pk)}).content.decode()
    searched = browser.get(address, {"q": str(other.pk)}).content.decode()

    assert "$1,111.00" in everything
    assert "$2,222.00" in everything
    assert ("$1,111.00" in found, "$2,222.00" in found) == (True, False)
    assert ("$1,111.00" in searched, "$2,222.00" in searched) == (False, True)
    assert browser.get(address, {"q": "<script>"}).status_code == 200
    assert PriceChange.objects.count() == 2


def test_a_published_set_links_to_its_repricing(browser: Client) -> None:
    draft = a_draft({})
    repricing = publishing.publish(draft.pk, actor="maria", reason="spring")

    page = browser.get(reverse("admin:pricing_ruleset_change", args=[draft.pk])).content.decode()

    assert job_url("change", repricing.pk) in page


# --- explanations ----------------------------------------------------------------------------------------------------


def why_url(stone: Diamond) -> str:
    return reverse("admin:pricing_explanation", args=[stone.pk])


def test_a_diamonds_page_leads_to_why_it_costs_that(today: date) -> None:
    browser = signed_in("view_diamond", "view_pricechange", name="auditor")
    rules = (
        {"name": "Pears", "clauses": [{"shapes": ["PEAR"]}]},
        {"name": "Rounds", "modifier": 5, "fixed_cents": 995},
    )
    draft = a_draft(*rules)
    publishing.publish(draft.pk, actor="maria", reason="spring prices")
    stone = a_diamond(
        cost_cents=100_000,
        price_cents=145_995,
        rule_set=draft.version,
        rule=2,
        rating=None,
        priced_on=today,
    )

    diamond = browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()
    page = browser.get(why_url(stone)).content.decode()

    assert why_url(stone) in diamond
    assert "$1,450.00" in page
    assert "plus the fixed amount of $9.95" in page
    assert "shape is PEAR, but the stone: ROUND" in page
    assert "spring prices" in page
    assert "WRONG" not in page


def test_a_price_that_the_rules_do_not_give_is_said_loudly() -> None:
    stone = a_diamond(cost_cents=100_000, price_cents=1, rating=None)

    page = signed_in("view_pricechange", name="auditor").get(why_url(stone)).content.decode()

    assert "WRONG: the stone does not hold what rule set 1 gives" in page


def test_a_price_of_a_set_that_is_not_here_is_said_to_be_beyond_explanation() -> None:
    page = signed_in("view_pricechange", name="auditor").get(why_url(a_diamond(rule_set=99))).content.decode()

    assert "Rule set 99 that priced this stone is not here: it cannot be explained." in page


def test_explanations_are_for_whom_may_see_histories_and_of_stones_that_there_are() -> None:
    stone = a_diamond()

    assert signed_in("view_diamond", name="buyer").get(why_url(stone)).status_code == 403
    stone.pk = "00000000-0000-0000-0000-000000000000"
    assert signed_in("view_pricechange", name="auditor").get(why_url(stone)).status_code == 404


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
