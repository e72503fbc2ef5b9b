"""What the OpenAPI document says: complete, and true of its own examples."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from diamondhub.api import kinds
from diamondhub.tests.patience import HANG_SECONDS


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    told: dict[str, Any] = Client().get("/api/schema/").json()
    return told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def faults_of(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": document["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def test_every_parameter_body_and_answer_has_an_example_that_is_as_it_says(document: dict[str, Any]) -> None:
    wrong = {}
    for method, path, operation in operations(document):
        shown = {}
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            value = parameter["example"] if parameter["in"] == "path" else schema["examples"][0]
            shown[parameter["name"]] = (value, schema)
        media = {"body": operation.get("requestBody", {}).get("content", {})}
        media |= {f"answer {status}": answer.get("content", {}) for status, answer in operation["responses"].items()}
        for what, by_type in media.items():
            for described in by_type.values():
                examples = [described["example"]] if "example" in described else [
                    document["components"]["examples"][name]["value"] for name in described["examples"]
                ]  # fmt: skip
                assert examples, (method, path, what)
                for number, value in enumerate(examples):
                    shown[f"{what} {number}"] = (value, described["schema"])
        for what, (value, schema) in shown.items():
            if faults := faults_of(value, schema, document):
                wrong[f"{method} {path} {what}"] = faults

    assert wrong == {}


def test_every_operation_has_examples_in_every_language_and_none_that_it_does_not_take(
    document: dict[str, Any],
) -> None:
    for _, path, operation in operations(document):
        samples = {sample["label"]: sample["source"] for sample in operation["x-codeSamples"]}

        assert list(samples) == ["curl", "Python", "JavaScript", "PHP"]
        assert all(
            "{" not in source.partition("https://")[2].partition('"')[0].partition("'")[0]
            for source in samples.values()
        ), path
        compile(samples["Python"], path, "exec")


@pytest.mark.parametrize(
    ("label", "checker", "suffix"),
    [("curl", ["bash", "-n"], "sh"), ("JavaScript", ["node", "--check"], "mjs"), ("PHP", ["php", "-l"], "php")],
)
def test_examples_are_of_their_language(
    document: dict[str, Any], tmp_path: Path, label: str, checker: list[str], suffix: str
) -> None:
    if shutil.which(checker[0]) is None:
        pytest.skip(f"there is no {checker[0]}")
    sources = [
        sample["source"]
        for _, _, operation in operations(document)
        for sample in operation["x-codeSamples"]
        if sample["label"] == label
    ]
    file = tmp_path / f"examples.{suffix}"
    if label == "JavaScript":
        sources = [f"{{\n{source}\n}}" for source in sources]
    file.write_text(("?>\n" if label == "PHP" else "\n").join(sources))

    done = subprocess.run([*checker, str(file)], capture_output=True, text=True, timeout=HANG_SECONDS)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_error_is_documented_by_its_kinds(document: dict[str, Any]) -> None:
    declared = {kind.name for kind in kinds.all_kinds()}

    for method, path, operation in operations(document):
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        assert {"400", "401", "403", "406", "429", "500", "503"} <= set(errors), (method, path)
        for status, answer in errors.items():
            named = set(answer["content"]["application/problem+json"]["examples"])
            assert named <= declared
            assert all(kinds.named(name).status == int(status) for name in named)  # type: ignore[union-attr]
            assert all(f"(/api/problems/{name})" in answer["description"] for name in named)


def test_what_a_body_must_have_and_what_it_may_not_have_is_said(document: dict[str, Any]) -> None:
    bodies = {
        operation["operationId"]: operation["requestBody"]
        for _, _, operation in operations(document)
        if "requestBody" in operation
    }

    assert all(isinstance(body["required"], bool) for body in bodies.values())
    assert bodies["publish_rule_set"]["required"] is True
    assert bodies["start_experiment"]["required"] is False
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Request"):
            assert schema["additionalProperties"] is False, name


def test_required_parameters_and_texts_that_must_not_be_empty_are_said(document: dict[str, Any]) -> None:
    required = {
        (operation["operationId"], parameter["name"])
        for _, _, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    }
    reasons = [
        schema["properties"]["reason"]
        for name, schema in document["components"]["schemas"].items()
        if name.endswith("Request") and "reason" in schema.get("properties", {})
    ]

    assert {("delete_draft", "revision"), ("delete_rule", "revision"), ("get_past_price", "day")} <= required
    assert len(reasons) >= 2
    assert all(reason["minLength"] == 1 and faults_of(" ", reason, document) for reason in reasons)


def test_a_key_or_a_signature_signs_in_and_at_the_proxy_a_token(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    everywhere: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Signature": [], "SignatureInput": []}]

    assert document["openapi"].startswith("3.1")
    assert {scheme.get("name") or scheme["scheme"] for scheme in schemes.values()} == {
        *("X-API-Key", "Signature", "Signature-Input", "bearer")
    }
    for _, path, operation in operations(document):
        if path.startswith("/api/v1/"):
            takes_tokens = operation["operationId"] == "ask_supplier"
            assert operation["security"] == [*everywhere, {"Token": []}][: 3 if takes_tokens else 2]


def test_every_answer_to_a_client_has_the_headers_of_its_limits(document: dict[str, Any]) -> None:
    limits = {"RateLimit", "RateLimit-Policy"}

    without = {
        (operation["operationId"], status)
        for _, path, operation in operations(document)
        if path.startswith("/api/v1/")
        for status, response in operation["responses"].items()
        if not limits <= set(response.get("headers", ()))
    }

    assert {status for _, status in without} == {"401"}, "nobody is signed in there"
    assert limits <= set(document["components"]["headers"])


def test_every_address_of_the_api_is_in_the_document(document: dict[str, Any]) -> None:
    def addresses(patterns: Any, prefix: str = "/") -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                yield from addresses(pattern.url_patterns, route)
            elif route.startswith("/api/"):
                yield route

    described = {path.partition("{")[0] for path in document["paths"]}
    missing = [route for route in addresses(get_resolver().url_patterns) if route.partition("<")[0] not in described]

    assert missing == ["/api/schema/", "/api/docs/"]
