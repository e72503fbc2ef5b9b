"""The OpenAPI document of pricing: real answers and bodies are as it says."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing import history, publishing, rule_files
from pricing.in_force import with_rules
from pricing.models import RuleSet
from pricing.tests.asking import EDIT, PUBLISH, READ, send, signed_in
from pricing.tests.factories import a_draft
from pricing.tests.test_api_rules import RULE

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/api/schema/").json()
    return described


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
        if "pricing" in operation["tags"]
    }


def faults_of(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Where a value is not as a schema of the document says, fields that it does not know included."""

    def closed(described: Any) -> Any:
        if isinstance(described, list):
            return [closed(inner) for inner in described]
        if not isinstance(described, dict):
            return described
        inner = {name: closed(inner) for name, inner in described.items()}
        return {**inner, "additionalProperties": False} if isinstance(inner.get("properties"), dict) else inner

    whole = {**closed(schema), "components": closed(document["components"])}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def test_every_answer_is_as_the_document_says(document: dict[str, Any], today: date) -> None:
    http = signed_in(READ, EDIT, PUBLISH)
    stone = a_diamond(cost_cents=100_000, price_cents=140_000)
    history.because("run", 7, "schedule")
    Diamond.objects.filter(pk=stone.pk).update(price_cents=139_999)
    draft = a_draft({"clauses": []}, {"clauses": [{"shapes": ["PEAR"]}]}, {"clauses": [{}]}, floor_margin="2.5")
    in_force = a_draft({"name": "pears", "clauses": [{"shapes": ["PEAR"]}]}, {"name": "rounds", "rating": 5})
    publishing.publish(in_force.pk, actor="maria", reason="spring", below_cost_confirmed=True)
    explained = a_diamond(cost_cents=100_000, price_cents=150_000, rule_set=in_force.version)
    sets, experiments = f"rule-sets/{draft.version}", "experiments"
    new_experiment = {"slug": "dearer", "rule_set": draft.version, "share": 12.5}

    answers = {
        "list_rule_sets": http.get("/api/v1/rule-sets"),
        "create_draft": send(http, "post", "rule-sets", {"notes": "x"}),
        "change_draft": send(http, "patch", sets, {"revision": 0, "margin_natural": 41.5}),
        "get_rule_set": http.get(f"/api/v1/{sets}"),
        "add_rule": send(http, "post", f"{sets}/rules", {"revision": 1, "rule": {**RULE, "priority": 90}}),
        "get_rule": http.get(f"/api/v1/{sets}/rules/2"),
        "put_rule": send(http, "put", f"{sets}/rules/2", {"revision": 2, "rule": RULE | {"priority": 20}}),
        "delete_rule": http.delete(f"/api/v1/{sets}/rules/1?revision=3"),
        "rule_set_conflicts": http.get(f"/api/v1/{sets}/conflicts"),
        "simulate_rule_set": http.get(f"/api/v1/{sets}/simulation"),
        "start_repricing": send(http, "post", "repricings", {"reason": "x"}),
        "list_repricings": http.get("/api/v1/repricings"),
        "create_experiment": send(http, "post", experiments, new_experiment),
        "start_experiment": send(http, "post", f"{experiments}/dearer/start", {"confirm_below_cost": True}),
        "get_experiment": http.get(f"/api/v1/{experiments}/dearer"),
        "end_experiment": send(http, "post", f"{experiments}/dearer/end", {"reason": "x"}),
        "list_experiments": http.get(f"/api/v1/{experiments}"),
        "get_price_history": http.get(f"/api/v1/diamonds/{stone.pk}/price-history"),
        "get_past_price": http.get(f"/api/v1/diamonds/{stone.pk}/past-price?day={today}"),
        "explain_price": http.get(f"/api/v1/diamonds/{explained.pk}/price-explanation"),
        "publish_rule_set": send(http, "post", "rule-sets/1/publication", {"reason": "x", "confirm_below_cost": True}),
    }
    started = answers["publish_rule_set"].json()["repricing"]
    answers["get_repricing"] = http.get(f"/api/v1/repricings/{started}")
    answers["cancel_repricing"] = send(http, "post", f"repricings/{started}/cancellation", {"reason": "x"})

    wrong = {}
    for name, answer in answers.items():
        described = operations(document)[name]["responses"][str(answer.status_code)]["content"]["application/json"]
        if faults := faults_of(answer.json(), described["schema"], document):
            wrong[name] = faults
    assert wrong == {}
    assert set(operations(document)) - set(answers) == {"delete_draft", "delete_experiment"}


def test_a_rule_that_was_read_is_a_body_that_the_document_allows_and_so_is_a_new_one(document: dict[str, Any]) -> None:
    http = signed_in(READ, EDIT)
    draft = a_draft({"number": 5, "ending_cents": 9_900, "ending_step_cents": 10_000})
    shown = http.get(f"/api/v1/rule-sets/{draft.version}/rules/5").json()
    read = {name: value for name, value in shown.items() if name not in ("words", "warnings")}

    def refused(name: str, body: Any) -> list[str]:
        described = operations(document)[name]["requestBody"]
        assert described["required"]
        return faults_of(body, described["content"]["application/json"]["schema"], document)

    assert refused("put_rule", {"revision": 0, "rule": read}) == []
    assert refused("add_rule", {"revision": 0, "rule": RULE}) == []
    assert refused("add_rule", {"revision": 0, "rule": read}) != []
    assert refused("add_rule", {"revision": 0, "rule": {**RULE, "clauses": [{"color_min": "FANCY"}]}}) != []


def test_a_rule_is_read_alike_from_a_request_and_from_a_file() -> None:
    draft = a_draft()
    body = {"revision": 0, "rule": {**RULE, "clauses": [{"labs": ["g.i.a."], "cost_min": "1000"}]}}
    send(signed_in(EDIT), "post", f"rule-sets/{draft.version}/rules", body)
    text = rule_files.to_yaml(with_rules(RuleSet.objects.filter(pk=draft.pk)).get())

    imported = rule_files.from_yaml(text.encode(), actor="maria")

    by_rest, by_file = (RuleSet.objects.get(pk=rule_set.pk).rules.get() for rule_set in (draft, imported))
    assert list(map(str, by_rest.clauses.all())) == list(map(str, by_file.clauses.all()))
    assert (by_rest.fixed_cents, by_rest.valid_to) == (by_file.fixed_cents, by_file.valid_to)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("rule-sets?stat=draft", "stat is not a parameter of this address; did you mean state?"),
        ("rule-sets?state=publishd", "; did you mean published?"),
        ("repricings?limt=1", "limt is not a parameter of this address; did you mean limit?"),
    ],
)
def test_a_query_that_is_nearly_right_is_answered_with_the_right_one(address: str, said: str) -> None:
    answer = signed_in(READ).get(f"/api/v1/{address}")

    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_a_mistake_that_is_a_sentence_is_told_behind_its_place(client: Client) -> None:
    draft = a_draft()
    body = {"revision": 0, "rule": {"name": "x", "priority": 0, "modifer": 3}}

    answer = send(signed_in(EDIT), "post", f"rule-sets/{draft.version}/rules", body)

    assert answer.json()["detail"] == (
        "rule.modifer is not a field that is known here; did you mean modifier?; "
        "rule.priority: A priority is a whole number from 1 to 1,000,000."
    )


def test_a_rule_with_another_number_than_the_address_says_is_refused() -> None:
    draft = a_draft({"number": 5})
    http = signed_in(EDIT)

    put = send(http, "put", f"rule-sets/{draft.version}/rules/5", {"revision": 0, "rule": {**RULE, "number": 6}})
    added = send(http, "post", f"rule-sets/{draft.version}/rules", {"revision": 0, "rule": {**RULE, "number": 6}})

    assert put.json()["errors"] == [
        {"field": "rule.number", "pointer": "#/rule/number", "message": "must be 5, as in the address"}
    ]
    assert added.json()["errors"] == [
        {"field": "rule.number", "pointer": "#/rule/number", "message": "is given out here: leave it away"}
    ]
