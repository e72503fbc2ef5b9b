"""Rule sets in the admin: copied, edited by one person at a time, thrown away; what is sealed is only shown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pricing import editing, publishing
from pricing.in_force import published_rule_set
from pricing.models import Clause, Rule, RuleSet
from pricing.tests.admin_pages import EDITOR, errors_of, margins, messages_of, set_url, signed_in
from pricing.tests.factories import a_draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


@pytest.fixture
def browser() -> Client:
    return signed_in(*EDITOR)


def as_it_is(rule_set: RuleSet) -> tuple[Any, ...]:
    """All of a set that somebody could change."""
    fresh = RuleSet.objects.filter(pk=rule_set.pk).values_list().get()
    return fresh, list(rule_set.rules.values_list()), list(Clause.objects.filter(rule__rule_set=rule_set).values_list())


def test_a_published_rule_set_is_shown_with_its_rules_and_without_a_form(browser: Client) -> None:
    draft = a_draft({"name": "Ovals, small", "modifier": 5, "clauses": [{"shapes": ["OVAL"], "carats_max": 1}]})
    publishing.publish(draft.pk, actor="maria", reason="spring")

    page = browser.get(set_url("change", draft)).content.decode()

    assert "Ovals, small" in page
    assert "carats up to 1; shape is OVAL" in page
    assert "spring" in page
    assert 'name="margin_natural"' not in page
    assert "Copy into a draft" in page
    assert "formaction" not in page


def test_a_post_to_a_sealed_set_is_refused_in_words_and_changes_nothing(browser: Client) -> None:
    published = published_rule_set()
    before = as_it_is(published)

    response = browser.post(set_url("change", published), margins(published, margin_natural="1"), follow=True)

    assert "rule set 1 is published: copy it into a draft" in messages_of(response)
    assert as_it_is(published) == before


def test_a_copy_is_a_draft_in_the_persons_name_which_is_shown_next(browser: Client) -> None:
    source = a_draft({"name": "Ovals", "clauses": [{"shapes": ["OVAL"]}]}, floor_margin=Decimal(5))

    response = browser.post(set_url("copy", source), follow=True)

    copy = RuleSet.objects.get(based_on=source.version)
    assert response.redirect_chain[-1][0] == set_url("change", copy)
    assert (copy.state, copy.created_by, copy.floor_margin) == ("draft", "maria", 5)
    assert [str(clause) for clause in copy.rules.get().clauses.all()] == ["shape is OVAL"]
    assert messages_of(response) == f"Draft {copy.version} is a copy of version {source.version}."


def test_a_draft_without_a_copy_gets_the_next_version(browser: Client) -> None:
    response = browser.post(reverse("admin:pricing_ruleset_add"), margins(RuleSet(), margin_natural="41"))

    draft = RuleSet.objects.get(state="draft")
    assert (draft.version, draft.margin_natural, draft.created_by) == (2, 41, "maria")
    assert response["Location"] == set_url("change", draft)


def test_a_draft_is_edited_and_counts_the_edit(browser: Client) -> None:
    draft = a_draft()

    browser.post(set_url("change", draft), margins(draft, margin_natural="41.5", floor_margin="3", notes="for spring"))

    draft.refresh_from_db()
    assert (draft.margin_natural, draft.floor_margin, draft.notes) == (Decimal("41.5"), 3, "for spring")
    assert (draft.revision, draft.state) == (1, "draft")


def test_the_second_of_two_editors_is_told_and_nothing_of_theirs_is_saved(browser: Client) -> None:
    draft = a_draft()
    browser.post(set_url("change", draft), margins(draft, margin_natural="41"))

    response = browser.post(set_url("change", draft), margins(draft, margin_fancy="1"))

    (said,) = errors_of(response)["__all__"]
    draft.refresh_from_db()
    assert "Somebody else has changed draft 2 meanwhile: your changes were not saved" in said
    assert (draft.margin_natural, draft.margin_fancy, draft.revision) == (41, 40, 1)


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 30, "²"])
def test_a_form_that_does_not_say_what_it_shows_saves_nothing(browser: Client, revision: str) -> None:
    draft = a_draft()

    response = browser.post(set_url("change", draft), margins(draft, revision=revision, margin_fancy="1"))

    (said,) = errors_of(response)["__all__"]
    assert "look again" in said
    assert RuleSet.objects.get(pk=draft.pk).margin_fancy == 40


BAD = {"margin_natural": ["-100", "10000", "NaN", "Infinity", "x", "", "1e400"], "floor_margin": ["-100", "NaN", "<b>"]}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_a_margin_that_makes_no_price_is_an_error_of_its_field(browser: Client, field: str, value: str) -> None:
    draft = a_draft()

    response = browser.post(set_url("change", draft), margins(draft, **{field: value}))

    assert set(errors_of(response)) == {field}
    assert RuleSet.objects.get(pk=draft.pk).revision == 0


def test_notes_without_end_are_an_error(browser: Client) -> None:
    draft = a_draft()

    response = browser.post(set_url("change", draft), margins(draft, notes="x" * 10_000))

    assert set(errors_of(response)) == {"notes"}


def test_html_in_names_and_notes_is_shown_as_text(browser: Client) -> None:
    nasty = "<script>alert(1)</script>"
    draft = a_draft({"name": nasty, "clauses": [{"suppliers": [nasty]}]}, notes=nasty)

    pages = [browser.get(set_url(name, draft)).content.decode() for name in ("change", "simulate")]

    assert all(nasty not in page for page in pages)
    assert "&lt;script&gt;" in pages[0]


def test_a_draft_is_thrown_away_with_its_rules(browser: Client) -> None:
    draft = a_draft({}, {})
    asked = browser.get(set_url("delete", draft)).content.decode()

    browser.post(set_url("delete", draft), {"post": "yes", "revision": draft.revision})

    assert "2 rules with all clauses" in asked
    assert not RuleSet.objects.filter(pk=draft.pk).exists()


def test_a_draft_that_somebody_changed_meanwhile_is_not_thrown_away(browser: Client) -> None:
    draft = a_draft()
    editing.edited(draft.pk, revision=0)

    response = browser.post(set_url("delete", draft), {"post": "yes", "revision": 0}, follow=True)

    assert "meanwhile" in messages_of(response)
    assert RuleSet.objects.filter(pk=draft.pk).exists()


@pytest.mark.parametrize("state", ["published", "retired"])
def test_a_sealed_set_cannot_be_deleted(browser: Client, state: str) -> None:
    sealed = published_rule_set() if state == "published" else publishing.seal(a_draft().pk)

    response = browser.post(set_url("delete", sealed), {"post": "yes", "revision": 0})

    assert response.status_code == 403
    assert RuleSet.objects.filter(pk=sealed.pk).exists()


def test_what_the_database_refuses_is_said_and_is_no_server_error(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = publishing.seal(a_draft({"name": "Ovals"}).pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    # As if the code had forgotten to look: the trigger is what is left.
    monkeypatch.setattr(RuleSet, "is_draft", True)

    def no_look(_draft_id: int, *, revision: int) -> int:
        return revision + 1

    monkeypatch.setattr(editing, "edited", no_look)

    response = browser.post(set_url("change", sealed), margins(sealed, margin_fancy="1"), follow=True)

    assert f"rule set {sealed.version} is retired: it cannot be changed" in messages_of(response)
    assert RuleSet.objects.get(pk=sealed.pk).margin_fancy == 40


def test_a_page_of_500_rules_costs_as_many_queries_as_one_of_5_and_has_few_fields(browser: Client) -> None:
    small = a_draft(*[{"clauses": [{"shapes": ["OVAL"]}]}] * 5)
    large = a_draft(*[{"clauses": [{"shapes": ["OVAL"]}, {"has_video": True}]}] * 500)

    browser.get(set_url("change", small))
    with CaptureQueriesContext(connection) as few:
        browser.get(set_url("change", small))
    with CaptureQueriesContext(connection) as many:
        page = browser.get(set_url("change", large)).content.decode()

    assert len(many) == len(few)
    assert len(re.findall(r"<(?:input|textarea|select)\b", page)) < 50
    assert page.count("dh-name") == 500


@pytest.mark.parametrize("name", ["change", "simulate", "publish"])
def test_nobody_sees_anything_without_a_permission(name: str) -> None:
    assert signed_in("view_diamond").get(set_url(name, published_rule_set())).status_code == 403


def test_who_may_only_look_has_no_form_and_no_button() -> None:
    browser = signed_in("view_ruleset", "view_rule", name="auditor")
    draft = a_draft({"name": "Ovals"})

    page = browser.get(set_url("change", draft)).content.decode()

    assert "Ovals" in page
    for word in ("Publish…", "Copy into a draft", "Add a rule", "formaction", 'name="margin_natural"'):
        assert word not in page


@pytest.mark.parametrize("name", ["copy", "spread"])
def test_buttons_are_refused_to_who_may_only_look(name: str) -> None:
    browser = signed_in("view_ruleset", "view_rule", name="auditor")
    draft = a_draft({})

    response = browser.post(set_url(name, draft), {"revision": 0})

    assert response.status_code == 403
    assert RuleSet.objects.count() == 2


def test_who_may_only_look_cannot_post_the_form() -> None:
    draft = a_draft()

    response = signed_in("view_ruleset", name="auditor").post(
        set_url("change", draft), margins(draft, margin_fancy="1")
    )

    assert response.status_code in (403, 405)
    assert RuleSet.objects.get(pk=draft.pk).margin_fancy == 40


@pytest.mark.parametrize("name", ["copy", "spread", "simulate", "publish", "change", "delete"])
def test_a_set_that_is_not_there_is_no_server_error(name: str) -> None:
    browser = signed_in()

    for number in (999_999, 10**30):
        address = reverse(f"admin:pricing_ruleset_{name}", args=[number])
        assert browser.get(address).status_code < 500
        assert browser.post(address, {"revision": 0, "reason": "x"}).status_code < 500


def test_priorities_get_room_between_in_the_same_order(browser: Client) -> None:
    draft = a_draft({"priority": 1, "name": "a"}, {"priority": 2, "name": "b"}, {"priority": 7, "name": "c"})

    browser.post(set_url("spread", draft), {"revision": 0})

    found = list(Rule.objects.filter(rule_set=draft).order_by("priority").values_list("priority", "name"))
    assert found == [(10, "a"), (20, "b"), (30, "c")]
    assert RuleSet.objects.get(pk=draft.pk).revision == 1
