"""Asking pricing's API in tests: clients with scopes, and what a refusal says."""

from __future__ import annotations

from typing import Any

from django.test import Client

from diamondhub.access.clients import create_client

READ, EDIT, PUBLISH = "pricing:read", "pricing:edit", "pricing:publish"


def signed_in(*scopes: str, name: str = "tool") -> Client:
    """A client with these scopes; a fault of ours is an answer, not an exception."""
    return Client(headers={"X-API-Key": create_client(name, scopes=scopes).text}, raise_request_exception=False)


def send(http: Client, method: str, address: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """A request with a JSON body, text is sent as it is."""
    return getattr(http, method)(f"/api/v1/{address}", body, content_type="application/json", headers=headers)


def problem(answer: Any) -> tuple[int, str]:
    """Status and kind of a refusal."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def wrong(answer: Any) -> list[str]:
    """The fields of a refused body or query."""
    assert answer.status_code == 400, answer.content
    return [error["field"] for error in answer.json()["errors"]]
