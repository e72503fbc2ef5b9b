"""Rule sets by REST: listed in pages, shown, copied, their margins edited, and what of that is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from pricing import experiments
from pricing.models import RuleSet
from pricing.tests.asking import EDIT, READ, problem, send, signed_in, wrong
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def http() -> Client:
    return signed_in(READ, EDIT)


def test_rule_sets_are_listed_newest_first_in_pages(http: Client) -> None:
    versions = [a_draft({}, {}).version for _ in range(3)]

    first = http.get("/api/v1/rule-sets?limit=2").json()
    second = http.get(f"/api/v1/rule-sets?limit=2&cursor={first['next']}").json()

    assert [row["version"] for row in first["results"] + second["results"]] == [*reversed(versions), 1]
    assert (second["next"], first["results"][0]["rule_count"]) == (None, 2)
    assert [row["version"] for row in http.get("/api/v1/rule-sets?state=published").json()["results"]] == [1]


def test_a_list_takes_a_bounded_number_of_queries(http: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(5):
        a_draft({})

    with django_assert_max_num_queries(4):
        http.get("/api/v1/rule-sets")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "state=gone", "cursor=x", "version=1", "order=version"])
def test_a_wrong_parameter_of_a_list_is_named(http: Client, query: str) -> None:
    assert wrong(http.get(f"/api/v1/rule-sets?{query}")) == [query.partition("=")[0]]


def test_one_set_is_shown_with_its_rules_by_priority_in_words_and_with_warnings(http: Client) -> None:
    draft = a_draft(
        {"priority": 9, "clauses": []},
        {"priority": 3, "fixed_cents": -50, "clauses": [{"shapes": ["OVAL"], "cost_cents_min": 12_345}]},
        {"priority": 5, "clauses": [{"fancy_colors": ["PINK"], "stone_types": ["natural"]}]},
        floor_margin=Decimal("2.5"),
    )

    shown = http.get(f"/api/v1/rule-sets/{draft.version}").json()

    assert (shown["state"], shown["margin_lab_grown"], shown["floor_margin"]) == ("draft", 79, 2.5)
    assert [rule["number"] for rule in shown["rules"]] == [2, 3, 1]
    oval, pink, empty = shown["rules"]
    assert oval["clauses"] == [{"shapes": ["OVAL"], "cost_min": "123.45"}]
    assert (oval["fixed"], oval["words"]) == ("-0.50", ["cost from $123.45; shape is OVAL"])
    assert "Clause 1 never matches" in pink["warnings"][0]
    assert empty["warnings"] == ["The rule has no clause, so it matches nothing."]


def test_a_copy_of_what_is_in_force_is_a_new_draft(http: Client) -> None:
    answer = send(http, "post", "rule-sets", {"notes": "spring <b>prices</b>"})

    assert answer.status_code == 201
    draft = RuleSet.objects.get(version=answer.json()["version"])
    assert (draft.state, draft.based_on, draft.created_by) == ("draft", 1, "tool (API client)")
    assert draft.notes == "spring <b>prices</b>"


def test_a_copy_of_another_set_has_its_rules(http: Client) -> None:
    source = a_draft({"name": "ovals", "number": 7})

    answer = send(http, "post", "rule-sets", {"copy_of": source.version})

    assert [rule["number"] for rule in answer.json()["rules"]] == [7]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"copy_of": "1"}, "copy_of"),
        ({"copy_of": None}, "copy_of"),
        ({"notes": "x" * 10_000}, "notes"),
        ({"notes": 1}, "notes"),
        ({"version": 9}, "version"),
    ],
)
def test_a_wrong_field_of_a_new_draft_is_named(http: Client, body: Any, field: str) -> None:
    assert wrong(send(http, "post", "rule-sets", body)) == [field]
    assert RuleSet.objects.count() == 1


def test_margins_of_a_draft_are_changed_at_the_revision_that_was_read(http: Client) -> None:
    draft = a_draft()

    changed = send(
        http, "patch", f"rule-sets/{draft.version}", {"revision": 0, "margin_natural": 41.5, "floor_margin": 3}
    )
    late = send(http, "patch", f"rule-sets/{draft.version}", {"revision": 0, "margin_natural": 1})

    assert (changed.json()["revision"], changed.json()["margin_natural"]) == (1, 41.5)
    assert problem(late) == (409, "stale-revision")
    assert "your changes were not saved" in late.json()["detail"]
    draft.refresh_from_db()
    assert (draft.margin_natural, draft.margin_fancy, draft.floor_margin, draft.revision) == (Decimal("41.5"), 40, 3, 1)
    assert send(http, "patch", f"rule-sets/{draft.version}", {"revision": 1, "floor_margin": None}).status_code == 200
    draft.refresh_from_db()
    assert draft.floor_margin is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"margin_natural": 1}, "revision"),
        ({"revision": 0}, ""),
        ({"revision": True, "margin_natural": 1}, "revision"),
        ({"revision": 0, "margin_natural": -100}, "margin_natural"),
        ({"revision": 0, "margin_natural": "NaN"}, "margin_natural"),
        ({"revision": 0, "margin_natural": 1e300}, "margin_natural"),
        ({"revision": 0, "margin_natural": None}, "margin_natural"),
        ({"revision": 0, "margin_fancy": [1]}, "margin_fancy"),
        ({"revision": 0, "state": "published"}, "state"),
        ({"revision": 0, "compiled": {}}, "compiled"),
    ],
)
def test_a_wrong_field_of_a_draft_is_named_and_nothing_saved(http: Client, body: Any, field: str) -> None:
    draft = a_draft()

    assert wrong(send(http, "patch", f"rule-sets/{draft.version}", body)) == [field]

    assert RuleSet.objects.values_list("revision", "margin_natural").get(pk=draft.pk) == (0, 40)


def test_a_draft_of_an_experiment_is_not_thrown_away(http: Client) -> None:
    draft = a_draft()
    experiments.new("dearer", draft, Decimal(10))

    answer = http.delete(f"/api/v1/rule-sets/{draft.version}?revision=0")

    assert problem(answer) == (409, "draft-in-use")
    assert RuleSet.objects.filter(pk=draft.pk).exists()


def test_a_page_counts_the_rules_of_its_sets_only(http: Client) -> None:
    for _ in range(30):
        a_draft({}, {})

    with CaptureQueriesContext(connection) as asked:
        page = http.get("/api/v1/rule-sets?limit=2").json()

    (listing,) = [query["sql"] for query in asked if "rule_count" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {listing}")
        row = cursor.fetchone()
    assert row is not None
    plans: list[Any] = json.loads(row[0]) if isinstance(row[0], str) else list(row[0])
    rules = 0
    while plans:
        plan = plans.pop()
        plan = plan.get("Plan", plan)
        plans.extend(plan.get("Plans", []))
        rules += plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == "pricing_rule" else 0
    assert rules <= 6
    assert [row["rule_count"] for row in page["results"]] == [2, 2]
