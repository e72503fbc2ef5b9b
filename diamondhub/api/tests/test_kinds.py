"""Every kind of problem is in the table, and its type leads to a page that says what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from diamondhub import urls  # noqa: F401 - all apps have declared theirs once all addresses are known
from diamondhub.api import kinds
from diamondhub.api.problems import Problem, respond

#: Calls whose arguments name a kind.
_MAKERS = {"Problem", "Unavailable", "Refusal", "unauthorized"}
_NAME = re.compile(r"[a-z]+(-[a-z]+)+|forbidden|unauthorized|conflict")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for app in ("diamondhub", "catalog", "pricing", "ingest"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if "tests" not in path.parts and "migrations" not in path.parts:
                yield path, ast.parse(path.read_text())


def is_status(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "HTTPStatus"


def is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_NAME.fullmatch(node.value))


def named_in(module: ast.Module) -> Iterator[tuple[int, str]]:
    """What looks like a kind: beside a status, or where a problem is made."""
    for node in ast.walk(module):
        beside: list[ast.expr] = []
        if isinstance(node, ast.Tuple) and any(map(is_status, node.elts)):
            beside = node.elts
        elif isinstance(node, ast.Dict) and any(key is not None and is_status(key) for key in node.keys):
            beside = node.values
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _MAKERS or name == "__init__" or any(map(is_status, node.args)):
                beside = node.args
        yield from ((item.lineno, item.value) for item in beside if is_name(item))  # type: ignore[attr-defined]


def test_every_kind_that_is_named_in_the_sources_is_declared() -> None:
    named = [
        (f"{path.relative_to(settings.BASE_DIR)}:{line}", name)
        for path, module in sources()
        if path.name != "kinds.py"
        for line, name in named_in(module)
    ]

    assert len(named) > 30
    assert [(place, name) for place, name in named if kinds.named(name) is None] == []


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        kinds.declare(kinds.Kind("not-found", HTTPStatus.GONE, "Other", "Other.", "Other."))


def test_titles_and_texts_are_there_and_each_kind_is_an_error() -> None:
    for kind in kinds.all_kinds():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name), kind
        assert kind.status >= 400, kind
        assert all(text.strip() for text in (kind.title, kind.happened, kind.remedy)), kind
        assert not kind.title.endswith("."), kind
        assert kind.happened.endswith("."), kind
        assert kind.remedy.endswith("."), kind


def test_the_type_of_every_kind_leads_to_its_description_as_json_and_as_a_page() -> None:
    http = Client()

    for kind in kinds.all_kinds():
        told = http.get(kind.type, headers={"Accept": "application/json"})
        page = http.get(kind.type, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

        assert told.json()["type"] == kind.type
        assert (told.json()["status"], told.json()["title"]) == (kind.status, kind.title)
        assert page["Content-Type"].startswith("text/html")
        assert "default-src 'self'" in page["Content-Security-Policy"]
        assert "<script" not in page.content.decode()


def test_all_kinds_are_listed_for_programs_and_for_browsers() -> None:
    http = Client()

    listed = http.get("/api/problems/").json()["results"]
    page = http.get("/api/problems/", headers={"Accept": "text/html"}).content.decode()

    assert [entry["type"] for entry in listed] == [kind.type for kind in kinds.all_kinds()]
    assert all(f'href="{kind.type}"' in page for kind in kinds.all_kinds())


@pytest.mark.parametrize("accept", ["application/json", "text/html", "*/*"])
def test_a_kind_that_there_is_not_is_not_found(accept: str) -> None:
    answer = Client().get("/api/problems/no-such-thing", headers={"Accept": accept})

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "/api/problems/not-found"


def test_a_type_is_the_same_text_whatever_host_was_asked() -> None:
    problem = Problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing.")

    answers = [
        respond(RequestFactory().get("/api/x", headers={"Host": host}), problem) for host in ("a.test", "b.test")
    ]

    assert answers[0].content == answers[1].content
    assert b'"type": "/api/problems/not-found"' in answers[0].content
