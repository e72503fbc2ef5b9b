"""The API's description: complete, OpenAPI 3.1, and readable in a browser that reaches nothing but us."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import yaml
from django.core.wsgi import get_wsgi_application
from django.test import Client

from catalog.api import SearchQuery


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
    assert search["security"] == [{"ApiKey": []}]
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


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join(10)


def test_the_pages_work_in_a_browser_under_their_policy(server: str, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        complaints: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))

        page.goto(f"{server}/api/docs/")
        page.get_by_text("/api/v1/diamonds", exact=True).click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").wait_for()
        shown = page.content()
        browser.close()

    assert "carats_min" in shown
    assert not complaints
    assert all(url.startswith((server, "data:")) for url in asked)
