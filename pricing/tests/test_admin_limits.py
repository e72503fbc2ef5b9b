"""Addresses and bodies of the pricing admin that no browser sends: an answer in time, and never a server error."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from pricing import experiments
from pricing.admin.repricings import MAX_REASON_LENGTH
from pricing.errors import SellsBelowCost
from pricing.models import MAX_CLAUSES, Experiment, Repricing, RuleSet
from pricing.tests.admin_pages import (
    PUBLISHER,
    add_url,
    errors_of,
    margins,
    rule_form,
    rule_url,
    seen_of,
    set_url,
    signed_in,
)
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    return signed_in(*PUBLISHER)


@pytest.mark.parametrize("noun", ["ruleset", "rule", "repricing", "pricechange", "experiment"])
@pytest.mark.parametrize("text", ["9" * 30, "9" * 5_000, "a\0b", "²"])
def test_a_search_for_what_no_row_can_have_finds_nothing(browser: Client, noun: str, text: str) -> None:
    response = browser.get(reverse(f"admin:pricing_{noun}_changelist"), {"q": text})

    assert response.status_code == 200


def test_no_forms_are_made_for_clauses_that_a_rule_may_not_have(browser: Client) -> None:
    draft = a_draft({"clauses": [{}]})
    endless = {"clauses-TOTAL_FORMS": "999999", "clauses-INITIAL_FORMS": "0"}

    for address in (add_url(draft), rule_url("change", draft.rules.get())):
        response = browser.post(address, rule_form(draft) | endless)

        (clauses,) = response.context["inline_admin_formsets"]
        assert "clauses" in errors_of(response)
        assert len(clauses.formset.forms) == MAX_CLAUSES + 1


def test_control_characters_in_notes_are_an_error_of_their_field(browser: Client) -> None:
    draft = a_draft()
    made = experiments.new("spring", draft, Decimal(10))
    nasty = {"slug": "autumn", "rule_set": draft.pk, "share": "10", "notes": "a\x01b"}

    responses = [
        browser.post(set_url("change", draft), margins(draft, notes="a\x01b")),
        browser.post(reverse("admin:pricing_ruleset_add"), margins(draft, notes="a\x01b")),
        browser.post(reverse("admin:pricing_experiment_add"), nasty),
        browser.post(
            reverse("admin:pricing_experiment_change", args=[made.pk]), nasty | {"seen": seen_of(browser, made)}
        ),
    ]

    for response in responses:
        assert response.context["adminform"].form.errors == {
            "notes": ["This must be plain text without control characters."]
        }
    assert not RuleSet.objects.filter(notes__contains="\x01").exists()
    assert list(Experiment.objects.values_list("slug", "notes")) == [("spring", "")]


def test_a_reason_that_a_repricing_has_no_room_for_is_refused_and_not_cut_off(browser: Client) -> None:
    address = reverse("admin:pricing_repricing_start")

    browser.post(address, {"reason": "x" * (MAX_REASON_LENGTH + 1)})
    refused = not Repricing.objects.exists()
    browser.post(address, {"reason": "x" * MAX_REASON_LENGTH})

    assert refused
    assert Repricing.objects.get().cause == f"on demand: {'x' * MAX_REASON_LENGTH}"
    page = browser.get(reverse("admin:pricing_repricing_changelist")).content.decode()
    assert f'maxlength="{MAX_REASON_LENGTH}"' in page


def test_behind_the_last_priority_there_is_none_that_is_free(browser: Client) -> None:
    draft = a_draft({"priority": 1_000_000})

    response = browser.post(add_url(draft), rule_form(draft, priority="1000000"))

    assert "make room between the priorities first" in str(errors_of(response)["priority"])


def test_one_of_a_thing_is_not_called_many(browser: Client) -> None:
    draft = a_draft({"clauses": [{}]})

    of_rule = browser.get(rule_url("delete", draft.rules.get())).content.decode()
    of_draft = browser.get(set_url("delete", draft)).content.decode()

    assert "with 1 clause<" in of_rule
    assert "1 rule with all clauses" in of_draft
    assert str(SellsBelowCost(1)).startswith("1 stone would")
