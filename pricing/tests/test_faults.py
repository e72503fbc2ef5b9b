"""Faults of a rule: everything wrong or pointless at once, in the same words at every edge, and no way past them."""

from __future__ import annotations

from typing import Any

import pytest

from diamondhub.audit.tracking import AUDITED
from pricing import editing
from pricing.conflicts import conflicts
from pricing.errors import InvalidRules
from pricing.faults import Kind, Others, faults_of
from pricing.models import MAX_RULES, Clause, Rule, RuleSet
from pricing.tests.admin_pages import EDITOR, add_url, errors_of, messages_of, rule_form, rule_url
from pricing.tests.admin_pages import signed_in as at_admin
from pricing.tests.asking import EDIT, READ, send, signed_in
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def a_rule(**fields: Any) -> Rule:
    return Rule(**{"name": "ovals", "priority": 10, **fields})


def clauses_of(rule: Rule) -> list[Clause]:
    return list(Clause.objects.filter(rule=rule))


def events_of(rule: Rule) -> list[str]:
    """What happened to the clauses of a rule since they were made."""
    events = AUDITED["pricing.clause"].events.objects.filter(rule_id=rule.pk).order_by("pgh_id")
    return [event.pgh_label for event in events if event.pgh_label != "created"]


def test_all_that_is_wrong_and_pointless_is_told_at_once_with_its_place() -> None:
    others = Others([a_rule(number=4, name="rounds")])
    clauses = [
        Clause(),
        Clause(carats_min=2, carats_max=1),
        Clause(stone_types=["natural"], fancy_colors=["PINK"]),
    ]

    faults = faults_of(a_rule(number=4, rating=11), clauses, others)

    assert [(fault.kind, fault.place) for fault in faults] == [
        (Kind.VALUE, "rating"),
        (Kind.VALUE, "clauses[1].carats_max"),
        (Kind.TAKEN, "priority"),
        (Kind.TAKEN, "number"),
        (Kind.EVERY_STONE, "clauses[0]"),
        (Kind.CONTRADICTION, "clauses[2]"),
    ]
    assert [fault.is_error for fault in faults] == [True, True, True, True, False, False]
    assert faults[2].message == "Rule 4 “rounds” has this priority already; behind all others is 20."


def test_a_rule_without_fault_has_none() -> None:
    assert faults_of(a_rule(), [Clause(shapes=["OVAL"])], Others([a_rule(priority=5, number=1)])) == []


def test_a_set_that_is_full_takes_no_other_rule() -> None:
    others = Others(a_rule(priority=place, number=place) for place in range(1, MAX_RULES + 1))

    (fault,) = faults_of(a_rule(priority=MAX_RULES + 1), [Clause(has_video=True)], others)

    assert (fault.kind, fault.is_error) == (Kind.TOO_MANY, True)


@pytest.mark.parametrize(
    ("rule", "clauses", "place"),
    [
        (a_rule(name="<b>"), [{}], "name"),
        (a_rule(), [{"carats_min": 2, "carats_max": 1}], "clauses[0].carats_max"),
        (a_rule(), [{}] * 51, "clauses"),
        (a_rule(priority=10), [{}], "priority"),
    ],
)
def test_no_caller_writes_a_rule_that_has_errors(rule: Rule, clauses: list[dict[str, Any]], place: str) -> None:
    draft = a_draft({"number": 5, "priority": 10}, {"number": 6, "priority": 20})

    for number in (None, 6):
        with pytest.raises(InvalidRules) as refused:
            editing.put_rule(draft, rule, [Clause(**clause) for clause in clauses], number=number, revision=0)
        assert [place for place, _message in refused.value.errors] == [place]

    assert list(draft.rules.values_list("name", flat=True)) == ["rule 1", "rule 2"]
    assert RuleSet.objects.get(pk=draft.pk).revision == 0


@pytest.mark.parametrize("clauses", [[], [{"stone_types": ["natural"], "fancy_colors": ["PINK"]}]])
def test_every_edge_says_the_same_of_a_rule_that_matches_nothing(clauses: list[dict[str, Any]]) -> None:
    draft = a_draft({"number": 5, "clauses": clauses})
    rule = draft.rules.get()
    form = [{"stone_types": ["natural"], "fancy_colors": "pink"}] * len(clauses)

    (by_rest,) = signed_in(READ).get(f"/api/v1/rule-sets/{draft.version}/rules/5").json()["warnings"]
    (conflict,) = conflicts(draft)
    kept = tuple(rule.clauses.all())
    saved = at_admin(*EDITOR).post(rule_url("change", rule), rule_form(draft, *form, kept=kept), follow=True)

    assert by_rest == conflict.message
    assert by_rest in messages_of(saved)


def test_every_edge_says_the_same_of_a_priority_that_is_taken() -> None:
    draft = a_draft({"number": 5, "name": "rounds", "priority": 10})
    body = {"revision": 0, "rule": {"name": "x", "priority": 10, "clauses": [{}]}}

    by_rest = send(signed_in(EDIT), "post", f"rule-sets/{draft.version}/rules", body).json()["errors"]
    by_admin = errors_of(at_admin(*EDITOR).post(add_url(draft), rule_form(draft, {}, priority="10")))

    said = "Rule 5 “rounds” has this priority already; behind all others is 20."
    assert by_rest == [{"field": "rule.priority", "pointer": "#/rule/priority", "message": said}]
    assert by_admin == {"priority": [said]}


def test_a_rule_that_is_put_as_it_was_leaves_no_trace_in_the_audit() -> None:
    draft = a_draft({"number": 5, "clauses": [{"shapes": ["OVAL"], "carats_min": "1.5"}, {"has_video": True}]})
    rule = draft.rules.get()
    rows = clauses_of(rule)
    http = signed_in(READ, EDIT)
    address = f"rule-sets/{draft.version}/rules/5"

    answer = send(http, "put", address, {"revision": 0, "rule": http.get(f"/api/v1/{address}").json()})

    assert answer.status_code == 200
    assert clauses_of(rule) == rows
    assert events_of(rule) == []


def test_by_rest_and_in_the_admin_only_the_clause_that_differs_is_changed() -> None:
    clauses = [{"shapes": ["OVAL"]}, {"has_video": True}]
    by_rest, in_admin = (a_draft({"number": 5, "clauses": clauses}).rules.get() for _edge in range(2))
    rows = tuple(in_admin.clauses.all())
    rule = {"name": "x", "priority": 10, "clauses": [{"shapes": ["OVAL"]}, {"has_video": False}]}

    send(signed_in(EDIT), "put", f"rule-sets/{by_rest.rule_set.version}/rules/5", {"revision": 0, "rule": rule})
    form = rule_form(in_admin.rule_set, {"shapes": ["OVAL"]}, {"has_video": "False"}, kept=rows)
    at_admin(*EDITOR).post(rule_url("change", in_admin), form)

    for edited in (by_rest, in_admin):
        assert [str(clause) for clause in clauses_of(edited)] == ["shape is OVAL", "without a video"]
        assert events_of(edited) == ["changed"]


def test_clauses_keep_their_order_when_one_goes_and_another_comes() -> None:
    draft = a_draft({"clauses": [{"shapes": ["OVAL"]}, {"has_video": True}]})
    rule = draft.rules.get()
    rows = tuple(rule.clauses.all())
    form = rule_form(draft, {"shapes": ["OVAL"], "DELETE": "on"}, {"has_video": "True"}, {"labs": "GIA"}, kept=rows)

    at_admin(*EDITOR).post(rule_url("change", rule), form)

    assert [str(clause) for clause in clauses_of(rule)] == ["with a video", "lab is GIA"]
    assert clauses_of(rule)[0] == rows[1]
