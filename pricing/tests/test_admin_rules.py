"""A rule's page in the admin: what people type becomes a rule, or errors of fields, and nobody overwrites anybody."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.grades import Clarity, Color
from catalog.tests.factories import a_diamond
from pricing import editing, publishing
from pricing.models import MAX_CLAUSES, Clause, Rule, RuleSet
from pricing.tests.admin_pages import EDITOR, add_url, errors_of, messages_of, rule_form, rule_url, set_url, signed_in
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db

NASTY = "<script>alert('x')</script>"


@pytest.fixture
def browser() -> Client:
    return signed_in(*EDITOR)


def clauses_of(rule: Rule) -> list[str]:
    return [str(clause) for clause in rule.clauses.all()]


def test_a_rule_is_added_with_its_clauses_and_a_number_that_was_never_used(browser: Client) -> None:
    a_draft({"number": 41})
    draft = a_draft({"number": 7})
    form = rule_form(
        draft,
        {"shapes": ["OVAL", "PEAR"], "carats_min": "1", "carats_max": "1.5", "color_min": int(Color.D)},
        {"stone_types": ["lab_grown"], "labs": "gia, G.I.A.\nigi", "labs_excluded": "on"},
        priority="20",
        fixed_cents="-$1,250.50",
        ending_cents="99",
        ending_step_cents="100",
        ending_mode="up",
        rating="8",
        valid_from="2026-01-01",
        valid_to="2026-12-31",
    )

    response = browser.post(add_url(draft), form)

    rule = Rule.objects.get(rule_set=draft, name="Ovals")
    assert response["Location"] == set_url("change", draft)
    assert (rule.number, rule.priority, rule.modifier, rule.fixed_cents) == (42, 20, 5, -125_050)
    assert (rule.ending_cents, rule.ending_step_cents, rule.ending_mode, rule.rating) == (9_900, 10_000, "up", 8)
    assert (rule.valid_from, rule.valid_to, rule.active) == (date(2026, 1, 1), date(2026, 12, 31), True)
    assert clauses_of(rule) == [
        "colour D to Z; carats from 1 to 1.5; shape is OVAL, PEAR",
        "stone type is lab_grown; lab none of GIA, IGI",
    ]
    assert RuleSet.objects.get(pk=draft.pk).revision == 1


def test_what_was_saved_is_shown_as_it_was_typed(browser: Client) -> None:
    clause = {"cost_cents_min": 123_450, "suppliers": ["Acme, Inc.", "Zed"], "fancy_colors": ["YELLOW"]}
    draft = a_draft({"fixed_cents": -950, "clauses": [clause]})

    page = browser.get(rule_url("change", draft.rules.get())).content.decode()

    assert 'value="-9.50"' in page
    assert 'value="1234.50"' in page
    assert "Acme, Inc.\nZed" in page


def test_a_rule_is_edited_with_its_clauses(browser: Client) -> None:
    draft = a_draft({"name": "old", "clauses": [{"shapes": ["OVAL"]}, {"has_video": True}]})
    rule = draft.rules.get()
    first, second = rule.clauses.all()
    form = rule_form(
        draft,
        {"cost_per_carat_cents_max": "5,000"},
        {"has_video": "True", "DELETE": "on"},
        {"fancy_colors": "greenish yellow", "fancy_colors_excluded": "on"},
        kept=(first, second),
        name="new",
    )

    response = browser.post(rule_url("change", rule), form)

    rule.refresh_from_db()
    assert response["Location"] == set_url("change", draft)
    assert (rule.name, rule.number) == ("new", 1)
    assert clauses_of(rule) == ["cost per carat up to $5,000.00", "fancy colour none of GREENISH_YELLOW"]


@pytest.mark.parametrize(
    ("before", "typed", "after"), [(True, "False", False), (False, "True", True), (True, "", None)]
)
def test_a_clause_in_which_only_the_media_are_edited_is_saved(
    browser: Client, before: bool, typed: str, after: bool | None
) -> None:
    draft = a_draft({"clauses": [{"has_video": before, "has_image": before}]})
    rule = draft.rules.get()
    clause = rule.clauses.get()

    browser.post(rule_url("change", rule), rule_form(draft, {"has_video": typed, "has_image": typed}, kept=(clause,)))

    clause.refresh_from_db()
    assert (clause.has_video, clause.has_image) == (after, after)


def test_saving_and_adding_another_stays_with_the_draft(browser: Client) -> None:
    draft = a_draft({"clauses": [{}]})
    rule = draft.rules.get()

    edited = browser.post(rule_url("change", rule), rule_form(draft, _addanother="1"))
    added = browser.post(add_url(draft), rule_form(draft, revision=1, priority="20", _addanother="1"))

    assert edited["Location"] == added["Location"] == add_url(draft)


def test_a_rule_without_a_clause_says_that_it_matches_nothing(browser: Client) -> None:
    draft = a_draft()

    response = browser.post(add_url(draft), rule_form(draft), follow=True)

    assert "has no clause, so it matches nothing" in messages_of(response)
    assert "The rule has no clause, so it matches nothing." in response.content.decode()


def test_a_clause_without_a_condition_says_that_it_matches_every_stone(browser: Client) -> None:
    draft = a_draft()

    response = browser.post(add_url(draft), rule_form(draft, {}), follow=True)

    rule = Rule.objects.get(rule_set=draft)
    assert clauses_of(rule) == ["every stone"]
    assert "Clause 1 has no condition, so it matches every stone." in messages_of(response)
    assert "it matches every stone" in browser.get(rule_url("change", rule)).content.decode()


def test_a_clause_that_no_stone_can_match_says_why(browser: Client) -> None:
    draft = a_draft()
    form = rule_form(draft, {"stone_types": ["natural"], "fancy_colors": "yellow"})

    response = browser.post(add_url(draft), form, follow=True)

    assert "Clause 1 never matches: a stone with a named fancy colour is of the type fancy" in messages_of(response)


BAD_RULES: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": " "}, "name"),
    "a name of 10 kB": ({"name": "x" * 10_000}, "name"),
    "a NUL": ({"name": "a\0b"}, "name"),
    "HTML in the name": ({"name": NASTY}, "name"),
    "SQL in the name": ({"name": "x'; DROP TABLE pricing_rule; --"}, "name"),
    "priority 0": ({"priority": "0"}, "priority"),
    "no priority": ({"priority": ""}, "priority"),
    "a priority without end": ({"priority": "9" * 30}, "priority"),
    "no number": ({"modifier": "NaN"}, "modifier"),
    "a modifier without end": ({"modifier": "1e99"}, "modifier"),
    "a modifier in thousandths of thousandths": ({"modifier": "1.0001"}, "modifier"),
    "a fixed amount without end": ({"fixed_cents": "1000000.01"}, "fixed_cents"),
    "a fixed amount of parts of cents": ({"fixed_cents": "1.005"}, "fixed_cents"),
    "a fixed amount that is none": ({"fixed_cents": "Infinity"}, "fixed_cents"),
    "an ending without a step": ({"ending_cents": "99"}, "ending_step_cents"),
    "a step without an ending": ({"ending_step_cents": "100"}, "ending_cents"),
    "an ending beyond its step": ({"ending_cents": "100", "ending_step_cents": "100"}, "ending_cents"),
    "an ending below nothing": ({"ending_cents": "-1", "ending_step_cents": "100"}, "ending_cents"),
    "an unknown way of rounding": ({"ending_mode": "down"}, "ending_mode"),
    "rating 0": ({"rating": "0"}, "rating"),
    "rating 11": ({"rating": "11"}, "rating"),
    "a day that is none": ({"valid_from": "2026-02-30"}, "valid_from"),
    "days in the wrong order": ({"valid_from": "2026-02-01", "valid_to": "2026-01-31"}, "valid_to"),
    "notes of 10 kB": ({"notes": "x" * 10_000}, "notes"),
}


@pytest.mark.parametrize("what", BAD_RULES)
def test_nonsense_in_a_rule_is_an_error_of_its_field_and_saves_nothing(browser: Client, what: str) -> None:
    draft = a_draft()
    changes, field = BAD_RULES[what]

    response = browser.post(add_url(draft), rule_form(draft, {"shapes": ["OVAL"]}, **changes))

    assert set(errors_of(response)) == {field}
    assert not draft.rules.exists()
    assert RuleSet.objects.get(pk=draft.pk).revision == 0


BAD_CLAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "carats in the wrong order": ({"carats_min": "2", "carats_max": "1"}, "carats_max"),
    "grades in the wrong order": ({"clarity_min": int(Clarity.VS1), "clarity_max": int(Clarity.IF)}, "clarity_max"),
    "costs in the wrong order": ({"cost_cents_min": "2", "cost_cents_max": "1"}, "cost_cents_max"),
    "carats that are no number": ({"carats_min": "NaN"}, "carats_min"),
    "carats without end": ({"carats_max": "Infinity"}, "carats_max"),
    "carats below nothing": ({"carats_min": "-1"}, "carats_min"),
    "a ratio of too many places": ({"ratio_min": "1.00001"}, "ratio_min"),
    "a cost below nothing": ({"cost_cents_min": "-0.01"}, "cost_cents_min"),
    "a cost without end": ({"cost_cents_max": "1000000000.01"}, "cost_cents_max"),
    "an unknown shape": ({"shapes": ["TESSERACT"]}, "shapes"),
    "an unknown type": ({"stone_types": ["moon rock"]}, "stone_types"),
    "no type left": ({"stone_types": ["natural", "lab_grown", "fancy"], "stone_types_excluded": "on"}, "stone_types"),
    "none of nothing": ({"labs_excluded": "on"}, "labs"),
    "an unknown grade": ({"color_min": "99"}, "color_min"),
    "a laboratory of 10 kB": ({"labs": "x" * 10_000}, "labs"),
    "501 suppliers": ({"suppliers": "\n".join(map(str, range(501)))}, "suppliers"),
    "a NUL in a supplier": ({"suppliers": "a\0b"}, "suppliers"),
    "a feed with a tag in it": ({"feeds": NASTY}, "feeds"),
    "no colour": ({"fancy_colors": "even"}, "fancy_colors"),
}


@pytest.mark.parametrize("what", BAD_CLAUSES)
def test_nonsense_in_a_clause_is_an_error_of_its_field_and_saves_nothing(browser: Client, what: str) -> None:
    draft = a_draft()
    clause, field = BAD_CLAUSES[what]

    response = browser.post(add_url(draft), rule_form(draft, {"shapes": ["OVAL"]}, clause))

    assert set(errors_of(response)) == {f"1.{field}"}
    assert not draft.rules.exists()


def test_what_was_typed_is_shown_again_beside_the_error(browser: Client) -> None:
    draft = a_draft()
    form = rule_form(draft, {"carats_min": "2", "carats_max": "1", "suppliers": NASTY}, name="Kept words")

    page = browser.post(add_url(draft), form).content.decode()

    assert "Kept words" in page
    assert "This must not be below the lowest carats." in page
    assert NASTY not in page


def test_an_equal_priority_is_refused_with_one_that_is_free(browser: Client) -> None:
    draft = a_draft({"name": "Rounds", "priority": 10})

    response = browser.post(add_url(draft), rule_form(draft, priority="10"))

    (message,) = errors_of(response)["priority"]
    assert "“Rounds” has this priority already; behind all others is 20" in message
    assert draft.rules.count() == 1


def test_more_clauses_than_a_rule_may_have_are_refused(browser: Client) -> None:
    draft = a_draft()

    response = browser.post(add_url(draft), rule_form(draft, *[{"has_video": "True"}] * (MAX_CLAUSES + 1)))

    assert "clauses" in errors_of(response)
    assert not draft.rules.exists()


def test_as_many_clauses_as_a_rule_may_have_are_saved_whatever_is_filled_in(browser: Client) -> None:
    draft = a_draft()
    full = {
        "stone_types": ["natural"],
        "shapes": ["OVAL", "PEAR", "ROUND"],
        "labs": "GIA",
        "feeds": "nivoda-natural",
        "suppliers": "Acme",
        "fancy_colors": "",
        **{f"{name}_min": "1" for name in ("color", "clarity", "cut", "polish", "symmetry", "fluorescence")},
        **{f"{name}_max": "2" for name in ("color", "clarity", "cut", "polish", "symmetry", "fluorescence")},
        **{f"{name}_{end}": "1" for name in ("carats", "ratio", "table_pct", "depth_pct") for end in ("min", "max")},
        **{f"{name}_{end}": "1" for name in ("cost_cents", "cost_per_carat_cents") for end in ("min", "max")},
        "has_image": "True",
        "has_video": "False",
    }

    browser.post(add_url(draft), rule_form(draft, *[full] * MAX_CLAUSES))

    rule = draft.rules.get()
    assert rule.clauses.count() == MAX_CLAUSES
    assert browser.get(rule_url("change", rule)).status_code == 200


def test_a_shape_that_only_the_catalogue_knows_stays_possible(browser: Client) -> None:
    a_diamond(shape="DRAGON")
    draft = a_draft({"clauses": [{"shapes": ["DRAGON"]}]})
    rule = draft.rules.get()

    browser.post(
        rule_url("change", rule), rule_form(draft, {"shapes": ["DRAGON"]}, kept=(rule.clauses.get(),), name="x")
    )

    assert Rule.objects.get(pk=rule.pk).name == "x"


# --- two people, and tampering ---------------------------------------------------------------------------------------


def test_the_second_of_two_editors_is_told_and_nothing_of_theirs_is_saved(browser: Client) -> None:
    draft = a_draft({"name": "Rounds"}, {"name": "Ovals", "priority": 30})
    first, second = draft.rules.order_by("priority")
    browser.post(rule_url("change", first), rule_form(draft, {}, name="Mine", priority="11"))

    response = browser.post(rule_url("change", second), rule_form(draft, {}, name="Theirs", priority="31"))

    (said,) = errors_of(response)["__all__"]
    assert "Somebody else has changed draft 2 meanwhile: your changes were not saved" in said
    assert set(draft.rules.values_list("name", flat=True)) == {"Mine", "Ovals"}


def test_an_edit_of_a_clause_that_somebody_deleted_meanwhile_is_told(browser: Client) -> None:
    draft = a_draft({"clauses": [{"shapes": ["OVAL"]}, {"has_video": True}]})
    rule = draft.rules.get()
    kept = tuple(rule.clauses.all())
    rule.clauses.all().delete()
    editing.edited(draft.pk, revision=0)

    response = browser.post(rule_url("change", rule), rule_form(draft, {}, {}, kept=kept))

    (said,) = errors_of(response)["__all__"]
    assert "meanwhile" in said
    assert not rule.clauses.exists()


def test_a_tampered_form_of_clauses_is_no_server_error(browser: Client) -> None:
    draft = a_draft({"clauses": [{"shapes": ["OVAL"]}]}, {"clauses": [{"has_video": True}]})
    mine, other = draft.rules.order_by("priority")
    foreign = other.clauses.get()
    address = rule_url("change", mine)

    stolen = browser.post(address, rule_form(draft, {"has_image": "True", "id": foreign.pk}, kept=(foreign,)))
    invented = browser.post(address, rule_form(draft, {}, {}, {}) | {"clauses-INITIAL_FORMS": "3"})
    broken = browser.post(address, rule_form(draft, {}) | {"clauses-TOTAL_FORMS": "x", "clauses-INITIAL_FORMS": ""})

    assert all(response.status_code < 500 for response in (stolen, invented, broken))
    assert clauses_of(other) == ["with a video"]


def sealed_rule(state: str) -> Rule:
    draft = a_draft({"name": "Sealed", "clauses": [{"shapes": ["OVAL"]}]})
    rule = draft.rules.get()
    if state == "published":
        publishing.publish(draft.pk, actor="maria", reason="spring")
    else:
        publishing.seal(draft.pk)
    return rule


@pytest.mark.parametrize("state", ["published", "retired"])
def test_a_rule_of_a_sealed_set_is_only_shown(browser: Client, state: str) -> None:
    rule = sealed_rule(state)

    page = browser.get(rule_url("change", rule)).content.decode()

    assert "shape is OVAL" in page
    assert 'name="modifier"' not in page


@pytest.mark.parametrize("state", ["published", "retired"])
def test_tampering_with_a_sealed_set_is_refused_in_words_and_changes_nothing(browser: Client, state: str) -> None:
    rule = sealed_rule(state)
    rule_set = RuleSet.objects.get(pk=rule.rule_set_id)
    form = rule_form(rule_set, {"has_video": "True"}, kept=(rule.clauses.get(),), modifier="1")
    before = list(Rule.objects.values_list()), list(Clause.objects.values_list())

    edited = browser.post(rule_url("change", rule), form, follow=True)
    added = browser.post(add_url(rule_set), rule_form(rule_set, {}), follow=True)
    moved = browser.post(rule_url("move", rule, "up"), {"revision": 0}, follow=True)
    spread = browser.post(set_url("spread", rule_set), {"revision": 0}, follow=True)
    deleted = browser.post(rule_url("delete", rule), {"post": "yes", "revision": 0})

    for response in (edited, added, moved, spread):
        assert "copy it into a draft" in messages_of(response)
    assert deleted.status_code == 403
    assert (list(Rule.objects.values_list()), list(Clause.objects.values_list())) == before


def test_a_rule_is_not_moved_to_another_set_by_a_tampered_form(browser: Client) -> None:
    draft, other = a_draft({"name": "Ovals"}), a_draft()
    rule = draft.rules.get()

    browser.post(rule_url("change", rule), rule_form(draft, {}, rule_set=other.pk, number="99", kept=()))

    rule.refresh_from_db()
    assert (rule.rule_set_id, rule.number) == (draft.pk, 1)


# --- moving and deleting ---------------------------------------------------------------------------------------------


def order_of(draft: RuleSet) -> str:
    return "".join(draft.rules.order_by("priority").values_list("name", flat=True))


def test_a_rule_changes_places_with_its_neighbour(browser: Client) -> None:
    draft = a_draft({"name": "a"}, {"name": "b"}, {"name": "c"})
    a = draft.rules.get(name="a")

    response = browser.post(rule_url("move", a, "down"), {"revision": 0}, follow=True)
    stale = browser.post(rule_url("move", a, "down"), {"revision": 0}, follow=True)

    assert messages_of(response) == "Rule “a” has priority 20 now."
    assert "meanwhile" in messages_of(stale)
    assert order_of(draft) == "bac"


def test_the_first_and_the_last_rule_move_no_further(browser: Client) -> None:
    draft = a_draft({"name": "a"}, {"name": "b"})

    browser.post(rule_url("move", draft.rules.get(name="a"), "up"), {"revision": 0})
    browser.post(rule_url("move", draft.rules.get(name="b"), "down"), {"revision": 1})

    assert order_of(draft) == "ab"


def test_a_rule_is_deleted_from_the_draft_as_it_was_seen(browser: Client) -> None:
    draft = a_draft({"name": "a"}, {"name": "b"})
    a, b = draft.rules.order_by("priority")

    done = browser.post(rule_url("delete", a), {"post": "yes", "revision": 0})
    stale = browser.post(rule_url("delete", b), {"post": "yes", "revision": 0}, follow=True)

    assert done["Location"] == set_url("change", draft)
    assert "meanwhile" in messages_of(stale)
    assert order_of(draft) == "b"


def test_adding_a_rule_without_a_draft_leads_to_the_drafts(browser: Client) -> None:
    response = browser.get(reverse("admin:pricing_rule_add"), follow=True)

    assert "Open the draft" in messages_of(response)


@pytest.mark.parametrize("name", ["change", "delete"])
def test_a_rule_that_is_not_there_is_no_server_error(browser: Client, name: str) -> None:
    for number in (999_999, 10**30):
        address = reverse(f"admin:pricing_rule_{name}", args=[number])
        assert browser.get(address).status_code < 500
        assert browser.post(address, {"revision": 0}).status_code < 500
    assert browser.get(reverse("admin:pricing_rule_add_to", args=[10**30])).status_code == 404
    assert browser.post(reverse("admin:pricing_rule_move", args=[10**30, "up"]), {"revision": 0}).status_code == 302


def test_who_may_only_look_changes_nothing() -> None:
    browser = signed_in("view_ruleset", "view_rule", name="auditor")
    draft = a_draft({"name": "Ovals", "clauses": [{"shapes": ["OVAL"]}]})
    rule = draft.rules.get()

    shown = browser.get(rule_url("change", rule)).content.decode()
    answers = [
        browser.post(rule_url("change", rule), rule_form(draft, {}, name="x")),
        browser.post(add_url(draft), rule_form(draft, {}, name="x")),
        browser.post(rule_url("move", rule, "up"), {"revision": 0}),
        browser.post(rule_url("delete", rule), {"post": "yes", "revision": 0}),
    ]

    assert "shape is OVAL" in shown
    assert [answer.status_code for answer in answers] == [403] * 4
    assert draft.rules.get().name == "Ovals"


def test_money_that_is_typed_in_dollars_prices_in_cents(browser: Client) -> None:
    stone = a_diamond(cost_cents=100_000)
    draft = a_draft()
    browser.post(add_url(draft), rule_form(draft, {"cost_cents_max": "1,000.00"}, modifier="0", fixed_cents="9.95"))

    page = browser.get(set_url("simulate", draft)).content.decode()

    assert stone.supplier_stone_id in page
    assert "$1,409.95" in page
    assert Decimal(str(draft.rules.get().fixed_cents)) == 995
