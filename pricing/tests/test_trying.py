"""The panel of a rule's form: counts its stones as it stands, says what is wrong, and which rule would price a stone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from psycopg.errors import QueryCanceled

from catalog import index
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import as_typed
from pricing.models import Clause, Rule, RuleSet
from pricing.tests.admin_pages import EDITOR, add_url, rule_form, rule_url, signed_in
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    return signed_in(*EDITOR)


@pytest.fixture
def _stones() -> None:
    for shape in ("OVAL", "OVAL", "OVAL", "PEAR"):
        a_diamond(shape=shape, cost_cents=100_000, price_cents=140_000)
    a_diamond(shape="OVAL", availability="delisted")


def tried(browser: Client, draft: RuleSet, *clauses: dict[str, Any], **changes: Any) -> str:
    """What the panel says of a new rule."""
    response = browser.post(
        reverse("admin:pricing_rule_try_new", args=[draft.pk]), rule_form(draft, *clauses, **changes)
    )
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.usefixtures("_stones")
def test_a_new_rule_is_counted_as_it_stands_and_nothing_is_saved(browser: Client) -> None:
    draft = a_draft({"priority": 5, "name": "Large", "clauses": [{"carats_min": 5}]})
    Diamond.objects.filter(pk=Diamond.objects.filter(shape="OVAL", availability="available")[0].pk).update(carats=6)

    page = tried(browser, draft, {"shapes": ["OVAL"]})

    assert "<strong>3</strong> of 4 stones match the rule as it stands here; <strong>2</strong> are left to it" in page
    assert Rule.objects.filter(rule_set=draft).count() == 1
    assert RuleSet.objects.get(pk=draft.pk).revision == 0


@pytest.mark.usefixtures("_stones")
def test_a_changed_rule_is_counted_with_what_is_typed_and_without_clauses_that_are_deleted(browser: Client) -> None:
    draft = a_draft({"name": "Ovals", "clauses": [{"shapes": ["OVAL"]}, {"shapes": ["PEAR"]}]})
    rule = draft.rules.get()
    kept = tuple(rule.clauses.order_by("pk"))
    form = rule_form(draft, {"shapes": ["OVAL"], "DELETE": "on"}, {"shapes": ["PEAR"]}, kept=kept)

    page = " ".join(browser.post(rule_url("try", rule), form).content.decode().split())

    assert "<strong>1</strong> of 4 stones match" in page
    assert Clause.objects.filter(rule=rule).count() == 2


@pytest.mark.usefixtures("_stones")
def test_the_index_counts_the_same_as_the_database(
    browser: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = a_draft({"priority": 5, "name": "Pears", "clauses": [{"shapes": ["PEAR"]}]})
    by_database = tried(browser, draft, {"shapes": ["OVAL", "PEAR"]})
    snapshot = snapshot_of(list(Diamond.objects.all()), tmp_path)
    monkeypatch.setattr(index, "current", lambda: snapshot)

    by_index = tried(browser, draft, {"shapes": ["OVAL", "PEAR"]})

    words = "<strong>4</strong> of 4 stones match the rule as it stands here; <strong>3</strong> are left to it"
    assert words in by_database
    assert words in by_index
    assert "Counted by the database" in by_database
    assert "Counted by the database" not in by_index


@pytest.mark.usefixtures("_stones")
def test_a_rule_that_is_off_is_said_to_price_nothing(browser: Client) -> None:
    page = tried(browser, a_draft(), {"shapes": ["OVAL"]}, active="")

    assert "<strong>3</strong> of 4 stones match" in page
    assert "<strong>0</strong> are priced by it: it is off today" in page


def test_a_form_that_is_not_valid_says_what_is_wrong_instead(browser: Client) -> None:
    draft = a_draft({"priority": 10, "name": "First"})

    page = tried(browser, draft, {"carats_min": "lots", "carats_max": "2"}, priority="10", modifier="<b>", rating="99")

    assert "Not counted: the form is not valid yet." in page
    assert "Rule 1 “First” has this priority already" in page
    assert "Clause 1, Carats from" in page
    assert "<b>" not in page
    assert "stones match" not in page


def test_a_form_without_its_clauses_is_an_answer_too(browser: Client) -> None:
    draft = a_draft()

    response = browser.post(reverse("admin:pricing_rule_try_new", args=[draft.pk]), {"name": "x"})

    assert response.status_code == 200
    assert "Not counted" in response.content.decode()


@pytest.mark.usefixtures("_stones")
def test_the_rule_that_would_price_a_stone_is_told_with_its_price(browser: Client) -> None:
    draft = a_draft({"priority": 5, "name": "Large", "modifier": 20, "clauses": [{"carats_min": 5}]})
    oval, pear = Diamond.objects.filter(shape="OVAL", availability="available")[0], Diamond.objects.get(shape="PEAR")
    large = a_diamond(shape="OVAL", carats=6, cost_cents=100_000)

    def said(text: str) -> str:
        return tried(browser, draft, {"shapes": ["OVAL"]}, try_stone=text)

    by_stock_number = said(oval.supplier_stone_id)
    assert "This rule prices it, at <strong>$1,450.00</strong> (now $1,400.00)" in by_stock_number
    of_other = said(str(pear.pk))
    assert "No rule matches it: the base margin alone prices it, at <strong>$1,400.00</strong> (as now)" in of_other
    assert "This rule does not, because shape is OVAL, but the stone: PEAR." in of_other
    of_large = said(large.certificate_number or "")
    assert "Rule “Large” (no. 1, priority 5) prices it, at <strong>$1,600.00</strong>" in of_large
    assert "That rule comes before this one, so this one is not asked." in of_large


@pytest.mark.parametrize("text", ["nothing", "<script>alert(1)</script>", "x" * 5000, "a\0b", "%", "'; DROP"])
def test_a_text_that_names_no_stone_is_said_to(browser: Client, text: str) -> None:
    page = tried(browser, a_draft(), {"shapes": ["OVAL"]}, try_stone=text)

    assert "No stone has the id, the certificate number or the supplier's stone id" in page
    assert "<script>" not in page


def test_a_count_that_takes_too_long_is_given_up(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*_: Any) -> None:
        raise OperationalError from QueryCanceled()

    monkeypatch.setattr(as_typed, "reach_of", too_long)

    assert "Counting takes too long" in tried(browser, a_draft(), {"shapes": ["OVAL"]})


def test_a_rule_is_tried_by_whom_may_edit_it_in_a_draft(browser: Client) -> None:
    draft = a_draft({"name": "Ovals"})
    rule = draft.rules.get()
    viewer = signed_in("view_ruleset", "view_rule", name="viewer")
    new = reverse("admin:pricing_rule_try_new", args=[draft.pk])

    answers = [viewer.post(new, rule_form(draft)), viewer.post(rule_url("try", rule), rule_form(draft))]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert browser.get(new).status_code == 405
    assert browser.post(reverse("admin:pricing_rule_try", args=[10**9])).status_code == 404
    RuleSet.objects.filter(pk=draft.pk).update(state="retired", compiled={})
    assert browser.post(new, rule_form(draft)).status_code == 403
    assert browser.post(rule_url("try", rule), rule_form(draft)).status_code == 403


def test_the_form_has_the_panel(browser: Client) -> None:
    draft = a_draft({"name": "Ovals"})

    added = browser.get(add_url(draft)).content.decode()
    changed = browser.get(rule_url("change", draft.rules.get())).content.decode()

    assert f'hx-post="{reverse("admin:pricing_rule_try_new", args=[draft.pk])}"' in added
    assert f'hx-post="{rule_url("try", draft.rules.get())}"' in changed
