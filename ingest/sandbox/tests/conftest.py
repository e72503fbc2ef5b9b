from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import msgspec
import pytest
import requests
from graphql import GraphQLObjectType, build_schema, get_named_type

from diamondhub.tests.patience import HANG_SECONDS
from ingest.sandbox import schema
from ingest.sandbox.rendering import Item
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options, Supplier

#: 2026-06-01 12:00 UTC in microseconds: an inventory of a fixed day.
A_DAY = 1_780_315_200_000_000


@cache
def selection(kind: str) -> str:
    """Every field of a type of the schema, to the leaves."""
    owner = build_schema(schema._SOURCE.read_text()).type_map[kind]
    assert isinstance(owner, GraphQLObjectType)
    fields = []
    for name, field in owner.fields.items():
        inner = get_named_type(field.type)
        fields.append(f"{name} {selection(inner.name)}" if isinstance(inner, GraphQLObjectType) else name)
    return f"{{ {' '.join(fields)} }}"


SIGN_IN = """query($u: String!, $p: String!) {
  authenticate { username_and_password(username: $u, password: $p) { token } } }"""
COUNT = "query($token: String!, $query: DiamondQuery!) { as(token: $token) { diamonds_by_query_count(query: $query) } }"
PAGE = f"""query($token: String!, $query: DiamondQuery!, $offset: Int, $limit: Int) {{ as(token: $token) {{
  diamonds_by_query(query: $query, offset: $offset, limit: $limit, order: {{type: createdAt, direction: ASC}})
    {{ items {selection("Offer")} total_count }} }} }}"""


class Buyer:
    """A client that asks as the documentation says and keeps its connection."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.token = ""

    def post(self, text: str, variables: dict[str, Any], **headers: str) -> requests.Response:
        body = {"query": text, "variables": variables}
        return self.session.post(self.sandbox.url, json=body, headers=headers, timeout=HANG_SECONDS)

    def sign_in(self, username: str = "sandbox", password: str = "sandbox") -> dict[str, Any]:
        answer: dict[str, Any] = self.post(SIGN_IN, {"u": username, "p": password}).json()
        if answer["data"]:
            self.token = answer["data"]["authenticate"]["username_and_password"]["token"]
        return answer

    def ask(self, text: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to a text that takes `$token`."""
        return cast(dict[str, Any], self.post(text, {"token": self.token, **variables}).json())

    def count(self, **query: Any) -> int:
        return cast(int, self.ask(COUNT, query=query)["data"]["as"]["diamonds_by_query_count"])

    def page(self, offset: int = 0, limit: int = 50, **query: Any) -> dict[str, Any]:
        answer = self.ask(PAGE, query=query, offset=offset, limit=limit)
        return cast(dict[str, Any], answer["data"]["as"]["diamonds_by_query"])

    def walk(self, **query: Any) -> list[Item]:
        """All items, advancing by what was received, until an empty page."""
        items: list[Item] = []
        while page := self.page(len(items), **query)["items"]:
            items += page
        return items

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(method, f"{self.sandbox.control}{path}", json=body, timeout=HANG_SECONDS)

    def stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.control("GET", "/stats").json())

    def truth(self, parameters: str = "") -> list[Item]:
        """Every item by the control door."""
        lines = self.control("GET", f"/items{parameters}").content.splitlines()
        return [msgspec.json.decode(line) for line in lines]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small supplier of its own for every test."""
    with Sandbox(Options(stones=1_500)) as running:
        yield running


@pytest.fixture
def buyer(sandbox: Sandbox) -> Buyer:
    signed_in = Buyer(sandbox)
    signed_in.sign_in()
    return signed_in


@pytest.fixture(scope="session")
def supplier() -> Supplier:
    """A supplier of the usual size that nobody changes."""
    return Supplier(Options(now=A_DAY))


@pytest.fixture(scope="session")
def items(supplier: Supplier) -> list[Item]:
    """Every item of the usual inventory, the hidden ones too."""
    return list(supplier.items(labgrown=None, availability=None))
