"""The table of kinds against the code, the run books and the admin: nothing is announced that it does not have."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils.html import escape

from diamondhub.access.clients import create_client
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, looking, runbooks, tracking
from diamondhub.operations.problems.acting import buttons_of, link_of
from diamondhub.operations.problems.kinds import Kind
from ingest.models import Feed
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from pricing import reprice

KINDS = list(kinds.all_kinds())
#: Functions that are given the kind of a problem, and which of their arguments that is.
RECORDING = {"occurred": 0, "resolve": 0, "Wrong": 0, "_occurred": 1, "_resolve": 1, "_mend": 1, "_tell": 1}
KEBAB = re.compile(r"[a-z]+(-[a-z]+)+")


def sources() -> Iterator[Path]:
    """The code of the product, without tests, migrations and what declares kinds."""
    for app in ("diamondhub", "catalog", "pricing", "ingest"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            parts = path.relative_to(settings.BASE_DIR).parts
            if not {"tests", "testing", "migrations", "sandbox"} & {*parts} and path.name != "problem_kinds.py":
                yield path


def calls(names: Collection[str]) -> Iterator[tuple[str, str, ast.Call]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in names:
                    yield f"{path.name}:{node.lineno}", name, node


def kind_of(name: str, call: ast.Call) -> Iterator[str]:
    """The kind that a call is given, if it stands there."""
    place = RECORDING[name]
    arguments = [*call.args[place : place + 1], *(word.value for word in call.keywords if word.arg == "kind")]
    for argument in arguments:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def test_every_kind_that_the_code_records_is_in_the_table() -> None:
    declared = {kind.name for kind in KINDS}

    recorded = {kind: where for where, name, call in calls(RECORDING) for kind in kind_of(name, call)}

    assert {kind: where for kind, where in recorded.items() if kind not in declared} == {}
    assert len(recorded) > 20


def test_every_kind_in_the_table_is_one_that_the_code_records() -> None:
    code = "\n".join(path.read_text() for path in sources())
    looked_for = {name for lookout in looking.lookouts() for name in lookout.kinds}

    dead = [kind.name for kind in KINDS if kind.name not in looked_for and f'"{kind.name}"' not in code]

    assert dead == []


def test_what_is_announced_without_being_a_problem_is_news_that_is_declared() -> None:
    news = {kind.name for kind in kinds.all_news()}

    announced = {
        literal
        for _, _, call in calls({"announce"})
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
        for literal in [str(keyword.value.value)]
    }

    assert announced == news


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_says_what_it_is_and_has_a_run_book(kind: Kind) -> None:
    text = runbooks.text_of(kind.name)

    assert KEBAB.fullmatch(kind.name)
    assert text is not None
    assert text.startswith(f"# {kind.title}\n"), "the run book has another title"
    assert all(f"\n## {part}\n" in text for part in ("What it means", "How to see it", "What to do"))
    assert all((kind.title, kind.found, kind.ends))
    named = set(re.findall(r"\]\(([a-z-]+)\.md\)", text))
    assert named <= {other.name for other in KINDS}
    app, _, codename = kind.permission.partition(".")
    assert codename
    assert app


def test_there_is_no_run_book_without_its_kind() -> None:
    assert {path.stem for path in runbooks.folder().glob("*.md")} == {kind.name for kind in KINDS}


@pytest.mark.django_db
def test_every_permission_that_kinds_and_their_buttons_ask_for_is_one() -> None:
    known = {f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")}

    asked = {kind.permission for kind in KINDS}
    asked |= {button.permission for kind in KINDS for button in kind.buttons}
    asked |= {news.permission for news in kinds.all_news()}

    assert asked - known == set()


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Something that is there for each form of what problems are about."""
    factories.supplying(monkeypatch, MemorySupplier(factories.stones(10)))
    run = factories.start()
    key = create_client("shop", scopes=["catalog:read"]).key
    repricing = reprice.start(cause="a test", actor="eve")
    return {
        "run": f"run:{run.pk}",
        "feed": "feed:memory",
        "account": "account:nivoda",
        "cause": f"cause:{'a1' * 16}",
        "key": f"key:{key.key_id}",
        "repricing": f"repricing:{repricing.pk}",
        "webhook": "webhook:1",
        "host": "host:web-1",
        "other": "sweep",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_links_and_buttons_lead_somewhere_whatever_the_problem_is_about(kind: Kind, targets: dict[str, str]) -> None:
    boss = User(username="boss", is_active=True, is_superuser=True)
    addresses = []
    for target in [*targets.values(), "run:", "run:999999999", "feed:gone", "cause:../..", "key:gone", "strange"]:
        if kind.name == "repricing-failing" and not target.startswith("repricing:"):
            continue
        if kind.name.startswith("webhook-") and not target.startswith("webhook:"):
            continue
        problem = Problem(kind=kind.name, about=target, state="open")
        addresses += [link_of(problem), *(shown.url for shown in buttons_of(problem, boss))]

    for address in filter(None, addresses):
        path = address.partition("?")[0]
        try:
            resolve(path)
        except Resolver404:
            assert path == "/health/status", address


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_problem_of_each_kind_and_its_run_book_have_pages(
    kind: Kind, targets: dict[str, str], admin_client: Client
) -> None:
    about = {"repricing-failing": "repricing", "message-letter": "cause", "letters-parked": "cause"}.get(
        kind.name, "feed"
    )
    about = "webhook" if kind.name.startswith("webhook-") else "key" if "key" in kind.name else about
    problem = tracking.occurred(kind.name, targets[about], subject="<b>Something</b> is wrong")

    page = admin_client.get(f"/admin/operations/problem/{problem.pk}/change/")
    book = admin_client.get(f"/admin/operations/problem/runbook/{kind.name}/")

    assert page.status_code == book.status_code == 200
    assert escape(kind.title) in page.content.decode()
    assert "<b>Something" not in page.content.decode()
    assert "What to do" in book.content.decode()
    assert Feed.objects.filter(slug="memory").exists()
