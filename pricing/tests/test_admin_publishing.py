"""Simulating, publishing and rolling back in the admin: in words, for a reason, by whom may, and nothing half done."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from psycopg.errors import QueryCanceled

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import editing, publishing
from pricing.admin import publishing as publishing_page
from pricing.in_force import published_rule_set
from pricing.models import PriceChange, Repricing, RuleSet
from pricing.tests.admin_pages import EDITOR, PUBLISHER, messages_of, set_url, signed_in
from pricing.tests.factories import a_draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]

TOO_LATE = OperationalError("canceling statement due to statement timeout")
TOO_LATE.__cause__ = QueryCanceled()


@pytest.fixture
def browser() -> Client:
    return signed_in(*PUBLISHER)


def asked(draft: RuleSet, **changes: Any) -> dict[str, Any]:
    seen = {"revision": draft.revision, "in_force": published_rule_set().version}
    return {**seen, "reason": "spring prices", **changes}


def published(*rules: dict[str, Any], **changes: Any) -> RuleSet:
    draft = a_draft(*rules, **changes)
    publishing.publish(draft.pk, actor="maria", reason="spring", below_cost_confirmed=True)
    return RuleSet.objects.get(pk=draft.pk)


def is_untouched(draft: RuleSet) -> bool:
    fresh = RuleSet.objects.get(pk=draft.pk)
    return (fresh.state, fresh.compiled, published_rule_set().version) == (draft.state, draft.compiled, 1)


# --- the simulation --------------------------------------------------------------------------------------------------


def test_the_simulation_shows_totals_movers_rules_and_conflicts_and_writes_nothing() -> None:
    browser = signed_in("view_ruleset")
    oval = a_diamond(shape="OVAL", cost_cents=100_000, price_cents=140_000)
    a_diamond(cost_cents=100_000, price_cents=140_000)
    a_diamond(cost_cents=100_000, price_cents=140_000, availability="delisted")
    draft = a_draft(
        {"name": "Ovals", "modifier": 10, "clauses": [{"shapes": ["OVAL"]}]},
        {"name": "Ovals again", "clauses": [{"shapes": ["OVAL"]}]},
    )
    before = list(Diamond.objects.order_by("pk").values_list())

    with CaptureQueriesContext(connection) as queries:
        response = browser.get(set_url("simulate", draft))

    page = " ".join(response.content.decode().split())
    assert '<strong>1</strong><span class="dh-note">50.0% of 2' in page
    assert "<strong>+$100.00</strong>" in page
    assert f'href="/admin/catalog/diamond/{oval.pk}/change/"' in page
    assert "+$100.00 (+7.1%)" in page
    assert "+5 % to +10 %" in page
    assert "It can never match: “Ovals” (priority 10) takes all of its stones." in page
    assert list(Diamond.objects.order_by("pk").values_list()) == before
    assert not [query for query in queries if query["sql"].lstrip().upper().startswith(("UPDATE", "INSERT", "DELETE"))]


def test_the_simulation_of_an_empty_catalogue_is_a_page(browser: Client) -> None:
    page = browser.get(set_url("simulate", a_draft({}))).content.decode()

    assert "The catalogue has no stones." in page


def test_a_simulation_takes_no_post(browser: Client) -> None:
    assert browser.post(set_url("simulate", a_draft())).status_code == 405


def test_a_simulation_that_takes_too_long_says_so(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(_rule_set: RuleSet) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")

    monkeypatch.setattr("pricing.admin.simulation.simulate", forever)
    monkeypatch.setattr("pricing.admin.simulation.STATEMENT_SECONDS", 0.05)

    response = browser.get(set_url("simulate", a_draft({"clauses": []})))

    assert response.status_code == 200
    assert "The database did not answer in time" in response.content.decode()
    assert "it matches nothing" in response.content.decode()


# --- publishing ------------------------------------------------------------------------------------------------------


def test_the_page_says_in_words_what_changes(browser: Client) -> None:
    published({"name": "Goes", "number": 1}, {"name": "Changes", "number": 2})
    draft = a_draft(
        {"name": "Changes", "number": 2, "priority": 20, "modifier": 5},
        {"name": "Comes", "number": 3, "priority": 30},
        margin_natural=41,
    )

    page = " ".join(browser.get(set_url("publish", draft)).content.decode().split())

    assert "natural margin: 40 % → <strong>41 %</strong>" in page
    assert "Rules added: 1" in page
    assert "Rules removed: 1" in page
    assert "modifier: 0 → <strong>+5</strong>" in page
    assert "No stone would sell below cost." in page
    assert 'name="below_cost"' not in page


def test_publishing_puts_the_draft_in_force_and_leads_to_the_repricing(browser: Client) -> None:
    draft = a_draft({"modifier": 5})

    response = browser.post(set_url("publish", draft), asked(draft), follow=True)

    repricing = Repricing.objects.get()
    draft.refresh_from_db()
    assert (draft.state, draft.published_by, draft.published_reason) == ("published", "maria", "spring prices")
    assert response.redirect_chain[-1][0] == reverse("admin:pricing_repricing_change", args=[repricing.pk])
    assert repricing.started_by == "maria"
    assert f"Rule set {draft.version} is in force" in messages_of(response)


@pytest.mark.parametrize("reason", ["", "  \t", "x" * 501, "a\0b"])
def test_without_a_reason_that_fits_nothing_is_published(browser: Client, reason: str) -> None:
    draft = a_draft()

    response = browser.post(set_url("publish", draft), asked(draft, reason=reason))

    assert response.context["form"].errors["reason"]
    assert is_untouched(draft)
    assert not Repricing.objects.exists()


def test_what_sells_below_cost_asks_for_a_second_word(browser: Client) -> None:
    a_diamond(cost_cents=100_000)
    draft = a_draft({"modifier": -41})

    shown = browser.get(set_url("publish", draft)).content.decode()
    refused = browser.post(set_url("publish", draft), asked(draft, reason="they must go"))
    untouched = is_untouched(draft)
    browser.post(set_url("publish", draft), asked(draft, below_cost="on"))

    assert "1 stone would sell below cost." in shown
    assert 'name="below_cost"' in shown
    assert "confirm that this is what you want" in refused.content.decode()
    assert 'value="they must go"' in refused.content.decode()
    assert untouched
    assert RuleSet.objects.get(pk=draft.pk).state == "published"


def test_a_count_that_takes_too_long_asks_for_a_second_word(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = a_draft()

    def too_late(_rule_set: RuleSet) -> int:
        raise TOO_LATE

    monkeypatch.setattr(publishing, "stones_below_cost", too_late)

    shown = browser.get(set_url("publish", draft)).content.decode()
    refused = browser.post(set_url("publish", draft), asked(draft))
    untouched = is_untouched(draft)
    browser.post(set_url("publish", draft), asked(draft, below_cost="on"))

    assert "took too long" in shown
    assert refused.status_code == 200
    assert untouched
    assert RuleSet.objects.get(pk=draft.pk).state == "published"


@pytest.mark.parametrize("revision", ["0", "", "x", "-1", "9" * 30])
def test_a_draft_that_changed_since_somebody_looked_is_not_published(browser: Client, revision: str) -> None:
    draft = a_draft()
    editing.edited(draft.pk, revision=0)

    response = browser.post(set_url("publish", draft), asked(draft, revision=revision))

    page = response.content.decode()
    assert "look again" in page
    assert 'name="revision" value="1"' in page
    assert is_untouched(draft)


def test_what_was_looked_at_against_another_version_is_not_published(browser: Client) -> None:
    draft = a_draft({"name": "Mine", "number": 1})
    seen = asked(draft, reason="spring")
    theirs = published({"name": "Theirs", "number": 2})

    response = browser.post(set_url("publish", draft), seen)

    page = " ".join(response.content.decode().split())
    assert f"Version {theirs.version} has been put in force since you looked" in page
    assert f"What changes against version {theirs.version}" in page
    assert "Theirs</a>" in page
    assert 'value="spring"' in page
    assert published_rule_set() == theirs
    assert RuleSet.objects.get(pk=draft.pk).is_draft


def test_the_second_of_two_who_publish_one_draft_is_led_to_it(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = a_draft({})
    really = publishing_page._publish

    def second(*given: Any) -> str:
        publishing.publish(draft.pk, actor="otto", reason="first")
        return really(*given)

    monkeypatch.setattr(publishing_page, "_publish", second)

    response = browser.post(set_url("publish", draft), asked(draft), follow=True)

    assert response.redirect_chain[-1][0] == set_url("change", draft)
    assert f"Somebody else has just put rule set {draft.version} in force." in messages_of(response)
    assert RuleSet.objects.get(pk=draft.pk).published_by == "otto"


def test_what_is_in_force_is_not_published_again(browser: Client) -> None:
    in_force = published_rule_set()

    for response in (
        browser.get(set_url("publish", in_force), follow=True),
        browser.post(set_url("publish", in_force), asked(in_force), follow=True),
    ):
        assert messages_of(response) == "rule set 1 is in force already"
    assert not Repricing.objects.exists()


def test_publishing_is_refused_to_who_may_only_edit() -> None:
    browser = signed_in(*EDITOR, name="editor")
    draft = a_draft()

    page = browser.get(set_url("change", draft)).content.decode()

    assert "Publish…" not in page
    assert browser.get(set_url("publish", draft)).status_code == 403
    assert browser.post(set_url("publish", draft), asked(draft)).status_code == 403
    assert is_untouched(draft)


def test_who_may_publish_but_not_edit_publishes_what_others_made() -> None:
    browser = signed_in("view_ruleset", "publish_ruleset", "view_repricing", name="boss")
    draft = a_draft({})

    browser.post(set_url("publish", draft), asked(draft))

    assert RuleSet.objects.get(pk=draft.pk).published_by == "boss"


def test_the_databases_own_refusal_is_shown_and_nothing_is_half_done(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = publishing.seal(a_draft({"modifier": 5}).pk)

    def tampers(rule_set_id: int, **_options: Any) -> Repricing:
        RuleSet.objects.filter(pk=rule_set_id).update(margin_natural=1)
        raise AssertionError("the trigger let it through")

    monkeypatch.setattr(publishing, "publish", tampers)

    response = browser.post(set_url("publish", sealed), asked(sealed))

    assert f"Rule set {sealed.version} is retired: it cannot be changed" in response.content.decode()
    assert RuleSet.objects.get(pk=sealed.pk).margin_natural == 40


def test_rolling_back_is_the_same_page_and_publishes_the_earlier_version_again(browser: Client) -> None:
    first = published_rule_set()
    published({"name": "Goes again"}, margin_natural=50)

    page = " ".join(browser.get(set_url("publish", first)).content.decode().split())
    browser.post(set_url("publish", first), asked(first, reason="that was wrong"))

    first.refresh_from_db()
    assert "Roll back to version 1" in page
    assert "natural margin: 50 % → <strong>40 %</strong>" in page
    assert (first.state, first.published_reason) == ("published", "that was wrong")
    assert (
        "Roll back to this version…" in browser.get(set_url("change", RuleSet.objects.get(version=2))).content.decode()
    )


def test_a_set_that_an_experiment_sealed_can_be_published(browser: Client) -> None:
    sealed = publishing.seal(a_draft({"modifier": 5}).pk)

    browser.post(set_url("publish", sealed), asked(sealed))

    assert RuleSet.objects.get(pk=sealed.pk).state == "published"


def test_names_in_the_difference_are_escaped(browser: Client) -> None:
    nasty = "<script>alert('x')</script>"
    draft = a_draft({"name": nasty, "notes": nasty})

    page = browser.get(set_url("publish", draft)).content.decode()

    assert nasty not in page
    assert not PriceChange.objects.exists()
