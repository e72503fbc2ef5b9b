"""Rules of a rule set by REST: added and replaced whole, deleted, two editors, and all that is refused."""

from __future__ import annotations

import json
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing import editing, publishing
from pricing.models import Clause, Rule, RuleSet
from pricing.tests.asking import EDIT, PUBLISH, READ, problem, send, signed_in, wrong
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db

RULE: dict[str, Any] = {
    "priority": 20,
    "name": "Big ovals",
    "modifier": 7.5,
    "fixed": "-12.50",
    "ending": "99.00",
    "ending_step": "100.00",
    "ending_mode": "up",
    "rating": 8,
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "active": True,
    "notes": "For the spring.",
    "clauses": [
        {
            "stone_types": ["natural"],
            "shapes": ["OVAL", "PEAR"],
            "labs": ["GIA"],
            "labs_excluded": True,
            "color_min": "D",
            "color_max": "F",
            "carats_min": 2,
            "carats_max": 3.999,
            "cost_min": "1000.00",
            "cost_per_carat_max": "9000.00",
            "has_video": True,
        },
        {},
    ],
}


@pytest.fixture
def http() -> Client:
    return signed_in(READ, EDIT)


def add(http: Client, draft: RuleSet, rule: Any, revision: int = 0) -> Any:
    return send(http, "post", f"rule-sets/{draft.version}/rules", {"revision": revision, "rule": rule})


def test_a_rule_is_added_whole_and_shown_as_it_was_written(http: Client) -> None:
    draft = a_draft({"number": 12})

    answer = add(http, draft, RULE)

    assert answer.status_code == 201, answer.content
    shown = answer.json()["rule"]
    assert (answer.json()["revision"], shown["number"]) == (1, 13)
    assert {name: shown[name] for name in RULE} == RULE
    rule = Rule.objects.get(rule_set=draft, number=13)
    assert (rule.fixed_cents, rule.ending_cents, rule.ending_step_cents) == (-1_250, 9_900, 10_000)
    assert (rule.valid_to, rule.modifier) == (date(2026, 12, 31), Decimal("7.5"))
    clause = rule.clauses.order_by("pk")[0]
    assert (clause.color_max, clause.carats_max, clause.cost_cents_min) == (3, Decimal("3.999"), 100_000)


def test_a_rule_is_replaced_with_all_its_clauses_and_keeps_its_number(http: Client) -> None:
    draft = a_draft({"number": 5, "notes": "old", "clauses": [{"shapes": ["OVAL"]}, {"shapes": ["PEAR"]}]})
    address = f"rule-sets/{draft.version}/rules/5"
    shown = http.get(f"/api/v1/{address}").json()

    answer = send(
        http, "put", address, {"revision": 0, "rule": {**shown, "modifier": "3", "clauses": [{"labs": ["gia"]}]}}
    )

    assert answer.status_code == 200, answer.content
    rule = Rule.objects.get(rule_set=draft)
    assert (rule.number, rule.modifier, rule.notes) == (5, 3, "old")
    assert [clause.labs for clause in Clause.objects.filter(rule__rule_set=draft)] == [["GIA"]]


def test_what_comes_to_the_same_can_be_sent_back(http: Client) -> None:
    draft = a_draft()
    first = add(http, draft, RULE).json()

    again = send(
        http,
        "put",
        f"rule-sets/{draft.version}/rules/{first['rule']['number']}",
        {"revision": 1, "rule": first["rule"]},
    )

    assert again.json()["rule"] == first["rule"]


def test_the_second_of_two_editors_of_rules_is_told(http: Client) -> None:
    draft = a_draft({"number": 5})
    editing.edited(draft.pk, revision=0)
    address = f"rule-sets/{draft.version}/rules"

    for answer in (
        add(http, draft, RULE),
        send(http, "put", f"{address}/5", {"revision": 0, "rule": RULE}),
        http.delete(f"/api/v1/{address}/5?revision=0"),
        http.delete(f"/api/v1/rule-sets/{draft.version}?revision=0"),
    ):
        assert problem(answer) == (409, "stale-revision")

    assert [rule.name for rule in Rule.objects.filter(rule_set=draft)] == ["rule 1"]


def test_rules_and_drafts_are_deleted(http: Client) -> None:
    draft = a_draft({"number": 5}, {"number": 6})

    answer = http.delete(f"/api/v1/rule-sets/{draft.version}/rules/5?revision=0")

    assert answer.json() == {"revision": 1}
    assert [rule.number for rule in Rule.objects.filter(rule_set=draft)] == [6]
    assert http.delete(f"/api/v1/rule-sets/{draft.version}?revision=1").status_code == 204
    assert not RuleSet.objects.filter(pk=draft.pk).exists()


def test_a_sealed_set_is_not_edited(http: Client) -> None:
    sealed = a_draft({"number": 5})
    publishing.seal(sealed.pk)
    address = f"rule-sets/{sealed.version}"

    for answer in (
        send(http, "patch", address, {"revision": 0, "margin_natural": 1}),
        add(http, sealed, RULE),
        send(http, "put", f"{address}/rules/5", {"revision": 0, "rule": RULE}),
        http.delete(f"/api/v1/{address}/rules/5?revision=0"),
        http.delete(f"/api/v1/{address}?revision=0"),
    ):
        assert problem(answer) == (409, "not-a-draft")


def test_what_there_is_not_is_not_found(http: Client) -> None:
    draft = a_draft()

    for answer in (
        http.get("/api/v1/rule-sets/404"),
        http.get(f"/api/v1/rule-sets/{10**30}"),
        send(http, "post", "rule-sets", {"copy_of": 404}),
        http.get(f"/api/v1/rule-sets/{draft.version}/rules/404"),
        http.get(f"/api/v1/rule-sets/{draft.version}/rules/{10**30}"),
        send(http, "put", f"rule-sets/{draft.version}/rules/404", {"revision": 0, "rule": RULE}),
        http.delete(f"/api/v1/rule-sets/{draft.version}/rules/404?revision=0"),
        http.delete("/api/v1/rule-sets/404?revision=0"),
    ):
        assert problem(answer) == (404, "not-found")

    assert RuleSet.objects.get(pk=draft.pk).revision == 0


BAD: dict[str, tuple[Any, list[str]]] = {
    "no rule": (None, ["rule"]),
    "a list": ([], ["rule"]),
    "nothing": ({}, ["rule.name", "rule.priority"]),
    "an unknown field": ({"margin": 3}, ["rule.margin"]),
    "a number of one's own": ({"number": 3}, ["rule.number"]),
    "a long name": ({"name": "x" * 10_000}, ["rule.name"]),
    "HTML in the name": ({"name": "<b>x</b>"}, ["rule.name"]),
    "SQL in the name": ({"name": "'; DROP TABLE pricing_rule; --"}, ["rule.name"]),
    "a number as name": ({"name": 5}, ["rule.name"]),
    "a text as priority": ({"priority": "1"}, ["rule.priority"]),
    "a truth as priority": ({"priority": True}, ["rule.priority"]),
    "priority 0": ({"priority": 0}, ["rule.priority"]),
    "a large priority": ({"priority": 2**62}, ["rule.priority"]),
    "a priority that is taken": ({"priority": 10}, ["rule.priority"]),
    "four decimals": ({"modifier": 1.0001}, ["rule.modifier"]),
    "NaN in a text": ({"modifier": "NaN"}, ["rule.modifier"]),
    "a huge modifier": ({"modifier": 1e15}, ["rule.modifier"]),
    "a tenth of a cent": ({"fixed": "1.001"}, ["rule.fixed"]),
    "a huge amount": ({"fixed": "99999999999"}, ["rule.fixed"]),
    "an ending alone": ({"ending": "99"}, ["rule.ending_step"]),
    "a negative ending": ({"ending": "-1", "ending_step": "100"}, ["rule.ending"]),
    "rating 11": ({"rating": 11}, ["rule.rating"]),
    "the 30th of February": ({"valid_from": "2026-02-30"}, ["rule.valid_from"]),
    "a null": ({"active": None}, ["rule.active"]),
    "days in the wrong order": ({"valid_from": "2026-02-02", "valid_to": "2026-02-01"}, ["rule.valid_to"]),
    "clauses that are none": ({"clauses": {"a": 1}}, ["rule.clauses"]),
    "a clause that is none": ({"clauses": [1]}, ["rule.clauses[0]"]),
    "too many clauses": ({"clauses": [{}] * 51}, ["rule.clauses"]),
    "an unknown condition": ({"clauses": [{"price_min": 1}]}, ["rule.clauses[0].price_min"]),
    "a column": ({"clauses": [{"cost_cents_min": 1}]}, ["rule.clauses[0].cost_cents_min"]),
    "the clause of another": ({"clauses": [{"id": 1}]}, ["rule.clauses[0].id"]),
    "an unknown shape": ({"clauses": [{}, {"shapes": ["DRAGON"]}]}, ["rule.clauses[1].shapes"]),
    "one shape": ({"clauses": [{"shapes": "OVAL"}]}, ["rule.clauses[0].shapes"]),
    "deep shapes": ({"clauses": [{"shapes": [["OVAL"]]}]}, ["rule.clauses[0].shapes"]),
    "an unknown type": ({"clauses": [{"stone_types": ["glass"]}]}, ["rule.clauses[0].stone_types"]),
    "a small letter": ({"clauses": [{"color_min": "d"}]}, ["rule.clauses[0].color_min"]),
    "fancy as a letter": ({"clauses": [{"color_max": "FANCY"}]}, ["rule.clauses[0].color_max"]),
    "a grade as object": ({"clauses": [{"clarity_max": {"a": 1}}]}, ["rule.clauses[0].clarity_max"]),
    "grades in the wrong order": (
        {"clauses": [{"clarity_min": "SI1", "clarity_max": "VS1"}]},
        ["rule.clauses[0].clarity_max"],
    ),
    "a range without room": ({"clauses": [{"carats_min": 2, "carats_max": 1}]}, ["rule.clauses[0].carats_max"]),
    "negative carats": ({"clauses": [{"carats_min": -1}]}, ["rule.clauses[0].carats_min"]),
    "a huge cost": ({"clauses": [{"cost_max": "9999999999999"}]}, ["rule.clauses[0].cost_max"]),
    "a truth in words": ({"clauses": [{"has_image": "yes"}]}, ["rule.clauses[0].has_image"]),
    "two mistakes": (
        {"rating": 0, "clauses": [{"carats_min": "x"}]},
        ["rule.rating", "rule.clauses[0].carats_min"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_rule_is_refused_by_field_and_nothing_is_saved(http: Client, what: str) -> None:
    given, fields = BAD[what]
    draft = a_draft({"number": 5, "priority": 10})
    rule = {"name": "x", "priority": 1, **given} if given else given

    assert sorted(wrong(add(http, draft, rule))) == sorted(fields)
    put = send(http, "put", f"rule-sets/{draft.version}/rules/5", {"revision": 0, "rule": rule})

    if what != "a priority that is taken":
        assert sorted(wrong(put)) == sorted(fields)
        assert RuleSet.objects.get(pk=draft.pk).revision == 0
        assert Rule.objects.get(rule_set=draft).name == "rule 1"
    assert Rule.objects.filter(rule_set=draft).count() == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"revision": 0, "rule": {"name": "a\\u0000b", "priority": 1}}',
        '{"revision": 0, "rule": {"name": "\\ud800", "priority": 1}}',
        '{"revision": 0, "rule": {"name": "x", "priority": NaN}}',
        '{"revision": 0, "rule": {"name": "x", "priority": 1e999}}',
        '{"revision": 0, "rule": {"name": "x", "priority": ' + "9" * 5_000 + "}}",
        '{"revision": 0, "revision": 0, "rule": {}}',
        '{"revision": 0, "rule": ' + "[" * 5_000 + "]" * 5_000 + "}",
        '{"revision": 0, "rule": {"clauses": ' + "[" * 40 + "]" * 40 + "}}",
        '{"revision": -1',
        "[]",
    ],
)
def test_a_body_that_is_no_plain_json_object_is_refused(http: Client, text: str) -> None:
    draft = a_draft()

    answer = send(http, "post", f"rule-sets/{draft.version}/rules", text)

    assert problem(answer) == (400, "invalid-body")
    assert not Rule.objects.filter(rule_set=draft).exists()


def test_a_body_beyond_the_limit_is_refused_unread(http: Client) -> None:
    draft = a_draft()

    answer = send(http, "post", f"rule-sets/{draft.version}/rules", json.dumps({"rule": "x" * 1_000_000}))

    assert problem(answer) == (413, "body-too-large")


@pytest.mark.parametrize("query", ["", "revision=-1", "revision=x", "revision=0&force=1"])
def test_deleting_names_the_revision_and_nothing_else(http: Client, query: str) -> None:
    draft = a_draft({"number": 5})

    assert len(wrong(http.delete(f"/api/v1/rule-sets/{draft.version}/rules/5?{query}"))) == 1
    assert len(wrong(http.delete(f"/api/v1/rule-sets/{draft.version}?{query}"))) == 1

    assert Rule.objects.filter(rule_set=draft).exists()


def test_each_method_needs_its_scope() -> None:
    draft = a_draft({"number": 5})
    reader, editor, publisher = signed_in(READ, name="r"), signed_in(EDIT, name="e"), signed_in(PUBLISH, name="p")
    body = {"revision": 0, "margin_natural": 1}

    for client, scope in ((reader, EDIT), (publisher, EDIT)):
        answer = send(client, "patch", f"rule-sets/{draft.version}", body)
        assert problem(answer) == (403, "forbidden")
        assert scope in answer.json()["detail"]
        assert problem(send(client, "post", "rule-sets", {})) == (403, "forbidden")
        assert problem(client.delete(f"/api/v1/rule-sets/{draft.version}/rules/5?revision=0")) == (403, "forbidden")
        assert problem(add(client, draft, RULE)) == (403, "forbidden")
    for client in (editor, publisher, signed_in("catalog:read", name="shop")):
        assert problem(client.get("/api/v1/rule-sets")) == (403, "forbidden")
    assert problem(Client().get("/api/v1/rule-sets")) == (401, "unauthorized")
    assert problem(reader.put("/api/v1/rule-sets")) == (405, "method-not-allowed")


def test_a_body_of_thousands_of_unknown_fields_is_refused_at_once(http: Client) -> None:
    draft = a_draft({})
    unknown = {f"fluorescence_exclude{number}": 0 for number in range(20_000)}

    began = time.process_time()
    answers = [add(http, draft, {**RULE, **unknown}), add(http, draft, {**RULE, "clauses": [unknown]})]

    assert time.process_time() - began < 5
    assert [len(wrong(answer)) for answer in answers] == [50, 50]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CLAUSE_NAMES = st.sampled_from(["shapes", "stone_types_excluded", "color_min", "carats_max", "cost_min", "has_image"])


@settings(max_examples=60, deadline=None)
@given(
    fields=st.dictionaries(st.sampled_from([*RULE, "number", "words"]), json_values),
    clause=st.dictionaries(CLAUSE_NAMES, json_values),
)
def test_no_rule_is_a_fault_of_ours(fields: dict[str, Any], clause: dict[str, Any]) -> None:
    draft = a_draft()
    client = signed_in(EDIT, name=f"tool {draft.version} {RuleSet.objects.count()} {id(fields)}")

    answer = add(client, draft, {**RULE, "clauses": [clause], **fields})

    assert answer.status_code in {201, 400}, answer.content
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
