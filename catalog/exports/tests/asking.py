"""Asking for exports in tests, and having them written here and now."""

from __future__ import annotations

import gzip
from typing import Any

from django.test import Client

from catalog.exports.models import Export
from catalog.exports.work import work
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient

ADDRESS = "/api/v1/exports"


def signed_in(name: str, *scopes: str) -> Client:
    """A client of this name that may export, and what else its scopes say."""
    key = create_client(name, scopes=["catalog:read", "catalog:export", *scopes]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def start(http: Client, headers: dict[str, str] | None = None, **body: Any) -> Any:
    """The answer to the start of an export."""
    wanted = {"format": "ndjson", "gzip": False, **body}
    return http.post(ADDRESS, wanted, content_type="application/json", headers=headers)


def written(http: Client, **body: Any) -> dict[str, Any]:
    """An export after a worker was at it."""
    started = start(http, **body)
    assert started.status_code == 202, started.content
    work(started.json()["export"])
    answer: dict[str, Any] = http.get(started["Location"]).json()
    return answer


def file_of(http: Client, export: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """The answer with the file, or what is said instead."""
    return http.get(f"{ADDRESS}/{export['export']}/file", headers=headers)


def bytes_of(answer: Any) -> bytes:
    """What an answer sends."""
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def text_of(http: Client, export: dict[str, Any]) -> str:
    """What the file says."""
    answer = file_of(http, export)
    assert answer.status_code == 200, answer.content
    sent = bytes_of(answer)
    return (gzip.decompress(sent) if export["gzip"] else sent).decode()


def row(export: dict[str, Any]) -> Export:
    """The export's row."""
    return Export.objects.get(pk=export["export"])


def refusal(answer: Any) -> tuple[int, str]:
    """The status and the kind of problem that an answer tells."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def set_rows_a_day(rows: int) -> None:
    """Have every client take no more rows a day than these."""
    ApiClient.objects.update(max_rows_a_day=rows)
