"""Two people at one draft in the admin: the second is told, loses nothing typed, and sees what is saved now."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pricing import editing, experiments
from pricing.models import Clause, Experiment, Rule, RuleSet
from pricing.tests.admin_pages import (
    EDITOR,
    PUBLISHER,
    add_url,
    errors_of,
    margins,
    messages_of,
    rule_form,
    rule_url,
    seen_of,
    set_url,
    signed_in,
)
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db

TOLD = "Somebody else has changed draft 2 meanwhile: your changes were not saved."


@pytest.fixture
def browser() -> Client:
    return signed_in(*EDITOR)


def edited_by_somebody(draft: RuleSet) -> None:
    editing.edited(draft.pk, revision=RuleSet.objects.get(pk=draft.pk).revision)


def clauses_of(rule: Rule) -> list[str]:
    return [str(clause) for clause in Clause.objects.filter(rule=rule)]


def told(response: Any) -> str:
    return "".join(errors_of(response)["__all__"])


def revision_of(response: Any) -> str:
    (found,) = set(re.findall(r'name="revision" value="(\d*)"', response.content.decode()))
    return str(found)


def test_a_rule_that_was_typed_is_shown_again_and_can_be_saved_then(browser: Client) -> None:
    draft = a_draft({"name": "Rounds", "modifier": 3, "clauses": [{"carats_max": 1}]})
    rule = draft.rules.get()
    form = rule_form(
        draft, {"carats_max": "2"}, {"has_video": "True"}, kept=(rule.clauses.get(),), name="Typed", rating="9"
    )
    edited_by_somebody(draft)

    response = browser.post(rule_url("change", rule), form)
    untouched = Rule.objects.get(pk=rule.pk).name
    browser.post(rule_url("change", rule), {**form, "revision": revision_of(response)})

    errors = errors_of(response)
    assert TOLD in told(response)
    assert 'value="Typed"' in response.content.decode()
    assert (errors["name"], errors["modifier"]) == (["Saved now: Rounds."], ["Saved now: 3."])
    assert (errors["rating"], errors["0.carats_max"]) == (["Saved now: nothing."], ["Saved now: 1."])
    assert untouched == "Rounds"
    assert Rule.objects.get(pk=rule.pk).name == "Typed"
    assert clauses_of(rule) == ["carats up to 2", "with a video"]


def test_a_new_rule_that_was_typed_is_shown_again_and_can_be_saved_then(browser: Client) -> None:
    draft = a_draft()
    form = rule_form(draft, {"shapes": ["OVAL"]}, name="Typed")
    edited_by_somebody(draft)

    response = browser.post(add_url(draft), form)
    untouched = draft.rules.exists()
    browser.post(add_url(draft), {**form, "revision": revision_of(response)})

    assert TOLD in told(response)
    assert 'value="Typed"' in response.content.decode()
    assert not untouched
    assert clauses_of(Rule.objects.get(rule_set=draft)) == ["shape is OVAL"]


def test_margins_that_were_typed_are_shown_again_beside_those_that_are_saved(browser: Client) -> None:
    draft = a_draft()
    browser.post(set_url("change", draft), margins(draft, margin_natural="41"))

    response = browser.post(set_url("change", draft), margins(draft, margin_fancy="7", notes="Typed"))

    errors = errors_of(response)
    draft.refresh_from_db()
    assert TOLD in told(response)
    assert errors["margin_natural"] == ["Saved now: 41."]
    assert "margin_lab_grown" not in errors
    assert 'value="7"' in response.content.decode()
    assert revision_of(response) == "1"
    assert (draft.margin_natural, draft.margin_fancy, draft.notes, draft.revision) == (41, 40, "", 1)


def test_a_clause_that_somebody_deleted_meanwhile_is_shown_again_as_a_new_one(browser: Client) -> None:
    draft = a_draft({"clauses": [{"shapes": ["OVAL"]}, {"has_video": True}]})
    rule = draft.rules.get()
    gone, left = rule.clauses.all()
    form = rule_form(draft, {"shapes": ["PEAR"]}, {"has_video": "False"}, kept=(gone, left))
    Clause.objects.filter(pk=gone.pk).delete()
    edited_by_somebody(draft)

    response = browser.post(rule_url("change", rule), form)
    (clauses,) = response.context["inline_admin_formsets"]
    shown = {bound.html_name: bound.value() for each in clauses.formset.forms for bound in each}
    again = {name: "" if value is None else value for name, value in shown.items()}
    counts = {"clauses-TOTAL_FORMS": 2, "clauses-INITIAL_FORMS": clauses.formset.initial_form_count()}
    browser.post(rule_url("change", rule), {**form, **again, **counts, "revision": revision_of(response)})

    assert TOLD in told(response)
    assert clauses_of(rule) == ["without a video", "shape is PEAR"]


def test_somebody_who_is_faster_between_the_look_and_the_save_loses_nothing_either(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = a_draft({"name": "Rounds"})
    rule = draft.rules.get()
    really = editing.edited

    def later(draft_id: int, *, revision: int) -> int:
        really(draft_id, revision=revision)
        return really(draft_id, revision=revision)

    monkeypatch.setattr(editing, "edited", later)

    response = browser.post(rule_url("change", rule), rule_form(draft, {}, name="Typed"))

    assert TOLD in told(response)
    assert 'value="Typed"' in response.content.decode()
    assert Rule.objects.get(pk=rule.pk).name == "Rounds"


def test_the_second_of_two_who_edit_an_experiment_is_told_and_takes_nothing_back() -> None:
    browser = signed_in(*PUBLISHER)
    made = experiments.new("spring", a_draft(), Decimal(10))
    address = reverse("admin:pricing_experiment_change", args=[made.pk])
    form = {"slug": "spring", "rule_set": made.rule_set_id, "share": "10", "notes": "", "seen": seen_of(browser, made)}
    browser.post(address, {**form, "share": "20"})

    refused = browser.post(address, {**form, "notes": "Typed"})
    between = Experiment.objects.values_list("share", "notes").get()
    again = re.findall(r'name="seen" value="([^"]*)"', refused.content.decode())
    browser.post(address, {**form, "share": "20", "notes": "Typed", "seen": again[0]})

    assert "Somebody else has changed experiment spring" in told(refused)
    assert errors_of(refused)["share"] == ["Saved now: 20.00."]
    assert "Typed</textarea>" in refused.content.decode()
    assert between == (Decimal(20), "")
    assert Experiment.objects.values_list("share", "notes").get() == (Decimal(20), "Typed")


def test_an_experiment_is_not_started_in_a_state_that_nobody_looked_at() -> None:
    browser = signed_in(*PUBLISHER)
    made = experiments.new("spring", a_draft(), Decimal(1))
    start = reverse("admin:pricing_experiment_start", args=[made.pk])
    seen = seen_of(browser, made)

    Experiment.objects.update(share=90)
    larger = browser.post(start, {"reason": "to see", "seen": seen}, follow=True)
    seen = seen_of(browser, made)
    edited_by_somebody(made.rule_set)
    other_rules = browser.post(start, {"reason": "to see", "seen": seen}, follow=True)

    for response in (larger, other_rules):
        assert "omebody else has changed experiment spring or its rule set" in messages_of(response)
    assert Experiment.objects.get().state == "prepared"
