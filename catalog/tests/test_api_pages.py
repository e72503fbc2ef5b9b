"""The API's description: complete, OpenAPI 3.1, and readable in a browser that reaches nothing but us."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
import yaml
from django.test import Client

from catalog.api.search import SearchQuery


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/schema/").json()
    return found


def test_the_document_is_openapi_three_one_without_a_key(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) >= {"/api/v1/diamonds", "/api/v1/diamonds/{id}"}


def test_it_is_yaml_for_whom_asks(client: Client, document: dict[str, Any]) -> None:
    answer = client.get("/api/schema/", headers={"Accept": "application/yaml"})

    assert yaml.safe_load(answer.content) == document


def test_it_describes_every_parameter_the_key_and_the_problems(document: dict[str, Any]) -> None:
    search = document["paths"]["/api/v1/diamonds"]["get"]

    assert [parameter["name"] for parameter in search["parameters"]] == list(SearchQuery.shared().fields)
    assert all(parameter["description"] for parameter in search["parameters"])
    assert not any("example" in parameter["schema"] for parameter in search["parameters"])
    assert search["security"] == [{"ApiKey": []}, {"Signature": [], "SignatureInput": []}]
    assert document["components"]["securitySchemes"]["ApiKey"]["name"] == "X-API-Key"
    for status in ("400", "401", "403", "429", "503"):
        assert set(search["responses"][status]["content"]) == {"application/problem+json"}


def test_it_describes_an_answer_as_it_is(document: dict[str, Any]) -> None:
    properties = document["components"]["schemas"]["DiamondAnswer"]["properties"]

    assert properties["clarity"]["type"] == ["string", "null"]
    assert {"VVS1", None} < set(properties["clarity"]["enum"])
    assert properties["price"]["type"] == "string"
    assert "null" in properties["carats"]["type"]
    assert not {"cost_cents", "rule", "rule_set", "raw_id", "payload_hash"} & set(properties)


def test_the_root_leads_to_the_admin(client: Client) -> None:
    answer = client.get("/")

    assert (answer.status_code, answer["Location"]) == (HTTPStatus.FOUND, "/admin/")
