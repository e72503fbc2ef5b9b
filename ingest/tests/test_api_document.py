"""The OpenAPI document of ingestion and the audit: real answers, and the examples, are as it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from pricing.tests.test_api_document import faults_of

pytestmark = pytest.mark.django_db

TAGS = {"feeds", "runs", "dead letters", "audit"}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/api/schema/").json()
    return described


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
        if TAGS & set(operation["tags"])
    }


def test_every_answer_has_an_example_and_it_is_as_the_document_says(document: dict[str, Any]) -> None:
    described = operations(document)

    assert described
    for name, operation in described.items():
        (content,) = [
            answer["content"]["application/json"]
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        ]
        assert content.get("examples"), f"{name} has no example"
        for example in content["examples"].values():
            assert not faults_of(example["value"], content["schema"], document), name
